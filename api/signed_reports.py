"""Signed reports beside their drafts, a JSON object a line: for training, and for whoever checks a model."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from api.bodies.finding import place_body
from shared.domain.findings import Finding
from shared.records.reports import ReportRecord
from shared.records.signed_reports import SignedReport
from shared.reporting.assessment import (
    Assessment,
    Reading,
    amended_by,
    assessments,
    changed_words,
    labels_changed,
    reading_of,
)


def ndjson_lines(reports: Iterable[SignedReport]) -> Iterator[str]:
    """Write a JSON object for each report."""
    for report in reports:
        yield json.dumps(_json_object(report), ensure_ascii=False) + "\n"


def _json_object(one: SignedReport) -> dict[str, Any]:
    language = one.signed.language
    drafted = reading_of(one.drafted.sentences, one.findings, language)
    signed = amended_by(reading_of(one.signed.sentences, one.findings, language), one.addenda, language)
    opened_at, signed_at = one.signature.opened_at, one.signature.created_at
    writer = one.drafted.writer
    return {
        "study_id": str(one.study_id),
        "images": [
            {
                "index": image.index,
                "sha256": image.sha256,
                "view": image.view,
                "used": bool(image.used),
            }
            for image in one.images
        ],
        "classifier": {"id": one.model.id, "version": one.model.version, "digest": one.model.digest},
        "writer": writer and {"id": writer.id, "version": writer.version},
        "language": language,
        "indication": one.signed.indication,
        "findings": [_finding(finding) for finding in one.findings],
        "drafted": _text(one.drafted, drafted),
        "signed": _text(one.signed, signed) | {"status": one.signed.status, "addenda": list(one.addenda)},
        "opened_at": opened_at and opened_at.isoformat(),
        "signed_at": signed_at.isoformat(),
        "lines": [
            {"section": line.section, "text": line.text, "of": line.of, "decision": line.decision}
            for line in one.signature.lines
        ],
        "assessments": [_assessment(each) for each in assessments(one.findings, signed)],
        "changed_words": changed_words(one.drafted, one.signed),
        "changed_labels": list(labels_changed(drafted, signed)),
    }


def _text(report: ReportRecord, reading: Reading) -> dict[str, Any]:
    """Write down a version, and what our labeller reads in it: None of a label that it cannot read."""
    labels: dict[str, str | None] = {label: mention.status for label, mention in reading.said.items()}
    return {
        "version": report.version,
        "technique": report.technique,
        "comparison": report.comparison,
        "findings": report.findings,
        "impression": report.impression,
        "labels": labels | dict.fromkeys(sorted(reading.unread)),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    box, place = finding.box, place_body(finding.place)
    return {
        "label": finding.label,
        "status": finding.status,
        "probability": finding.probability,
        "threshold": finding.threshold,
        "image": finding.image,
        "box": box and [box.left, box.top, box.right, box.bottom],
        "place": place and place.model_dump(),
    }


def _assessment(each: Assessment) -> dict[str, Any]:
    return {"label": each.label, "found": each.found, "said": each.said, "assessment": each.outcome}
