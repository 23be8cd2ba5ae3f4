"""A report as plain text, 78 columns wide: for terminals, mail and information systems."""

import textwrap
from collections.abc import Iterator
from typing import Final

from shared.rendering import notes
from shared.rendering.document import ReportDocument, image_in_words, quoted

MEDIA_TYPE: Final = "text/plain"
WIDTH: Final = 78
"""Columns; what mail and terminals show without breaking lines."""


def render(document: ReportDocument) -> bytes:
    """Write the report as UTF-8 text that ends in a newline."""
    return ("\n".join(_lines(document)) + "\n").encode()


def _lines(document: ReportDocument) -> Iterator[str]:
    words = document.words
    status = words.report_status[document.status].upper()
    yield words.title.upper() + status.rjust(WIDTH - len(words.title))
    yield "=" * WIDTH
    for line in notes.status_lines(document):
        yield from _fill(line)
    yield ""
    yield from _head(document)
    yield from _warnings(document)
    if document.indication:
        yield ""
        yield f"{words.indication.upper()} ({words.as_given})"
        yield from _paragraphs(quoted(document.indication))
    for title, section in document.titled_sections:
        yield ""
        yield title.upper()
        yield from _paragraphs(document.marked_text(section))
    for title, lines in notes.after_the_text(document):
        yield ""
        yield title.upper()
        for line in lines:
            yield from _fill(line, first="  ", rest="  ")
    yield ""
    yield words.classifier.upper()
    yield from _table(document)
    yield from _fill(words.scale)
    yield ""
    yield "-" * WIDTH
    for line in notes.making_lines(document):
        yield from _fill(line)
    yield from _fill(words.not_a_medical_device)


def _head(document: ReportDocument) -> Iterator[str]:
    words = document.words
    images = ", ".join(image_in_words(image, words) for image in document.images)
    reported = f"{document.reported_at:%Y-%m-%d %H:%M %Z}, {words.version} {document.version}"
    for name, value in (
        (words.study, document.study_id),
        (words.patient, document.named_patient),
        (words.study_date, document.order.study_date.isoformat() if document.order.study_date else None),
        (words.reported, reported),
        (words.images, images),
    ):
        if value:
            yield from _fill(" ".join(value.split()), first=f"{name:<12}", rest=" " * 12)


def _table(document: ReportDocument) -> Iterator[str]:
    words = document.words
    yield f"  {words.label:<38} {words.status:<11} {words.probability:>12} {words.threshold:>10}"
    for line in document.sorted_findings:
        status = words.finding_status[line.status]
        yield f"  {line.name[:38]:<38} {status:<11} {line.probability:>12.2f} {line.threshold:>10.2f}"


def _warnings(document: ReportDocument) -> Iterator[str]:
    warnings = notes.warning_lines(document)
    if warnings:
        yield ""
        yield document.words.warnings.upper()
    for warning in warnings:
        yield from _fill(warning, first="  ", rest="  ")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        yield from _fill(paragraph, first="  ", rest="  ")


def _fill(text: str, *, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest)
