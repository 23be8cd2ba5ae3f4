"""A batch's results as lines."""

import csv
import io
import json
from datetime import UTC, datetime

from api.results import csv_lines, in_pieces, ndjson_lines
from shared.batches import BatchItem
from shared.domain import FindingStatus, Language, StudyStatus, new_id
from shared.tables import ReportRow, StudyRow
from tests.support.builders import a_finding

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def an_item(status: StudyStatus = StudyStatus.COMPLETED, *, key: str = "item-1", **columns: str) -> BatchItem:
    study = StudyRow(id=new_id(), status=status, item_key=key, created_at=NOW, **columns)
    if status is not StudyStatus.COMPLETED:
        return BatchItem(study, (), (), None)
    report = ReportRow(
        version=1,
        language=Language.ENGLISH,
        technique="Frontal view.",
        findings='An "effusion", small.',
        impression="Effusion.\nNo pneumothorax.",
        writer_id="template",
        writer_version="1",
        fallback=False,
    )
    found = (a_finding("Effusion"), a_finding("Hernia", FindingStatus.ABSENT))
    return BatchItem(study, ("a.dcm", "b.dcm"), found, report)


def table(*items: BatchItem) -> list[dict[str, str]]:
    text = "".join(csv_lines(items, ["Effusion", "Hernia"]))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_of_csv_holds_probabilities_and_the_whole_report():
    (row,) = table(an_item())
    assert (row["item"], row["status"], row["files"]) == ("item-1", "completed", "a.dcm;b.dcm")
    assert (row["Effusion"], row["Hernia"], row["present"]) == ("0.8000", "0.1000", "Effusion")
    assert row["impression"] == "Effusion.\nNo pneumothorax."
    assert row["report"] == (
        'Technique: Frontal view.\nFindings: An "effusion", small.\nImpression: Effusion.\nNo pneumothorax.'
    )
    assert (row["error_type"], row["error_detail"]) == ("", "")


def test_an_item_that_was_refused_has_its_reason_and_no_numbers():
    (row,) = table(
        an_item(
            StudyStatus.REJECTED,
            error_type="empty-file",
            error_detail="the file is empty",
            error_file="c.dcm",
        )
    )
    assert (row["error_type"], row["error_detail"], row["error_file"]) == (
        "empty-file",
        "the file is empty",
        "c.dcm",
    )
    assert (row["Effusion"], row["report"]) == ("", "")


def test_a_cell_that_a_spreadsheet_would_run_is_made_text():
    for start in ("=", "+", "-", "@", "\t"):
        (row,) = table(an_item(key=f"{start}cmd|' /C calc'!A0"))
        assert row["item"].startswith(f"'{start}")


def test_a_line_of_ndjson_is_an_object_with_everything():
    first, second = (json.loads(line) for line in ndjson_lines([an_item(), an_item(StudyStatus.QUEUED)]))
    assert first["findings"][0] == {
        "label": "Effusion",
        "probability": 0.8,
        "threshold": 0.5,
        "status": "present",
    }
    assert first["report"]["impression"] == "Effusion.\nNo pneumothorax."
    assert (first["files"], first["present"], first["error"]) == (["a.dcm", "b.dcm"], ["Effusion"], None)
    assert (second["report"], second["findings"], second["status"]) == (None, [], "queued")


def test_pieces_join_to_what_went_in():
    lines = [f"{number}\n" for number in range(40_000)]
    pieces = list(in_pieces(lines))
    assert b"".join(pieces).decode() == "".join(lines)
    assert 1 < len(pieces) < 10
