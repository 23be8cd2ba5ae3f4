"""Critical findings: flagged, told of once, and taken before everything else that waits."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, text

from cxr import Client, cli
from shared.domain.findings import Finding, FindingStatus, ModelVersion, ViewPosition
from shared.domain.studies import DEFAULT_TENANT, Priority, Stage, StudyEvent, StudyId, StudyStatus
from shared.errors import LeaseLostError, UnusableImageError
from shared.records import analyses, claims, erasure, findings, reading, studies
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.records.moves import Hint
from shared.records.tables import StudyEventRow
from shared.settings import QueueSettings
from shared.storage import Storage
from shared.work import queue
from shared.work.handling import Outcome, Workplace
from tests.support.api import MODEL, ApiServer, all_pages, report, sent
from tests.support.api import events as read_events
from tests.support.builders import SOMEBODY, a_claim, a_finding, a_study, the_study
from tests.support.services import services, wait_for
from tests.support.stack import InfraStack
from tests.support.workers import a_stored_study, the_analyser
from worker_cnn.tasks import classify_study

NEWER = ModelVersion("bundled", "2.0", "e" * 64)
SAMPLE = Path(__file__).parents[2] / "samples" / "chest-4.dcm"
ANALYZE = text("ANALYZE")
READ = text("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname IN ('studies', 'analyses')")
MANY_STUDIES = text("""
    WITH made AS (
        INSERT INTO studies (id, tenant_id, status, priority, language)
        SELECT gen_random_uuid(), :tenant, 'completed', 'routine', 'en' FROM generate_series(1, 3000)
        RETURNING id
    )
    INSERT INTO analyses (id, study_id, model_id, model_version, model_digest, images, role, critical)
    SELECT gen_random_uuid(), id, 'm', '1', 'd', 1, 'primary',
        CASE WHEN row_number() OVER () % 1000 = 0 THEN ARRAY['Pneumothorax'] ELSE '{}' END FROM made
""")
PNEUMOTHORAX, EFFUSION = a_finding("Pneumothorax"), a_finding("Effusion")


def find(
    database: Database,
    study_id: StudyId,
    *critical: str,
    found: Sequence[Finding] = (PNEUMOTHORAX, EFFUSION),
    model: ModelVersion = MODEL,
) -> Hint | None:
    """Do the CNN worker's writing, with these labels flagged."""
    claim = a_claim(database, study_id)
    with database.session() as session:
        return findings.store(session, claim, [ImageFindings(0, ViewPosition.PA, found)], model, critical)


def read_again(database: Database, study_id: StudyId, *critical: str, model: ModelVersion = MODEL) -> None:
    report(database, study_id)
    with database.session() as session:
        assert studies.reread(session, study_id, actor=SOMEBODY) is not None
    find(database, study_id, *critical, model=model)


def told(database: Database, study_id: StudyId) -> list[tuple[StudyStatus, str | None]]:
    """Return each time that critical findings were told of: where the study stood, and what was said."""
    with database.session() as session:
        events = reading.events(session, study_id)
    return [(event.status, event.detail) for event in events if event.event is StudyEvent.CRITICAL]


def flags(database: Database, study_id: StudyId) -> tuple[str, ...] | None:
    with database.session() as session:
        analysis = analyses.primary(session, study_id)
    return analysis.critical if analysis else None


def test_a_critical_finding_is_flagged_told_of_and_makes_the_study_urgent(database: Database):
    study_id = a_study(database, priority=Priority.ARCHIVE)
    assert find(database, study_id, "Pneumothorax", "Fracture") == Hint(Stage.LLM, Priority.URGENT)
    assert the_study(database, study_id).priority is Priority.URGENT
    assert flags(database, study_id) == ("Pneumothorax", "Fracture")
    assert told(database, study_id) == [(StudyStatus.CLASSIFIED, "Pneumothorax, Fracture")]


def test_a_study_without_one_stays_where_it_was_in_line(database: Database):
    study_id = a_study(database, priority=Priority.ARCHIVE)
    assert find(database, study_id) == Hint(Stage.LLM, Priority.ARCHIVE)
    assert (flags(database, study_id), told(database, study_id)) == ((), [])


