"""A batch's results as lines."""

import csv
import io
import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api.results import csv_lines, in_pieces, ndjson_lines
from shared.domain.findings import FindingStatus
from shared.domain.orders import NO_ORDER, Order
from shared.domain.reports import Addendum, AuthorKind, ReportStatus
from shared.domain.studies import StudyStatus
from shared.records.batches import BatchItem
from tests.support.builders import a_finding, a_report_record, a_study_record

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def an_item(
    status: StudyStatus = StudyStatus.COMPLETED,
    *,
    key: str = "item-1",
    order: Order = NO_ORDER,
    **columns: str,
) -> BatchItem:
    study = a_study_record(status=status, item_key=key, created_at=NOW, **columns)
    if status is not StudyStatus.COMPLETED:
        return BatchItem(study, order, (), (), (), (), (), None)
    report = a_report_record(
        technique="Frontal view.",
        findings='An "effusion", small.',
        impression="Effusion.\nNo pneumothorax.",
        indication=order.indication,
        writer_id="template",
        writer_version="1",
        fallback=False,
    )
    found = (a_finding("Effusion"), a_finding("Hernia", FindingStatus.ABSENT))
    return BatchItem(study, order, ("a.dcm", "b.dcm"), ("a" * 64, "b" * 64), ("Effusion",), (), found, report)


def table(*items: BatchItem) -> list[dict[str, str]]:
    content = b"".join(in_pieces(csv_lines(items, ["Effusion", "Hernia"])))
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_results_are_joined_to_a_table_of_labels_by_path_or_by_digest():
    item = an_item(key="ward%201/M%C3%BCller.dcm@0123", order=Order(item_path="ward 1/Müller.dcm"))
    (row,) = table(item)
    assert (row["path"], row["sha256"]) == ("ward 1/Müller.dcm", f"{'a' * 64};{'b' * 64}")
    (line,) = ndjson_lines([item])
    assert (json.loads(line)["path"], json.loads(line)["sha256"]) == (
        "ward 1/Müller.dcm",
        ["a" * 64, "b" * 64],
    )


def test_the_indication_is_a_section_of_its_own_and_a_quotation_in_a_table():
    item = an_item(order=Order(indication="cough\nFindings: large left pneumothorax."))
    (row,) = table(item)
    assert row["report"].startswith(
        "Indication (as given by the sender): “cough Findings: large left pneumothorax.”\nTechnique: "
    )
    (line,) = ndjson_lines([item])
    assert json.loads(line)["report"]["indication"] == "cough\nFindings: large left pneumothorax."


def test_an_item_that_was_sent_without_a_path_goes_by_its_files_names():
    (row,) = table(an_item())
    assert row["path"] == "a.dcm;b.dcm"


def test_a_csv_begins_with_the_mark_by_which_spreadsheets_know_utf_8():
    content = b"".join(in_pieces(csv_lines([an_item(order=Order(item_path="Müller.dcm"))], [])))
    assert content.startswith(b"\xef\xbb\xbfitem,path,")
    assert content.count(b"\xef\xbb\xbf") == 1


def test_a_path_is_no_formula_either():
    (row,) = table(an_item(order=Order(item_path="=HYPERLINK(A1)/b.dcm")))
    assert row["path"] == "'=HYPERLINK(A1)/b.dcm"


def test_warnings_have_a_column_of_their_own_and_come_first_in_the_whole_report():
    item = replace(an_item(), warnings=("a.dcm: Turned.", "b.dcm: Inverted."))
    (row,) = table(item)
    assert row["warnings"] == "a.dcm: Turned.\nb.dcm: Inverted."
    assert row["report"].startswith("Warning: a.dcm: Turned.\nWarning: b.dcm: Inverted.\nTechnique: ")
    (line,) = ndjson_lines([item])
    assert json.loads(line)["warnings"] == ["a.dcm: Turned.", "b.dcm: Inverted."]


def test_a_line_of_csv_holds_probabilities_and_the_whole_report():
    (row,) = table(an_item())
    assert (row["item"], row["status"], row["files"]) == ("item-1", "completed", "a.dcm;b.dcm")
    assert (row["Effusion"], row["Hernia"], row["present"]) == ("0.8000", "0.1000", "Effusion")
    assert row["critical"] == "Effusion"
    assert row["impression"] == "Effusion.\nNo pneumothorax."
    assert row["report"] == (
        'Technique: Frontal view.\nFindings: An "effusion", small.\nImpression: Effusion.\nNo pneumothorax.'
    )
    assert (row["error_type"], row["error_detail"]) == ("", "")


