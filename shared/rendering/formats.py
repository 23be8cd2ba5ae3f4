"""Every format in which a report can be had: a new one is a module of this room and a line here.

Those that need a large library load it when they are first asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
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
        render: the document to the file's bytes, the same each time; NotPossibleError where the study lacks
            what the format cannot do without.
        by_accept: whether the media type is this format's own, so that Accept can ask for it.
        pictures: whether it shows the radiographs.
    """

    name: str
    media_type: str
    extension: str
    render: Callable[[ReportDocument], bytes]
    by_accept: bool = False
    pictures: bool = False


def _when_asked(module: str) -> Callable[[ReportDocument], bytes]:
    """Return the renderer of a module of this room; the module is imported when it is first used."""

    def render(document: ReportDocument) -> bytes:
        renderer: Callable[[ReportDocument], bytes] = import_module(f"shared.rendering.{module}").render
        return renderer(document)

    return render


def _dicom(name: str, module: str, extension: str, *, pictures: bool = False) -> Format:
    render = _when_asked(f"dicom.{module}")
    return Format(name, "application/dicom", extension, render, pictures=pictures)


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
            _dicom("dicom-sr", "measurement_report", "sr.dcm"),
            _dicom("basic-sr", "text_report", "text-sr.dcm"),
            _dicom("dicom-pdf", "encapsulated_pdf", "pdf.dcm", pictures=True),
            _dicom("dicom-sc", "secondary_capture", "sc.dcm", pictures=True),
            _dicom("gsps", "presentation_state", "gsps.dcm"),
        )
    }
)
"""By name; JSON is not among them, since it is the API's own."""
