"""How reports are reviewed, on a real database: the summary, and the export of what was signed."""

import itertools
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import ORMExecuteState

from api.routes import review_statistics
from shared.domain.findings import FindingStatus, ModelVersion
from shared.domain.reports import Act
from shared.domain.studies import StudyId, StudyStatus
from shared.records import signed_reports
from shared.records.database import Database
from shared.records.tables import ReportRow, StudyRow
from tests.support.api import classify, complete, report, sent
from tests.support.builders import a_finding
from tests.support.signing import ADA, addendum, lines_of, read, sign, withdraw

OTHER = ModelVersion("other", "2.0", "e" * 64)


def done(client: httpx.Client, database: Database, **fields: str) -> StudyId:
    study_id = sent(client, **fields)
    complete(database, study_id)
    return study_id


def changed(client: httpx.Client, study_id: StudyId, *texts: str) -> list[dict[str, Any]]:
    """Return the lines of a report, the last of them changed."""
    lines = lines_of(read(client, study_id), "accepted")
    for line, text in zip(reversed(lines), reversed(texts), strict=False):
        line |= {"decision": "changed", "text": text}
    return lines


def opened(database: Database, study_id: StudyId, seconds: float) -> None:
    """Say that a report was opened so long before it was signed."""
    signed = (ReportRow.study_id == study_id, ReportRow.act == Act.SIGNED)
    opened_at = ReportRow.created_at - timedelta(seconds=seconds)
    with database.session() as session:
        session.execute(update(ReportRow).where(*signed).values(opened_at=opened_at))


