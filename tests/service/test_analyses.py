"""Several models look at one study: each keeps what it found, one is shown, erasing takes them all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shared.bucket import NotStoredError
from shared.domain.findings import AnalysisRole, Finding, FindingStatus, ModelVersion, ViewPosition
from shared.domain.reports import Departures
from shared.domain.studies import DEFAULT_TENANT, Stage, StudyEvent, StudyId, StudyStatus, new_id
from shared.errors import LeaseLostError, UnusableImageError
from shared.records import analyses, batches, claims, erasure, findings, reading, reports, studies
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.records.tables import AnalysisRow, FindingRow, ReportRow
from shared.settings import ReportSettings
from shared.storage import Storage, heatmap_key
from shared.work.handling import Outcome, Workplace
from tests.support.api import MODEL, classify, report, sent
from tests.support.builders import (
    SOMEBODY,
    SWEEPER,
    a_claim,
    a_finding,
    a_study,
    let_notes_come_due,
    the_study,
)
from tests.support.workers import a_stored_study, the_analyser
from worker_cnn.tasks import Analyser, classify_study
from worker_llm.pipeline import write_reports
from worker_llm.tasks import Reporter, report_on
from worker_llm.writers.template import TemplateWriter

NEWER = ModelVersion("bundled", "2.0", "e" * 64)
PRIMARY, SUPERSEDED, SHADOW = AnalysisRole
SAMPLE = Path(__file__).parents[2] / "samples" / "chest-4.dcm"


def images_with(*found: Finding) -> list[ImageFindings]:
    return [ImageFindings(0, ViewPosition.PA, found)]


def read_again(database: Database, study_id: StudyId, model: ModelVersion, *found: Finding) -> None:
    """Have a completed study read by a model, up to its findings."""
    ask_again(database, study_id)
    classify(database, study_id, found, model)


def ask_again(database: Database, study_id: StudyId) -> None:
    with database.session() as session:
        assert studies.reread(session, study_id, actor=SOMEBODY) is not None


def kept(database: Database, study_id: StudyId) -> dict[str, tuple[AnalysisRole, list[str]]]:
    """Return, for each model that looked, what its findings are to the study, and their labels."""
    with database.session() as session:
        rows = session.scalars(select(AnalysisRow).where(AnalysisRow.study_id == study_id))
        return {
            row.model_digest[0]: (row.role, [one.label for one in findings.records_of(session, row.id)])
            for row in rows
        }


def shown(database: Database, study_id: StudyId) -> tuple[str | None, list[str]]:
    """Return whose findings a reader of the study sees, and their labels."""
    with database.session() as session:
        view, per_image = reading.view(session, study_id), findings.of_study(session, study_id)
    assert view is not None
    labels = [finding.label for found in per_image.values() for finding in found]
    return (view.analysis.model_digest[0] if view.analysis else None), labels


@pytest.fixture
def completed(database: Database) -> StudyId:
    study_id = a_study(database)
    classify(database, study_id, [a_finding("Effusion"), a_finding("Mass")])
    report(database, study_id)
    return study_id


def test_the_same_model_reads_a_study_again_in_place_of_what_it_found(database: Database, completed: StudyId):
    with database.session() as session:
        before = analyses.primary(session, completed)
    read_again(database, completed, MODEL, a_finding("Nodule"))
    with database.session() as session:
        after = analyses.primary(session, completed)
    assert kept(database, completed) == {"d": (PRIMARY, ["Nodule"])}
    assert before is not None
    assert after is not None
    assert (after.id, after.read_at > before.read_at) == (before.id, True)


def test_what_an_older_model_found_stays_beside_what_a_newer_one_finds(
    database: Database, completed: StudyId
):
    read_again(database, completed, NEWER, a_finding("Nodule"))
    assert kept(database, completed) == {
        "d": (SUPERSEDED, ["Effusion", "Mass"]),
        "e": (PRIMARY, ["Nodule"]),
    }
    assert shown(database, completed) == ("e", ["Nodule"])
    report(database, completed)
    read_again(database, completed, MODEL, a_finding("Effusion"))
    assert kept(database, completed) == {"d": (PRIMARY, ["Effusion"]), "e": (SUPERSEDED, ["Nodule"])}
    assert shown(database, completed) == ("d", ["Effusion"])


def test_a_study_that_is_to_be_read_again_shows_what_it_has_until_it_was(
    database: Database, completed: StudyId
):
    ask_again(database, completed)
    with database.session() as session:
        assert studies.reread(session, completed, actor=SOMEBODY) is None
        assert reading.events(session, completed)[-1].event is StudyEvent.REREAD
    assert the_study(database, completed).status is StudyStatus.QUEUED
    a_claim(database, completed)
    assert shown(database, completed) == ("d", ["Effusion", "Mass"])


def test_a_study_that_a_newer_gate_refuses_shows_no_findings_and_keeps_them(
    database: Database, completed: StudyId
):
    ask_again(database, completed)
    claim, reason = a_claim(database, completed), UnusableImageError("not a chest radiograph")
    with database.session() as session:
        findings.refuse(session, claim, [ImageFindings(0, ViewPosition.PA, rejection=reason)], reason)
    assert kept(database, completed) == {"d": (SUPERSEDED, ["Effusion", "Mass"])}
    assert shown(database, completed) == (None, [])


def test_a_report_shows_the_findings_it_was_written_from_whoever_reads_the_study_since(
    client: httpx.Client, database: Database
):
    study_id = sent(client)
    classify(database, study_id, [a_finding("Effusion", probability=0.81)])
    report(database, study_id)

    def told() -> tuple[list[str], str]:
        text = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": "text/plain"}).text
        read_by = client.get(f"/v1/studies/{study_id}/findings").json()["model"]["version"]
        return [
            words for words in (" 0.81 ", " 0.62 ", "bundled 1.0", "bundled 2.0") if words in text
        ], read_by

    assert told() == ([" 0.81 ", "bundled 1.0"], "1.0")
    read_again(database, study_id, NEWER, a_finding("Effusion", probability=0.62))
    assert told() == ([" 0.81 ", "bundled 1.0"], "2.0")
    report(database, study_id)
    assert told() == ([" 0.62 ", "bundled 2.0"], "2.0")
    assert client.get(f"/v1/studies/{study_id}").json()["model"]["version"] == "2.0"
    assert client.get(f"/v1/studies/{study_id}/report").json()["version"] == 2


def test_a_shadow_is_kept_and_shown_to_nobody_until_its_model_reads_the_study(
    database: Database, completed: StudyId
):
    def cast(model: ModelVersion, *found: Finding) -> None:
        with database.session() as session:
            findings.write_analysis(session, completed, images_with(*found), model, SHADOW)

    cast(NEWER, a_finding("Nodule"), a_finding("Hernia"))
    cast(NEWER, a_finding("Nodule"))
    own = "d", ["Effusion", "Mass"]
    assert kept(database, completed) == {"d": (PRIMARY, own[1]), "e": (SHADOW, ["Nodule"])}
    assert shown(database, completed) == own
    cast(MODEL, a_finding("Hernia"))
    assert shown(database, completed) == own
    read_again(database, completed, NEWER, a_finding("Nodule"))
    assert shown(database, completed) == ("e", ["Nodule"])
    cast(MODEL, a_finding("Hernia"))
    assert kept(database, completed) == {"d": (SUPERSEDED, own[1]), "e": (PRIMARY, ["Nodule"])}


def test_of_two_workers_that_finish_at_once_one_leaves_its_analysis(database: Database):
    study_id = a_study(database)
    late = a_claim(database, study_id, lease=timedelta(seconds=-1))
    with database.session() as session:
        claims.expire_leases(session, actor=SWEEPER)
    current = a_claim(database, study_id)
    start = threading.Barrier(2)

    def finish(number: int) -> bool:
        start.wait()
        try:
            with database.session() as session:
                images, model = images_with(a_finding()), (MODEL, NEWER)[number]
                findings.store(session, (late, current)[number], images, model)
        except LeaseLostError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(finish, range(2))) == [False, True]
    assert kept(database, study_id) == {"e": (PRIMARY, ["Effusion"])}


def test_the_database_refuses_a_second_primary(database: Database, completed: StudyId):
    second = {"id": new_id(), "study_id": completed, "role": PRIMARY}
    with pytest.raises(IntegrityError, match="ux_analyses_primary"), database.session() as session:
        session.add(
            AnalysisRow(
                **second, images=1, model_id=NEWER.id, model_version=NEWER.version, model_digest=NEWER.digest
            )
        )


def test_the_results_of_a_batch_have_the_labels_of_its_studies_own_findings(database: Database):
    with database.session() as session:
        batch = batches.create(session, tenant_id=DEFAULT_TENANT, name=None)
    study_id, other = a_study(database, batch_id=batch.id), a_study(database, batch_id=batch.id)
    for one in (study_id, other):
        classify(database, one, [a_finding("Effusion")])
        report(database, one)
    read_again(database, study_id, NEWER, a_finding("Nodule", FindingStatus.ABSENT))
    with database.session() as session:
        assert batches.labels(session, batch.id) == ["Effusion", "Nodule"]
        items = batches.items_after(session, batch.id, None, limit=9)
        assert [[one.label for one in item.findings] for item in items] == [["Nodule"], ["Effusion"]]
    report(database, study_id)
    read_again(database, other, NEWER, a_finding("Nodule", FindingStatus.ABSENT))
    with database.session() as session:
        assert batches.labels(session, batch.id) == ["Nodule"]


@pytest.fixture
def analyser(storage: Storage) -> Analyser:
    return the_analyser(storage)


def test_the_workers_read_a_study_again_and_erasing_it_leaves_nothing_of_either_model(
    workplace: Workplace, analyser: Analyser, client: httpx.Client
):
    database, storage, content = workplace.database, analyser.storage, SAMPLE.read_bytes()
    study_id = a_stored_study(database, storage, content)
    older, newer = analyser.bundle, replace(analyser.bundle, version=NEWER)
    reporter = Reporter(
        lambda request, _: write_reports(
            [request], TemplateWriter(), attempts=1, departures=Departures.REFUSE
        )[0],
        ReportSettings(),
    )

    def read(analyser: Analyser) -> None:
        assert classify_study(a_claim(database, study_id), workplace, analyser) is Outcome.DONE
        assert report_on(a_claim(database, study_id, Stage.LLM), workplace, reporter) is Outcome.DONE

    read(analyser)
    ask_again(database, study_id)
    read(replace(analyser, bundle=newer))

    labels = sorted(label.id for label in older.card.labels)
    assert kept(database, study_id) == {
        older.version.digest[0]: (SUPERSEDED, labels),
        newer.version.digest[0]: (PRIMARY, labels),
    }
    with database.session() as session:
        (best, *_) = session.scalars(
            select(FindingRow.label)
            .join(AnalysisRow)
            .where(AnalysisRow.study_id == study_id, FindingRow.heatmap)
            .distinct()
        )
        written = session.scalars(
            select(AnalysisRow.model_digest)
            .join(ReportRow)
            .where(ReportRow.study_id == study_id)
            .order_by(ReportRow.version)
        )
        assert written.all() == [older.version.digest, newer.version.digest]
    maps = [heatmap_key(study_id, 0, bundle.version.digest, best) for bundle in (older, newer)]
    storage.put_artefact(maps[1], b"the newer model's")
    assert storage.get_artefact(maps[0]).startswith(b"\x89PNG")
    picture = client.get(f"/v1/studies/{study_id}/images/0/heatmaps/{best}.png")
    assert picture.content == b"the newer model's"

    with database.session() as session:
        assert erasure.erase(session, study_id, actor=SOMEBODY)
    let_notes_come_due(database)
    erasure.collect(database, storage)
    with database.session() as session:
        for table in (AnalysisRow, FindingRow, ReportRow):
            assert session.scalars(select(table)).all() == []
        assert reports.in_force(session, study_id) is None
    for key in maps:
        with pytest.raises(NotStoredError):
            storage.get_artefact(key)
