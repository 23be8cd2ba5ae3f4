"""The report as XHTML that any FHIR viewer shows, and as plain text; all of it is escaped.

Map: `narrative` of `head`, or of the `whole` · `title`, `addendum_text`, `conclusion`.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, Final

from shared.domain.reports import Section
from shared.rendering import notes
from shared.rendering.document import ReportDocument
from shared.rendering.fhir.elements import Element
from shared.words import in_each

WORDS: Final = in_each("fhir", dict)


def narrative(document: ReportDocument, paragraphs: Iterable[str]) -> Element:
    """Return paragraphs as a Narrative; what stands on lines of its own keeps them."""
    written = "".join(f"<p>{'<br/>'.join(map(escape, text.splitlines()))}</p>" for text in paragraphs)
    language = f'lang="{document.language}" xml:lang="{document.language}"'
    div = f'<div xmlns="http://www.w3.org/1999/xhtml" {language}>{written}</div>'
    return {"status": "generated", "div": div}


def title(document: ReportDocument) -> str:
    """Return what the report is called, and that nobody has signed it while nobody has."""
    words = document.words
    return f"{words.title} ({words.report_status[document.status]})"


def addendum_text(document: ReportDocument, addendum: Sequence[str]) -> str:
    """Write an addendum, as `notes.addenda` has it, under its heading."""
    return "\n".join((addendum_heading(document), *addendum))


def addendum_heading(document: ReportDocument) -> str:
    """Return what stands above addenda."""
    return str(notes.WORDS[document.language]["addendum"])


def head(document: ReportDocument) -> Iterator[str]:
    """Yield what stands above the sections: how far to rely on it, of whom it is, and what to know first."""
    words = document.words
    yield "\n".join((title(document), *notes.status_lines(document)))
    yield words.not_a_medical_device
    if document.named_patient:
        yield f"{words.patient}: {document.named_patient}"
    if warnings := notes.warning_lines(document):
        yield "\n".join((f"{words.warnings}:", *warnings))
    if critical := notes.critical_lines(document):
        yield "\n".join((f"{notes.WORDS[document.language]['critical']}:", *critical))


def whole(document: ReportDocument) -> Iterator[str]:
    """Yield the whole report."""
    yield from head(document)
    for name, section in document.titled_sections:
        yield f"{name}\n{document.marked_text(section)}"
    yield from (addendum_text(document, addendum) for addendum in notes.addenda(document))
    yield "\n".join(notes.making_lines(document))


def conclusion(document: ReportDocument) -> str:
    """Return the impression with the addenda below it: whoever reads nothing else has read these."""
    addenda = (addendum_text(document, addendum) for addendum in notes.addenda(document))
    return "\n\n".join((document.marked_text(Section.IMPRESSION), *addenda))


def word(document: ReportDocument, name: str) -> str:
    """Return a fixed word of this format in the report's language."""
    words: dict[str, Any] = WORDS[document.language]
    return str(words[name])
