"""The report as XHTML that any FHIR viewer shows, and as plain text; all of it is escaped.

Map: `section_text`, `addendum_text` -> `narrative` · `head`, `whole`, `conclusion`.
"""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

from shared.domain.reports import Addendum, Section
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


def section_text(document: ReportDocument, section: Section) -> str:
    """Return a section's text, each sentence that is not supported with its mark."""
    marks = document.words.marks
    passages = document.marked(section)
    return "".join(
        passage.text if passage.grade is None else f"{passage.text} [{marks[passage.grade]}]"
        for passage in passages
    )


def addendum_text(document: ReportDocument, addendum: Addendum) -> str:
    """Return an addendum, and whose it is."""
    head = f"{word(document, 'addendum')} ({addendum.author}, {addendum.at:%Y-%m-%d})"
    return f"{head}: {addendum.text}"


def head(document: ReportDocument) -> Iterator[str]:
    """Yield what stands above the sections: what it is, of whom, by whom, and what it is not."""
    words = document.words
    yield title(document)
    if document.patient_line:
        yield f"{words.patient}: {document.patient_line}"
    if document.warnings:
        yield "\n".join((f"{words.warnings}:", *document.warnings))
    yield document.author_line
    if document.fallback:
        yield words.fallback
    yield words.not_a_medical_device


def whole(document: ReportDocument) -> Iterator[str]:
    """Yield the whole report."""
    yield from head(document)
    for name, section in document.titled_sections:
        yield f"{name}\n{section_text(document, section)}"
    yield from (addendum_text(document, addendum) for addendum in document.addenda)


def conclusion(document: ReportDocument) -> str:
    """Return the impression with the addenda below it: whoever reads nothing else has read these."""
    addenda = (addendum_text(document, addendum) for addendum in document.addenda)
    return "\n\n".join((section_text(document, Section.IMPRESSION), *addenda))


def word(document: ReportDocument, name: str) -> str:
    """Return a fixed word of this format in the report's language."""
    words: dict[str, Any] = WORDS[document.language]
    return str(words[name])