def test_the_worker_flags_what_is_configured_and_present(
    database: Database, storage: Storage, workplace: Workplace
):
    analyser = replace(the_analyser(storage), critical=("Pneumothorax", "Nodule", "Fibrosis"))
    study_id = a_stored_study(database, storage, SAMPLE.read_bytes())
    before = counted("Nodule")
    with workplace.heartbeat.holding(claim := a_claim(database, study_id)):
        assert classify_study(claim, workplace, analyser) is Outcome.DONE
    with database.session() as session:
        (found,) = findings.of_study(session, study_id).values()
    status = {finding.label: finding.status for finding in found}
    # The sample is what this test needs: one of each.
    assert [status[label] for label in analyser.critical] == [
        FindingStatus.ABSENT,
        FindingStatus.PRESENT,
        FindingStatus.UNCERTAIN,
    ]
    assert (flags(database, study_id), told(database, study_id)) == (
        ("Nodule",),
        [(StudyStatus.CLASSIFIED, "Nodule")],
    )
    assert counted("Nodule") == before + 1


def test_a_study_that_is_read_again_alarms_only_of_what_is_new(database: Database):
    study_id = a_study(database)
    find(database, study_id, "Pneumothorax")
    read_again(database, study_id, "Pneumothorax")
    read_again(database, study_id, "Pneumothorax", model=NEWER)
    assert told(database, study_id) == [(StudyStatus.CLASSIFIED, "Pneumothorax")]
    read_again(database, study_id, "Pneumothorax", "Fracture")
    assert [detail for _, detail in told(database, study_id)] == ["Pneumothorax", "Fracture"]
    assert flags(database, study_id) == ("Pneumothorax", "Fracture")


def test_the_flag_is_that_of_the_findings_which_are_shown(database: Database):
    study_id = a_study(database)
    find(database, study_id, "Pneumothorax")
    read_again(database, study_id, model=NEWER)
    assert flags(database, study_id) == ()
    read_again(database, study_id, "Pneumothorax")
    assert (flags(database, study_id), len(told(database, study_id))) == (("Pneumothorax",), 2)
    report(database, study_id)
    with database.session() as session:
        studies.reread(session, study_id, actor=SOMEBODY)
    claim = a_claim(database, study_id)
    reason = UnusableImageError("not a chest")
    with database.session() as session:
        findings.refuse(session, claim, [ImageFindings(0, ViewPosition.PA, rejection=reason)], reason)
    assert flags(database, study_id) is None


def test_a_study_that_failed_after_the_alarm_is_retried_without_another(database: Database):
    study_id = a_study(database)
    find(database, study_id, "Pneumothorax")
    claim = replace(a_claim(database, study_id, Stage.LLM), alone=True)
    with database.session() as session:
        claims.fail(session, claim, error="out of memory", max_failures=1)
    with database.session() as session:
        assert studies.retry(session, study_id, actor=SOMEBODY) == Hint(Stage.CNN, Priority.URGENT)
    find(database, study_id, "Pneumothorax")
    assert len(told(database, study_id)) == 1


def test_a_study_that_is_cancelled_keeps_the_flag_of_what_was_found(database: Database, client: httpx.Client):
    study_id = a_study(database)
    find(database, study_id, "Pneumothorax")
    with database.session() as session:
        assert studies.cancel(session, study_id, actor=SOMEBODY)
    assert client.get(f"/v1/studies/{study_id}").json()["critical"] == ["Pneumothorax"]


def test_nothing_is_told_of_a_study_that_was_cancelled_before(database: Database):
    study_id = a_study(database)
    claim = a_claim(database, study_id)
    with database.session() as session:
        studies.cancel(session, study_id, actor=SOMEBODY)
    images = [ImageFindings(0, ViewPosition.PA, [PNEUMOTHORAX])]
    with pytest.raises(LeaseLostError), database.session() as session:
        findings.store(session, claim, images, MODEL, ["Pneumothorax"])
    assert (flags(database, study_id), told(database, study_id)) == (None, [])
    assert the_study(database, study_id).priority is Priority.ROUTINE


