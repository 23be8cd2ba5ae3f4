"""A batch's results, a line an item in order of creation: CSV for tables, NDJSON for programs."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from api.bodies.finding import place_body
from api.bodies.report import AddendumBody, author_body
from shared.domain.findings import Finding, FindingStatus
from shared.domain.reports import ReportStatus
from shared.records.batches import BatchItem
from shared.records.reports import ReportRecord
from shared.rendering.document import WORDS, quoted, titled
from shared.reporting import warnings

CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"

BYTE_ORDER_MARK: Final = "\ufeff"
"""Says of a CSV that it is UTF-8: without it a spreadsheet reads every letter beyond ASCII as two others."""
_BEFORE_LABELS: Final = (
    *("item", "path", "study_id", "files", "sha256"),
    *("patient_id", "patient_sex", "patient_age_years", "study_date"),
    *("accession_number", "study_instance_uid", "status"),
    *("error_type", "error_detail", "error_file"),
)
_AFTER_LABELS: Final = (
    *("present", "critical", "places", "warnings"),
    *("report_status", "impression", "report", "addenda"),
)
_PIECE: Final = 1 << 16

_SIGNS: Final = "=+\\-@＝＋－＠﹦﹢﹣﹫−"  # noqa: RUF001  the wide and small ones are read as the plain ones
_UNSEEN: Final = r' "\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000\ufeff'
_CUTS: Final = r"\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
_FORMULA: Final = re.compile(
    rf"\A(?=[{_UNSEEN}]*[{_SIGNS}{_CUTS}])|(?<=[,;{_CUTS}])(?=[{_UNSEEN}]*[{_SIGNS}])"
)
"""Where a spreadsheet may begin to read a formula: at the start of a cell, and within it wherever the list
separator of another country (`;`, tab) or a line's end would cut it, since there our quotes do not count.
Ours, because the package defusedcsv looks at the first character alone, and writes `\\|` for every `|`."""


def csv_lines(items: Iterable[BatchItem], labels: Sequence[str]) -> Iterator[str]:
    """Write the header and a line for each item, with a column of probabilities for each label."""
    yield BYTE_ORDER_MARK + csv_line([*_BEFORE_LABELS, *labels, *_AFTER_LABELS])
    for item in items:
        yield csv_line(_cells(item, labels))


def ndjson_lines(items: Iterable[BatchItem]) -> Iterator[str]:
    """Write a JSON object for each item."""
    for item in items:
        yield json.dumps(_json_object(item), ensure_ascii=False) + "\n"


def in_pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Join lines to pieces worth sending: each one costs a thread's turn and a write."""
    piece, size = [], 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size >= _PIECE:
            yield "".join(piece).encode()
            piece, size = [], 0
    if piece:
        yield "".join(piece).encode()


def _cells(item: BatchItem, labels: Sequence[str]) -> list[str]:
    study, order, report = item.study, item.order, item.report
    probabilities = {finding.label: f"{finding.probability:.4f}" for finding in item.findings}
    files, digests = ";".join(item.files), ";".join(item.digests)
    texts = (study.item_key, order.item_path or files, str(study.id), files, digests)
    age = order.patient_age_years
    patient = (order.patient_id, order.patient_sex, None if age is None else f"{age:.4g}")
    taken = (
        order.study_date.isoformat() if order.study_date else None,
        order.accession_number,
        order.study_instance_uid,
        study.status.value,
    )
    errors = (study.error_type, study.error_detail, study.error_file)
    said = (
        "\n".join(item.warnings),
        report.status.value if report else None,
        _impression(report),
        _whole_report(item),
        "\n".join(f"{added.text} ({added.author}, {added.at:%Y-%m-%d})" for added in item.addenda),
    )
    numbers = (probabilities.get(label) for label in labels)
    places = ";".join(filter(None, map(_place, item.findings)))
    found = (";".join(_present(item)), ";".join(item.critical), places)
    return [cell or "" for cell in (*texts, *patient, *taken, *errors, *numbers, *found, *said)]


def _json_object(item: BatchItem) -> dict[str, Any]:
    study, order, report = item.study, item.order, item.report
    error = {"type": study.error_type, "detail": study.error_detail, "file": study.error_file}
    return {
        "item": study.item_key,
        "path": order.item_path,
        "study_id": str(study.id),
        "files": list(item.files),
        "sha256": list(item.digests),
        "patient": {"id": order.patient_id, "sex": order.patient_sex, "age_years": order.patient_age_years},
        "study_date": order.study_date.isoformat() if order.study_date else None,
        "accession_number": order.accession_number,
        "study_instance_uid": order.study_instance_uid,
        "status": study.status.value,
        "error": error if study.error_type else None,
        "findings": [_finding(finding) for finding in item.findings],
        "present": _present(item),
        "critical": list(item.critical),
        "warnings": list(item.warnings),
        "impression": _impression(report),
        "report": None
        if report is None
        else {
            "version": report.version,
            "status": report.status.value,
            "language": report.language.value,
            "indication": report.indication,
            "technique": report.technique,
            "comparison": report.comparison,
            "findings": report.findings,
            "impression": report.impression,
            "addenda": [AddendumBody(**asdict(added)).model_dump(mode="json") for added in item.addenda],
            "author": author_body(report.author).model_dump(),
            "writer": report.writer and {"id": report.writer.id, "version": report.writer.version},
            "fallback": bool(report.fallback),
        },
    }


def _finding(finding: Finding) -> dict[str, Any]:
    place = place_body(finding.place)
    return {
        "label": finding.label,
        "probability": finding.probability,
        "threshold": finding.threshold,
        "status": finding.status.value,
        "place": place and place.model_dump(),
    }


def _place(finding: Finding) -> str:
    """Return a label and where it is in one text, "Effusion right lower"; empty where nothing is said."""
    place = finding.place
    return "" if place is None else " ".join(filter(None, (finding.label, place.side, place.zone)))


def _present(item: BatchItem) -> list[str]:
    return [finding.label for finding in item.findings if finding.status is FindingStatus.PRESENT]


def _impression(report: ReportRecord | None) -> str | None:
    """Return what a report comes to; nothing of one that was withdrawn, which nobody is to take for one."""
    return report.impression if report and report.status is not ReportStatus.ENTERED_IN_ERROR else None


def _whole_report(item: BatchItem) -> str | None:
    report = item.report
    if report is None or _impression(report) is None:
        return None
    words = WORDS[report.language]
    said = report.indication
    quotation = f"{words.indication} ({words.as_given}): {quoted(said)}" if said else None
    return "\n".join(
        (
            *(warnings.line_of(warning, report.language) for warning in item.warnings),
            *((quotation,) if quotation else ()),
            *(f"{title}: {getattr(report, section)}" for title, section in titled(report.sections, words)),
        )
    )


def csv_line(cells: Iterable[str]) -> str:
    """Write a line of a CSV."""
    # A spreadsheet runs what looks like a formula; a file's name comes from whoever sent the file.
    line = io.StringIO()
    csv.writer(line).writerow(_FORMULA.sub("'", cell) for cell in cells)
    return line.getvalue()
