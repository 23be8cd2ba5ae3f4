"""The sweeper and the collector, on real servers."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import Celery
from prometheus_client import REGISTRY
from redis import Redis, RedisError
from sqlalchemy import func, select, text, update

from shared.domain.studies import Priority, Stage, StudyStatus
from shared.operations import gauges
from shared.records import erasure, leases
from shared.records.database import Database
from shared.records.erasure import collect, lock_digest
from shared.records.tables import StudyRow
from shared.settings import QueueSettings
from shared.storage import Storage
from shared.work import queue
from shared.work.sweeper import sweep
from tests.support.builders import (
    SOMEBODY,
    a_claim,
    a_study,
    an_image,
    let_notes_come_due,
    let_time_pass,
    the_study,
)
from tests.support.services import wait_for

EXPIRED = timedelta(seconds=-1)


@pytest.fixture
def broker(queue_settings: QueueSettings) -> Redis:
    client = queue.connect_broker(queue_settings)
    client.flushall()
    return client


@pytest.fixture
def app(queue_settings: QueueSettings) -> Celery:
    return queue.create_app("test", queue_settings)


def length(broker: Redis, stage: Stage = Stage.CNN, priority: Priority = Priority.ROUTINE) -> int:
    return queue.queue_lengths(broker)[stage, priority]


def test_a_lease_that_ran_out_is_taken_back_and_hinted_at_once(
    database: Database, app: Celery, broker: Redis
):
    study_id = a_study(database)
    a_claim(database, study_id, lease=EXPIRED)
    assert sweep(database, app, broker) == 1
    assert the_study(database, study_id).status is StudyStatus.QUEUED
    assert length(broker) == 1
    assert sweep(database, app, broker) == 0


def test_a_lost_message_is_sent_again_and_a_backlog_is_not_multiplied(
    database: Database, app: Celery, broker: Redis
):
    for _ in range(20):
        a_study(database)
    let_time_pass(database)
    assert sweep(database, app, broker) == 20
    for _ in range(3):
        let_time_pass(database)
        assert sweep(database, app, broker) == 0
    broker.flushall()
    let_time_pass(database)
    assert sweep(database, app, broker) == 20
    assert length(broker) == 20


def test_hints_that_are_lost_again_and_again_are_sent_again_as_soon_as_ever(
    database: Database, app: Celery, broker: Redis
):
    for _ in range(3):
        a_study(database)
    for _ in range(10):
        let_time_pass(database, timedelta(seconds=3))
        assert sweep(database, app, broker) == 3
        assert length(broker) == 3
        broker.flushall()


def test_operators_see_what_waits_what_runs_and_for_how_long(database: Database):
    oldest = a_study(database)
    a_study(database)
    a_claim(database, a_study(database))
    with database.session() as session:
        an_hour = StudyRow.created_at - timedelta(hours=1)
        session.execute(update(StudyRow).where(StudyRow.id == oldest).values(created_at=an_hour))
    gauges.set_all(database)
    assert gauge("cxr_studies_waiting", stage="cnn", priority="routine") == 2
    assert gauge("cxr_studies_running", stage="cnn") == 1
    assert gauge("cxr_studies_running", stage="llm") == 0
    assert gauge("cxr_oldest_waiting_seconds", stage="cnn") == pytest.approx(3600, abs=60)
    assert gauge("cxr_oldest_waiting_seconds", stage="llm") == 0


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_each_priority_has_its_own_queue(database: Database, app: Celery, broker: Redis):
    for priority in Priority:
        a_study(database, priority=priority)
    let_time_pass(database)
    sweep(database, app, broker)
    assert [length(broker, priority=priority) for priority in Priority] == [1, 1, 1]


def test_a_broker_that_is_away_costs_no_lease_its_recovery(database: Database, queue_settings: QueueSettings):
    away = QueueSettings(url="redis://127.0.0.1:1/0")
    study_id = a_study(database)
    a_claim(database, study_id, lease=EXPIRED)
    let_time_pass(database)
    with pytest.raises(RedisError):
        sweep(database, queue.create_app("test", away), queue.connect_broker(away))
    assert the_study(database, study_id).status is StudyStatus.QUEUED


def test_of_two_sweepers_one_sweeps(database: Database, app: Celery, broker: Redis):
    a_claim(database, a_study(database), lease=EXPIRED)
    with database.session() as other:
        assert leases.begin_sweep(other)
        assert sweep(database, app, broker) == 0
    assert sweep(database, app, broker) == 1


def an_erased_study(database: Database, digest: str) -> None:
    study_id = a_study(database, images=(an_image("a.png", digest),))
    with database.session() as session:
        erasure.erase(session, study_id, actor=SOMEBODY)


def test_an_original_goes_with_the_last_study_that_names_it(database: Database, storage: Storage):
    content = b"pixels of two studies"
    digest = hashlib.sha256(content).hexdigest()
    storage.put_original(io.BytesIO(content), digest)
    survivor = a_study(database, images=(an_image("b.png", digest),))
    an_erased_study(database, digest)
    assert collect(database, storage) == 0
    assert storage.has_original(digest)
    with database.session() as session:
        erasure.erase(session, survivor, actor=SOMEBODY)
    assert collect(database, storage) == 1
    assert not storage.has_original(digest)


def test_the_collector_waits_for_an_upload_that_names_the_same_original(database: Database, storage: Storage):
    digest = hashlib.sha256(b"in flight").hexdigest()
    an_erased_study(database, digest)
    with database.session() as upload:
        lock_digest(upload, digest, shared=True)
        lock_digest(upload, digest, shared=True)
        with database.session() as session:
            number = int(digest[:15], 16)
            assert not session.scalar(select(func.pg_try_advisory_xact_lock(number)))
    assert collect(database, storage) == 1


def test_an_original_that_came_without_a_study_goes_and_one_in_use_stays(
    database: Database, storage: Storage
):
    lost, used = (hashlib.sha256(content).hexdigest() for content in (b"lost", b"used"))
    storage.put_original(io.BytesIO(b"lost"), lost)
    storage.put_original(io.BytesIO(b"used"), used)
    with database.session() as session:
        erasure.intend(session, [lost, used])
    assert collect(database, storage) == 0
    a_study(database, images=(an_image("a.png", used),))
    let_notes_come_due(database)
    assert collect(database, storage) == 1
    assert (storage.has_original(lost), storage.has_original(used)) == (False, True)
    assert collect(database, storage) == 0


def test_an_upload_that_begins_beside_the_collector_keeps_its_original(database: Database, storage: Storage):
    """The collector has seen that the note is due, and is about to erase."""
    digest = hashlib.sha256(b"once more").hexdigest()
    storage.put_original(io.BytesIO(b"once more"), digest)
    with database.session() as session:
        erasure.intend(session, [digest])
    let_notes_come_due(database)
    with ThreadPoolExecutor(1) as threads:
        with database.session() as upload:
            erasure.intend(upload, [digest])
            upload.flush()
            collecting = threads.submit(collect, database, storage)
            wait_for(lambda: waits_for_a_lock(database), 30, "the collector to wait for the upload's note")
        assert collecting.result(30) == 0
    assert storage.has_original(digest)
    with database.session() as session:
        assert erasure.keep(session, [digest]) == {digest}
        assert erasure.keep(session, [digest]) == set()


def waits_for_a_lock(database: Database) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with database.session() as session:
        return bool(session.scalar(waiting))


def test_erasing_beside_an_upload_of_the_same_original_keeps_it(database: Database, storage: Storage):
    digest = hashlib.sha256(b"again").hexdigest()
    storage.put_original(io.BytesIO(b"again"), digest)
    with database.session() as session:
        erasure.intend(session, [digest])
    an_erased_study(database, digest)
    a_study(database, images=(an_image("b.png", digest),))
    with database.session() as session:
        erasure.keep(session, [digest])
    let_notes_come_due(database)
    assert collect(database, storage) == 0
    assert storage.has_original(digest)