def test_erasing_leaves_neither_the_flag_nor_the_labels(database: Database):
    study_id = a_study(database)
    find(database, study_id, "Pneumothorax")
    with database.session() as session:
        assert erasure.erase(session, study_id, actor=SOMEBODY)
    assert flags(database, study_id) is None
    assert told(database, study_id) == [(StudyStatus.CLASSIFIED, None)]


def test_clients_see_the_flag_and_the_event_and_filter_by_it(
    database: Database, client: httpx.Client, api: ApiServer, capsys: pytest.CaptureFixture[str]
):
    flagged, other, waiting = sent(client), sent(client), sent(client)
    find(database, flagged, "Pneumothorax")
    find(database, other)
    report(database, flagged)
    study = client.get(f"/v1/studies/{flagged}").json()
    assert (study["critical"], study["priority"]) == (["Pneumothorax"], "urgent")
    entry = next(entry for entry in study["timeline"] if entry["event"] == "critical")
    assert (entry["status"], entry["detail"]) == ("classified", "Pneumothorax")
    assert client.get(f"/v1/studies/{other}").json()["critical"] == []
    assert all_pages(client, critical="true", limit=1) == [str(flagged)]
    assert all_pages(client, critical="false") == [str(waiting), str(other)]
    assert all_pages(client, critical="true", status="completed", priority="urgent") == [str(flagged)]
    assert all_pages(client, critical="true", priority="routine") == []
    with client.stream("GET", f"/v1/studies/{flagged}/events") as stream:
        streamed = [event["data"]["event"] for event in read_events(stream.iter_lines())]
    assert streamed == ["received", "claimed", "classified", "critical", "claimed", "reported"]
    capsys.readouterr()
    for arguments, said in (
        (["list", "--critical"], f"{flagged}\t"),
        (["show", str(flagged)], "CRITICAL: Pneumothorax"),
    ):
        assert cli.run([*arguments, "--url", api.url]) == 0
        assert said in capsys.readouterr().out
    assert cli.run(["list", "--not-critical", "--url", api.url]) == 0
    assert str(flagged) not in capsys.readouterr().out
    with Client(api.url) as python:
        assert [one.critical for one in python.studies(critical=True)] == [["Pneumothorax"]]
        assert [one.critical for one in python.studies(critical=False)] == [[], []]


def test_the_list_of_flagged_studies_reads_no_table_through(database: Database):
    with database.session() as session:
        session.execute(MANY_STUDIES, {"tenant": DEFAULT_TENANT})
        session.execute(ANALYZE)
    with database.session() as session:
        assert len(reading.page(session, limit=50, critical=True)) == 3
        assert session.execute(READ).scalars().all() == [0, 0]


def test_a_critical_study_overtakes_a_backlog(
    infra: InfraStack, database: Database, queue_settings: QueueSettings, tmp_path: Path
):
    app = queue.create_app("test", queue_settings)
    backlog = [a_study(database) for _ in range(20)]
    critical = a_study(database)
    for study_id in (*backlog, critical):
        hint = find(database, study_id, *(["Pneumothorax"] if study_id == critical else []))
        assert hint is not None
        assert queue.send_hint(app, hint)
    environment = infra.environment() | {"CXR_REPORT_WRITER": "template", "CXR_REPORT_CONCURRENCY": "1"}
    with services(environment, tmp_path, "worker_llm"):
        wait_for(lambda: len(reported(database)) == 21, 60, "every report")
    # Two of its three threads take what is routine, and had each begun with one.
    assert reported(database).index(critical) < 8


def reported(database: Database) -> list[StudyId]:
    """Return the studies in the order in which their reports were stored."""
    statement = select(StudyEventRow.study_id).where(StudyEventRow.event == StudyEvent.REPORTED)
    with database.session() as session:
        return [StudyId(one) for one in session.scalars(statement.order_by(StudyEventRow.id))]


def counted(label: str) -> float:
    return REGISTRY.get_sample_value("cxr_critical_findings_total", {"label": label}) or 0.0