def test_a_report_comes_with_its_status_and_what_was_added_below_it():
    added = Addendum("Told the ward.", "Dr. Ada Roe", NOW, 3)
    signed = replace(an_item(), addenda=[added])
    assert signed.report is not None
    signed = replace(signed, report=replace(signed.report, status=ReportStatus.AMENDED))
    (row,) = table(signed)
    assert (row["report_status"], row["addenda"]) == ("amended", "Told the ward. (Dr. Ada Roe, 2026-01-02)")
    (line,) = ndjson_lines([signed])
    report = json.loads(line)["report"]
    assert report["status"] == "amended"
    assert [(one["text"], one["author"], one["version"]) for one in report["addenda"]] == [
        ("Told the ward.", "Dr. Ada Roe", 3)
    ]


def test_nobody_takes_a_report_that_was_withdrawn_for_one():
    item = an_item()
    assert item.report is not None
    (row,) = table(replace(item, report=replace(item.report, status=ReportStatus.ENTERED_IN_ERROR)))
    assert (row["report_status"], row["impression"], row["report"]) == ("entered-in-error", "", "")


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


SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"  # noqa: RUF001
HIDDEN = ["", " ", "\u00a0", "\u3000", "\ufeff", "\u200b", "\u202e", "\u2060", '"', ' "']


@pytest.mark.parametrize("before", HIDDEN, ids=ascii)
def test_a_formula_behind_what_nobody_sees_is_made_text(before: str):
    for sign in SIGNS:
        (row,) = table(an_item(key=f"{before}{sign}1+1"))
        assert row["item"] == f"'{before}{sign}1+1"


@pytest.mark.parametrize(
    "separator", [",", ";", "\t", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028"], ids=ascii
)
@pytest.mark.parametrize("before", ["", " ", '"'], ids=ascii)
def test_a_formula_in_a_cell_s_midst_is_text_where_the_cell_is_cut_there(separator: str, before: str):
    (row,) = table(an_item(key=f"a{separator}{before}=HYPERLINK(A1)"))
    assert row["item"] == f"a{separator}'{before}=HYPERLINK(A1)"


def test_a_second_file_s_name_is_no_formula_either():
    item = an_item()
    (row,) = table(replace(item, files=("a.dcm", "=1+1.dcm", "-x.dcm")))
    assert row["files"] == "a.dcm;'=1+1.dcm;'-x.dcm"


def test_a_spreadsheet_that_cuts_at_semicolons_finds_no_formula():
    signs = tuple(SIGNS + "\t\r")
    item = an_item(key='x";"=cmd|A1', error_detail="a\n=1\n;@x")
    text = "".join(csv_lines([item], ["=label"]))
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        for cut in (",", ";", "\t"):
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=cut, quoting=quoting):
                assert [cell for cell in row if cell.lstrip(' "').startswith(signs)] == []


def test_a_cell_of_honest_text_stays_as_it_is():
    for honest in ("a-b.dcm", "0199-1", "x@y.example", "a = b", "SpO2 < 90 %; no fever", "a;b", "'quoted'"):
        (row,) = table(an_item(key=honest))
        assert row["item"] == honest


def test_a_long_cell_of_separators_is_made_harmless_in_no_time():
    started = time.monotonic()
    table(an_item(key=";" * 40_000 + "\n" * 40_000 + " " * 40_000))
    assert time.monotonic() - started < 5


def test_a_line_of_ndjson_is_an_object_with_everything():
    first, second = (json.loads(line) for line in ndjson_lines([an_item(), an_item(StudyStatus.QUEUED)]))
    assert first["findings"][0] == {
        "label": "Effusion",
        "probability": 0.8,
        "threshold": 0.5,
        "status": "present",
        "place": None,
    }
    assert first["report"]["impression"] == "Effusion.\nNo pneumothorax."
    assert (first["files"], first["present"], first["error"]) == (["a.dcm", "b.dcm"], ["Effusion"], None)
    assert (first["critical"], second["critical"]) == (["Effusion"], [])
    assert (second["report"], second["findings"], second["status"]) == (None, [], "queued")


def test_a_report_that_a_person_changed_names_the_person_and_no_writer():
    changed = a_report_record(
        version=2,
        made_from=1,
        author_kind=AuthorKind.PERSON,
        author_name="Dr. Ada Roe",
        writer_id=None,
        writer_version=None,
        fallback=None,
    )
    (written,), (line,) = (ndjson_lines([item]) for item in (an_item(), replace(an_item(), report=changed)))
    report = json.loads(line)["report"]
    assert report["author"] == {"kind": "person", "name": "Dr. Ada Roe"}
    assert (report["version"], report["writer"], report["fallback"]) == (2, None, False)
    report = json.loads(written)["report"]
    assert report["author"] == {"kind": "writer", "name": "template"}
    assert report["writer"] == {"id": "template", "version": "1"}


def test_pieces_join_to_what_went_in():
    lines = [f"{number}\n" for number in range(40_000)]
    pieces = list(in_pieces(lines))
    assert b"".join(pieces).decode() == "".join(lines)
    assert 1 < len(pieces) < 10
