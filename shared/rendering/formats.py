"""Every format in which a report can be had: a new one is a module of this room and a line here.

Those that need a large library load it when they are first asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from shared.rendering import airai, hl7, html, pdf, text
from shared.rendering.document import ReportDocument
from shared.rendering.fhir import bundle


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a report.

    Attributes:
        name: what `?format=` and `cxr report --format` call it.
        extension: of a file that holds it.
        render: the document to the file's bytes; the same document gives the same bytes.

    Raises:
                NotPossibleError: the study lacks what the format cannot do without.
        by_accept: whether the media type is this format's own, so that Accept can ask for it.
        pictures: whether it shows the radiographs.
    """

    name: str
    media_type: str
    extension: str
    render: Callable[[ReportDocument], bytes]
    by_accept: bool = False
    pictures: bool = False


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        form.name: form
        for form in (
            Format("text", text.MEDIA_TYPE, "txt", text.render, by_accept=True),
            Format("html", html.MEDIA_TYPE, "html", html.render, by_accept=True),
            Format("pdf", pdf.MEDIA_TYPE, "pdf", pdf.render, by_accept=True, pictures=True),
            Format("fhir", bundle.MEDIA_TYPE, "fhir.json", bundle.render, by_accept=True),
            Format("hl7", hl7.MEDIA_TYPE, "hl7", hl7.render, pictures=True),
            Format("airai", airai.MEDIA_TYPE, "airai.json", airai.render),
        )
    }
)
"""By name; JSON is not among them, since it is the API's own."""
