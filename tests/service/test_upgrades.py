"""Two releases on one schema: our code works on the next one's, while it is made and after a rollback."""

import inspect
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from migrations.__main__ import upgrade
from shared.domain.studies import DEFAULT_TENANT, Stage, StudyId, StudyStatus
from shared.records import batches, erasure, findings, reading, reports
from shared.records.database import Database
from shared.records.tables import StudyRow
from shared.settings import QueueSettings
from shared.work import queue
from shared.work.sweeper import sweep
from tests.service import test_studies
from tests.support.builders import SOMEBODY, a_claim, a_study, empty_tables, let_time_pass, the_study
from tests.support.databases import new_database
from tests.support.releases import HEAD, next_release, run, start, take_back
from tests.support.schema import read
from tests.support.services import ROOT
from tests.support.stack import InfraStack, wait_until

EXPIRED = timedelta(seconds=-1)
PROMISES = {
    name: function
    for name, function in vars(test_studies).items()
    if name.startswith("test_") and list(inspect.signature(function).parameters) == ["database"]
}
"""What tests/service/test_studies.py holds true of studies, on our own schema."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the next release."""
    return next_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def ahead(infra: InfraStack, release: Path) -> Iterator[Database]:
    """Return a database with the next release's schema."""
    database = new_database(infra, "ahead")
    run(release, database)
    yield database
    database.close()


@pytest.fixture
def emptied(ahead: Database) -> Database:
    """Return it without rows."""
    empty_tables(ahead)
    return ahead


def live(database: Database) -> StudyId:
    """Bring one study from its upload to its report."""
    study_id = a_study(database)
    claim = a_claim(database, study_id)
    with database.session() as session:
        findings.store(session, claim, test_studies.image_findings(), test_studies.MODEL)
    claim = a_claim(database, study_id, Stage.LLM)
    with database.session() as session:
        reports.store(session, claim, test_studies.the_report())
    return study_id


def test_our_code_leads_studies_through_their_life_on_the_next_schema(
    emptied: Database, queue_settings: QueueSettings
):
    app, broker = queue.create_app("test", queue_settings), queue.connect_broker(queue_settings)
    broker.flushall()
    finished = live(emptied)
    lost = a_study(emptied)
    a_claim(emptied, lost, lease=EXPIRED)
    assert sweep(emptied, app, broker) == 1
    waiting = a_study(emptied)
    let_time_pass(emptied)
    assert sweep(emptied, app, broker) == 1
    assert the_study(emptied, lost).status is StudyStatus.QUEUED
    with emptied.session() as session:
        listed = [view.study.id for view in reading.page(session, limit=10)]
        batch = batches.create(session, tenant_id=DEFAULT_TENANT, name="archive")
        assert erasure.erase(session, finished, actor=SOMEBODY)
    assert listed == [waiting, lost, finished]
    in_batch = a_study(emptied, batch_id=batch.id)
    with emptied.session() as session:
        assert batches.counts(session, batch.id)[StudyStatus.QUEUED] == 1
        assert batches.cancel(session, batch.id, actor=SOMEBODY) == 1
    assert the_study(emptied, in_batch).status is StudyStatus.CANCELLED


@pytest.mark.parametrize("promise", PROMISES.values(), ids=PROMISES)
def test_what_holds_on_our_schema_holds_on_the_next(emptied: Database, promise: Callable[[Database], None]):
    promise(emptied)


def test_a_rollback_leaves_the_schema_and_its_pods_start(ahead: Database):
    with ahead.session() as session:
        before = read(session.connection())
    run(ROOT, ahead)
    run(ROOT, ahead, "wait")
    with ahead.session() as session:
        assert read(session.connection()) == before


def test_pods_of_the_next_release_wait_and_ours_do_not(empty: Database, release: Path):
    run(ROOT, empty)
    waiting = start(release, empty, "wait")
    run(ROOT, empty, "wait")
    assert waiting.poll() is None
    run(release, empty)
    assert waiting.wait(60) == 0


def test_no_study_notices_that_the_schema_is_changed_under_its_life(empty: Database, release: Path):
    with empty.session() as session:
        upgrade(session.connection())
    done = threading.Event()

    def live_on(_: int) -> list[StudyId]:
        lived = []
        while not done.is_set():
            lived.append(live(empty))
        return lived

    with ThreadPoolExecutor(4) as threads:
        lives = threads.map(live_on, range(4))
        try:
            wait_until(lambda: finished(empty) > 8, timeout=60, what="studies to be lived before")
            run(release, empty)
            before = finished(empty)
            wait_until(lambda: finished(empty) > before + 8, timeout=60, what="studies to be lived after")
        finally:
            done.set()
        lived = sum(len(each) for each in lives)
    assert finished(empty) == lived


def finished(database: Database) -> int:
    with database.session() as session:
        statement = select(func.count()).where(StudyRow.status == StudyStatus.COMPLETED)
        return session.scalar(statement) or 0


def test_a_migration_steps_back_while_a_backup_reads_the_tables(empty: Database, release: Path):
    with empty.session() as session:
        upgrade(session.connection())
    with empty.session() as backup:
        backup.execute(text("LOCK TABLE studies IN ACCESS SHARE MODE"))  # as pg_dump does, for hours
        migrating = start(release, empty)
        wait_until(lambda: waits_for_a_lock(empty), timeout=60, what="the migration to want the table")
        # Behind a migration that waited on, these would stand until the backup ended.
        for _ in range(3):
            live(empty)
        assert migrating.poll() is None
    assert migrating.wait(60) == 0
    live(empty)


def waits_for_a_lock(database: Database) -> bool:
    with database.session() as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_a_schema_that_is_taken_back_keeps_the_studies(empty: Database, release: Path):
    with empty.session() as session:
        upgrade(session.connection())
        before = read(session.connection())
    study_id = live(empty)
    run(release, empty)
    take_back(release, empty, to=HEAD)
    with empty.session() as session:
        assert read(session.connection()) == before
    assert the_study(empty, study_id).status is StudyStatus.COMPLETED