def summaries(client: httpx.Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("/v1/reviews/summary").raise_for_status().json()["items"]
    return items


def exported(client: httpx.Client) -> list[dict[str, Any]]:
    answer = client.get("/v1/reviews/export").raise_for_status()
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_nothing_signed_is_nothing_to_tell(client: httpx.Client, database: Database):
    done(client, database)
    assert (summaries(client), exported(client)) == ([], [])


def test_each_classifier_and_writer_has_a_line_of_what_was_signed(client: httpx.Client, database: Database):
    as_it_stands, corrected, slow, withdrawn, waiting, elsewhere = (
        *(done(client, database) for _ in range(5)),
        sent(client),
    )
    classify(database, elsewhere, model=OTHER)
    report(database, elsewhere)
    sign(client, as_it_stands).raise_for_status()
    sign(
        client, corrected, lines=changed(client, corrected, *["No pleural effusion."] * 2)
    ).raise_for_status()
    for study_id in (slow, withdrawn, elsewhere):
        sign(client, study_id).raise_for_status()
    withdraw(client, withdrawn, "Another patient's.").raise_for_status()
    for study_id, seconds in ((as_it_stands, 10.0), (corrected, 40.0), (withdrawn, 1000.0), (slow, 60.0)):
        opened(database, study_id, seconds)
    own, other = summaries(client)
    assert (own["classifier"], own["writer"]) == (
        {"id": "bundled", "version": "1.0"},
        {"id": "template", "version": "1"},
    )
    assert (own["signed"], own["timed"], own["median_seconds"]) == (3, 3, 40.0)
    decided = len(exported(client)[0]["lines"])
    assert own["lines"] == 3 * decided
    assert own["accepted_share"] == pytest.approx(1 - 2 / (3 * decided))
    assert (own["changed_words"], own["changed_labels"]) == (pytest.approx(5 / 3), pytest.approx(1 / 3))
    assert (other["classifier"]["id"], other["signed"], other["timed"]) == ("other", 1, 0)
    assert (other["median_seconds"], other["changed_words"]) == (None, 0)
    assert waiting


def test_the_text_that_was_signed_last_counts_with_its_addenda_and_the_time_of_the_first_signature(
    client: httpx.Client, database: Database
):
    study_id = done(client, database)
    sign(client, study_id).raise_for_status()
    opened(database, study_id, 20.0)
    lines = changed(client, study_id, "No pleural effusion.")
    sign(client, study_id, lines=lines, reason="Seen again.").raise_for_status()
    assert [(one["changed_words"], one["changed_labels"]) for one in summaries(client)] == [(2, 0)]
    addendum(client, study_id, "There is a fracture. No pleural effusion.").raise_for_status()
    (summary,) = summaries(client)
    assert (summary["signed"], summary["median_seconds"], summary["accepted_share"]) == (1, 20.0, 1.0)
    assert summary["changed_labels"] == 2
    (line,) = exported(client)
    assert line["changed_labels"] == ["Effusion", "Fracture"]
    assert line["signed"]["addenda"] == ["There is a fracture. No pleural effusion."]


def test_a_line_of_the_export_holds_draft_findings_and_what_became_of_them(
    client: httpx.Client, database: Database
):
    study_id = done(client, database, indication="cough", patient_id="P-1", patient_name="Roe^Ada")
    lines = changed(client, study_id, "There is a left pleural effusion.", "Left pleural effusion.")
    sign(client, study_id, lines=lines).raise_for_status()
    (line,) = exported(client)
    assert line["study_id"] == str(study_id)
    assert len(line["images"][0]["sha256"]) == 64
    assert line["classifier"] == {"id": "bundled", "version": "1.0", "digest": "d" * 64}
    assert line["writer"] == {"id": "template", "version": "1"}
    assert {finding["label"]: finding["status"] for finding in line["findings"]} == {
        "Effusion": "present",
        "Nodule": "uncertain",
        "Hernia": "absent",
    }
    assert line["drafted"]["labels"] == {"Effusion": "present"}
    assert line["signed"]["labels"] == {"Effusion": "present"}
    assert (line["drafted"]["version"], line["signed"]["version"], line["signed"]["status"]) == (
        1,
        2,
        "final",
    )
    assert {one["label"]: one["assessment"] for one in line["assessments"]} == {
        "Effusion": "supplemented",
        "Nodule": "rejected",
    }
    assert [one["decision"] for one in line["lines"]] == ["accepted", "changed", "changed"]
    # Nothing names the patient or who signed.
    assert not any(word in json.dumps(line) for word in ("P-1", "Roe", ADA))


def test_what_a_newer_model_finds_since_changes_nothing_of_what_was_signed(
    client: httpx.Client, database: Database
):
    study_id = done(client, database)
    sign(client, study_id).raise_for_status()
    before = (exported(client), summaries(client))
    with database.session() as session:
        session.execute(update(StudyRow).values(status=StudyStatus.QUEUED))
    classify(database, study_id, [a_finding("Effusion", FindingStatus.ABSENT)], model=OTHER)
    report(database, study_id)
    assert (exported(client), summaries(client)) == before


def test_the_export_goes_on_over_several_chunks_and_leaves_out_what_is_erased(
    client: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(review_statistics, "AT_ONCE", 2)
    ids = [done(client, database) for _ in range(5)]
    for study_id in ids:
        sign(client, study_id).raise_for_status()
    client.delete(f"/v1/studies/{ids[1]}").raise_for_status()
    expected = [str(study_id) for study_id in (ids[0], *ids[2:])]
    assert [line["study_id"] for line in exported(client)] == expected
    assert summaries(client)[0]["signed"] == 4


@pytest.mark.parametrize("statement", range(2, 7))
def test_what_is_erased_while_a_chunk_is_read_is_read_whole(
    client: httpx.Client, database: Database, statement: int
):
    study_id = done(client, database)
    sign(client, study_id).raise_for_status()
    with database.session() as session:
        counted = itertools.count(1)

        @event.listens_for(session, "do_orm_execute")
        def _erase(_: ORMExecuteState) -> None:
            if next(counted) == statement:
                client.delete(f"/v1/studies/{study_id}").raise_for_status()

        (found,) = signed_reports.after(session, None, tenant_id=None, limit=10)
        assert next(counted) > statement
    assert str(found.study_id) == str(study_id)
    assert (found.drafted.version, found.signed.version) == (1, 2)
    assert [finding.label for finding in found.findings] == ["Effusion", "Hernia", "Nodule"]
    assert exported(client) == []
