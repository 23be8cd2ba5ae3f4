"""What stands on a report on paper, all of it words in the report's language: the template only sets it.

Map: `sheet_of` -> `report.typ`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.domain.reports import Person, Section
from shared.rendering import notes
from shared.rendering.document import ReportDocument, image_in_words, quoted
from shared.rendering.names import in_words
from shared.rendering.pdf_pictures import pictures_of, title_of
from shared.version import SOFTWARE
from shared.words import in_each

_WORDS: Final = in_each("sheet", dict)


def sheet_of(document: ReportDocument) -> dict[str, Any]:
    """Return strings, and lists and dictionaries of them; a part that says nothing is None or empty."""
    words, told, more = document.words, notes.WORDS[document.language], _WORDS[document.language]
    return {
        "language": document.language.value,
        "title": words.title,
        "author": _author(document),
        "description": words.not_a_medical_device,
        "keywords": [document.status.value, document.ai_mark.value],
        "status": {
            "kind": document.status.value,
            "word": words.report_status[document.status],
            "lines": notes.status_lines(document),
        },
        "device": words.not_a_medical_device,
        "running": _running(document),
        "page": more["page"],
        "head": _head(document, more),
        "warnings": _part(words.warnings, notes.warning_lines(document)),
        "critical": _part(told["critical"], notes.critical_lines(document)),
        "indication": _part(
            f"{words.indication} ({words.as_given})",
            [quoted(document.indication)] if document.indication else [],
        ),
        "sections": [
            {"title": title, "paragraphs": _paragraphs(document, section)}
            for title, section in document.titled_sections
        ],
        "after": [_part(title, lines) for title, lines in notes.after_the_text(document)],
        "pictures": {"title": title_of(document, more), "of": pictures_of(document, more)},
        "table": _table(document),
        "making": notes.making_lines(document),
        "not_shown": more["not_shown"],
    }


def _part(title: str, lines: Sequence[str]) -> dict[str, Any] | None:
    return {"title": title, "lines": list(lines)} if lines else None


def _author(document: ReportDocument) -> str:
    """Return who answers for it: the last who signed, else who wrote it."""
    if document.attestations:
        return document.attestations[-1].name
    author = document.author
    return author.name if isinstance(author, Person) else f"{SOFTWARE}, {author.id} {author.version}"


def _running(document: ReportDocument) -> list[str]:
    """Return what every page says, so that it can be told whose a single one is."""
    order, words = document.order, document.words
    name = in_words(order.patient_name or "")
    whose = [name, order.patient_id, order.accession_number, f"{words.study} {document.study_id}"]
    return [part for part in whose if part]


def _head(document: ReportDocument, more: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return name and value of what is known, whose study it is first."""
    order, words = document.order, document.words
    born = order.patient_birth_date
    patient: list[str | None] = [
        in_words(order.patient_name or ""),
        document.patient_line,
        more["birth_date"].format(date=born.isoformat()) if born else "",
    ]
    taken = [order.study_date.isoformat() if order.study_date else ""]
    taken += [order.study_time.isoformat("minutes")] if order.study_date and order.study_time else []
    images = ", ".join(image_in_words(image, words) for image in document.images)
    reported = f"{notes.in_minutes(document.reported_at)}, {words.version} {document.version}"
    head: list[tuple[str, list[str | None]]] = [
        (words.patient, patient),
        (words.study_date, [" ".join(taken)]),
        (more["accession_number"], [order.accession_number]),
        (more["referring_physician"], [in_words(order.referring_physician or "")]),
        (more["institution"], [order.institution]),
        (words.reported, [reported]),
        (words.images, [images]),
    ]
    known = [(name, [line for line in lines if line]) for name, lines in head]
    return [{"name": name, "lines": lines} for name, lines in known if lines]


def _paragraphs(document: ReportDocument, section: Section) -> list[list[dict[str, str]]]:
    """Return a section's paragraphs: passages, each with its mark, which is empty where it is supported."""
    paragraphs: list[list[dict[str, str]]] = [[]]
    for passage in document.marked(section):
        kind = passage.grade.value if passage.grade else ""
        mark = document.words.marks[passage.grade] if passage.grade else ""
        for number, line in enumerate(passage.text.split("\n")):
            if number:
                paragraphs.append([])
            paragraphs[-1].append({"text": line, "kind": kind, "mark": mark})
    said = [[passage for passage in paragraph if passage["text"]] for paragraph in paragraphs]
    return [paragraph for paragraph in said if paragraph]


def _table(document: ReportDocument) -> dict[str, Any]:
    words = document.words
    return {
        "title": words.classifier,
        "head": [words.label, words.status, words.probability, words.threshold],
        "rows": [
            {
                "kind": line.status.value,
                "cells": [
                    notes.finding_in_words(line, document.language),
                    words.finding_status[line.status],
                    f"{line.probability:.2f}",
                    f"{line.threshold:.2f}",
                ],
            }
            for line in document.sorted_findings
        ],
        "scale": words.scale,
    }
