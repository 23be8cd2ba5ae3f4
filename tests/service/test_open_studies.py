"""Studies whose images come one by one: announced, added, closed; on real servers, and by several at once."""

import hashlib
import io
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import pytest
from celery import Celery
from redis import Redis
from sqlalchemy import func, select, update

from shared.domain.orders import Order
from shared.domain.studies import (
    DEFAULT_TENANT,
    Priority,
    Stage,
    StudyEvent,
    StudyId,
    StudyStatus,
    TenantId,
    new_id,
)
from shared.intake import files, open_studies
from shared.intake.files import Checked, Limits, SentFile
from shared.intake.studies import Intake, take
from shared.intake.submission import (
    Added,
    Addition,
    Closed,
    Erased,
    NoImages,
    NoStudy,
    NotAdded,
    NotOpen,
    OtherPatient,
    Refused,
    SeveralPatients,
    Submission,
    Taken,
)
from shared.records import batches, claims, erasure, reading, waiting
from shared.records import open_studies as records_of_open_studies
from shared.records.database import Database
from shared.records.erasure import collect
from shared.records.moves import Hint
from shared.records.reading import StudyView
from shared.records.studies import Opening
from shared.records.tables import ImageRow, OrderRow, StudyRow
from shared.settings import QueueSettings
from shared.storage import Storage
from shared.work import queue
from shared.work.sweeper import sweep
from tests.support.api import a_png
from tests.support.builders import SOMEBODY, a_study, a_tenant, let_notes_come_due, the_order, the_study
from tests.support.dicoms import a_dicom

LIMITS = Limits(images=4, pixels=10**6, file_bytes=10**6, total_bytes=10**6, zip_ratio=100)
A_MINUTE = Opening(timedelta(minutes=1))
WAITS_SECONDS = 20

SEEDS = itertools.count(1000)

T = TypeVar("T")


def checked(*contents: bytes) -> Checked:
    sent = [SentFile(f"{number}.dcm", io.BytesIO(content)) for number, content in enumerate(contents)]
    return files.check(sent, LIMITS) if sent else Checked()


def fresh() -> bytes:
    """Draw a picture that is in no object store yet."""
    return a_png(next(SEEDS))


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def answer(view: StudyView) -> Mapping[str, Any]:
    return {"here": str(view.study.id)}


class Sender:
    """A door that is no API."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake

    def open(self, *contents: bytes, opening: Opening = A_MINUTE, **said: Any) -> StudyId:
        submission = Submission(DEFAULT_TENANT, SOMEBODY, checked(*contents), opening=opening, **said)
        taken = take(self.intake, submission, answer=answer)
        assert isinstance(taken, Taken)
        return taken.study_id

    def add(
        self, study_id: StudyId, *contents: bytes, sees: TenantId | None = DEFAULT_TENANT
    ) -> Added | NotAdded:
        return open_studies.add(
            self.intake, Addition(study_id, sees, SOMEBODY, checked(*contents), most_images=LIMITS.images)
        )

    def close(self, study_id: StudyId) -> Closed | NoStudy | Erased | NoImages:
        return open_studies.close(self.intake, study_id, sees=DEFAULT_TENANT, actor=SOMEBODY)


@pytest.fixture
def hints() -> list[Hint]:
    return []


@pytest.fixture
def sender(database: Database, storage: Storage, hints: list[Hint]) -> Sender:
    return Sender(Intake(database, storage, hints.append))


@pytest.fixture
def broker(queue_settings: QueueSettings) -> Redis:
    client = queue.connect_broker(queue_settings)
    client.flushall()
    return client


@pytest.fixture
def app(queue_settings: QueueSettings) -> Celery:
    return queue.create_app("test", queue_settings)


def images_of(database: Database, study_id: StudyId) -> list[tuple[int, str]]:
    with database.session() as session:
        return [(image.index, image.sha256) for image in reading.images(session, study_id)]


def events_of(database: Database, study_id: StudyId) -> list[StudyEvent]:
    with database.session() as session:
        return [event.event for event in reading.events(session, study_id)]


def let_quiet_pass(database: Database) -> None:
    with database.session() as session:
        session.execute(update(StudyRow).values(closes_at=func.now() - timedelta(seconds=1)))


def at_once(*tasks: Callable[[], T]) -> list[T]:
    """Run them in threads that start together; return what each returned."""
    together = threading.Barrier(len(tasks))

    def start(task: Callable[[], T]) -> T:
        together.wait(WAITS_SECONDS)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(start, tasks))


def test_images_come_one_by_one_until_the_sender_closes(
    sender: Sender, database: Database, storage: Storage, hints: list[Hint]
):
    study_id = sender.open(asked_priority=Priority.URGENT)
    assert the_study(database, study_id).status is StudyStatus.OPEN
    for seed in range(2):
        added = sender.add(study_id, a_png(seed))
        assert added == Added(study_id)
        assert len(images_of(database, study_id)) == seed + 1
    assert hints == []
    closed = sender.close(study_id)
    assert isinstance(closed, Closed)
    assert closed.study.study.status is StudyStatus.QUEUED
    assert hints == [Hint(Stage.CNN, Priority.URGENT)]
    assert images_of(database, study_id) == [(seed, digest_of(a_png(seed))) for seed in range(2)]
    assert all(storage.has_original(digest_of(a_png(seed))) for seed in range(2))
    assert events_of(database, study_id) == [
        *(StudyEvent.RECEIVED, StudyEvent.IMAGES_ADDED, StudyEvent.IMAGES_ADDED, StudyEvent.CLOSED)
    ]


def test_no_worker_takes_an_open_study_and_nobody_counts_it_as_waiting(sender: Sender, database: Database):
    sender.open(a_png())
    with database.session() as session:
        now = timedelta(0)
        assert waiting.count_overdue(session, Stage.CNN, Priority.ROUTINE, since=now, most=9) == 0
        assert set(waiting.count_all_waiting(session).values()) == {0}
        claim = claims.claim(session, Stage.CNN, Priority.ROUTINE, lease=timedelta(1), actor=SOMEBODY)
    assert claim is None


def test_the_same_content_is_one_image_however_often_it_comes(sender: Sender, database: Database):
    study_id = sender.open(a_png(0), a_png(0))
    sender.add(study_id, a_png(0), a_png(1), a_png(1))
    again = sender.add(study_id, a_png(1))
    assert isinstance(again, Added)
    assert images_of(database, study_id) == [(seed, digest_of(a_png(seed))) for seed in range(2)]
    assert events_of(database, study_id) == [StudyEvent.RECEIVED, StudyEvent.IMAGES_ADDED]


def test_a_closed_study_takes_nothing_new_and_says_again_what_it_has(
    sender: Sender, database: Database, storage: Storage
):
    study_id, late = sender.open(a_png(0)), fresh()
    sender.close(study_id)
    assert sender.add(study_id, a_png(0), late) == NotOpen(StudyStatus.QUEUED)
    assert isinstance(sender.add(study_id, a_png(0)), Added)
    assert not storage.has_original(digest_of(late))
    assert sender.add(a_study(database), a_png(1)) == NotOpen(StudyStatus.QUEUED)


def test_with_the_last_image_that_was_expected_a_study_is_closed_at_once(
    sender: Sender, database: Database, hints: list[Hint]
):
    two = Opening(timedelta(minutes=1), expected_images=2)
    study_id = sender.open(a_png(0), opening=two)
    assert (the_study(database, study_id).status, hints) == (StudyStatus.OPEN, [])
    sender.add(study_id, a_png(1))
    assert (the_study(database, study_id).status, len(hints)) == (StudyStatus.QUEUED, 1)
    whole = sender.open(a_png(0), a_png(1), opening=two)
    assert (the_study(database, whole).status, len(hints)) == (StudyStatus.QUEUED, 2)
    assert events_of(database, whole) == [StudyEvent.RECEIVED, StudyEvent.CLOSED]


def test_quiet_time_closes_a_study_and_each_image_begins_it_anew(
    sender: Sender, database: Database, app: Celery, broker: Redis
):
    study_id = sender.open(a_png(0))
    let_quiet_pass(database)
    sender.add(study_id, a_png(1))
    assert sweep(database, app, broker) == 0
    let_quiet_pass(database)
    open_studies.announce(sender.intake, study_id, sees=DEFAULT_TENANT)
    assert sweep(database, app, broker) == 0
    let_quiet_pass(database)
    assert sweep(database, app, broker) == 1
    assert the_study(database, study_id).status is StudyStatus.QUEUED
    assert queue.queue_lengths(broker)[Stage.CNN, Priority.ROUTINE] == 1
    assert sweep(database, app, broker) == 0


def test_a_study_to_which_no_image_comes_is_never_queued(
    sender: Sender, database: Database, app: Celery, broker: Redis, hints: list[Hint]
):
    study_id = sender.open()
    assert sender.close(study_id) == NoImages()
    assert the_study(database, study_id).status is StudyStatus.OPEN
    let_quiet_pass(database)
    assert sweep(database, app, broker) == 0
    ended = the_study(database, study_id)
    assert (ended.status, ended.error_type) == (StudyStatus.REJECTED, "bad-input")
    assert "no image came" in str(ended.error_detail)
    assert sender.add(study_id, a_png()) == NotOpen(StudyStatus.REJECTED)
    assert hints == []


def test_a_study_waits_from_its_closing_on(sender: Sender, database: Database):
    study_id = sender.open(a_png())
    with database.session() as session:
        an_hour = timedelta(hours=1)
        session.execute(
            update(StudyRow).values(
                created_at=StudyRow.created_at - an_hour,
                not_before=StudyRow.not_before - an_hour,
                updated_at=StudyRow.updated_at - an_hour,
            )
        )
    sender.close(study_id)
    with database.session() as session:
        assert waiting.longest_wait(session, Stage.CNN) < timedelta(minutes=10)
        assert not waiting.is_overdue(session, Stage.CNN, since=timedelta(minutes=10))


def test_what_the_images_say_fills_in_what_nobody_typed(sender: Sender, database: Database):
    study_id = sender.open(a_png(), typed=Order(accession_number="TYPED"))
    sender.add(study_id, a_dicom(PatientID="P-1", AccessionNumber="READ", StudyInstanceUID="2.25.1"))
    sender.add(study_id, a_dicom(PatientID="P-1", PatientSex="F", StudyInstanceUID="2.25.1"))
    order = the_order(database, study_id)
    assert (order.patient_id, order.accession_number) == ("P-1", "TYPED")
    assert (order.patient_sex, order.study_instance_uid) == ("F", "2.25.1")


def test_another_patients_image_is_never_added(sender: Sender, database: Database, storage: Storage):
    other, third = (a_dicom(PatientID=number, StudyInstanceUID="2.25.1") for number in "BC")
    study_id = sender.open(a_dicom(PatientID="A", StudyInstanceUID="2.25.1"))
    assert sender.add(study_id, other) == SeveralPatients(["PatientID"], [["0.dcm"], ["0.dcm"]], [[], [0]])
    assert isinstance(sender.add(study_id, other, third), SeveralPatients)
    assert len(images_of(database, study_id)) == 1
    mixed = Submission(DEFAULT_TENANT, SOMEBODY, checked(other, third), opening=A_MINUTE, mixed=True)
    assert isinstance(take(sender.intake, mixed, answer=answer), SeveralPatients)
    typed = Submission(
        DEFAULT_TENANT, SOMEBODY, checked(other), opening=A_MINUTE, typed=Order(patient_id="A")
    )
    assert take(sender.intake, typed, answer=answer) == OtherPatient(["0.dcm"])
    let_notes_come_due(database)
    collect(database, storage)
    assert not storage.has_original(digest_of(other))


def test_a_bad_file_and_one_too_many_are_refused_and_leave_no_original(
    sender: Sender, database: Database, storage: Storage
):
    study_id = sender.open(a_png(0), a_png(1), a_png(2))
    assert isinstance(sender.add(study_id, b"no image"), Refused)
    fourth, fifth = fresh(), fresh()
    refused = sender.add(study_id, fourth, fifth)
    assert isinstance(refused, Refused)
    assert refused.reason.code == "too-large"
    assert len(images_of(database, study_id)) == 3
    let_notes_come_due(database)
    assert collect(database, storage) == 2
    assert not storage.has_original(digest_of(fourth))
    assert isinstance(sender.add(study_id, fourth), Added)


def test_another_tenants_study_is_not_there(sender: Sender, database: Database):
    study_id = sender.open(a_png())
    stranger = a_tenant(database)
    assert sender.add(study_id, a_png(1), sees=stranger) == NoStudy()
    assert open_studies.announce(sender.intake, study_id, sees=stranger) == NoStudy()
    assert open_studies.close(sender.intake, study_id, sees=stranger, actor=SOMEBODY) == NoStudy()
    assert sender.close(StudyId(new_id())) == NoStudy()
    assert isinstance(sender.add(study_id, a_png(1), sees=None), Added)


def test_two_who_add_at_once_lose_nothing(sender: Sender, database: Database):
    for _ in range(5):
        study_id = sender.open()
        added = at_once(*(partial(sender.add, study_id, a_png(seed)) for seed in range(4)))
        assert all(isinstance(one, Added) for one in added)
        images = images_of(database, study_id)
        assert [index for index, _ in images] == list(range(4))
        assert {digest for _, digest in images} == {digest_of(a_png(seed)) for seed in range(4)}


def test_a_file_that_comes_twice_at_once_is_one_image(sender: Sender, database: Database):
    for _ in range(5):
        study_id = sender.open()
        added = at_once(*[partial(sender.add, study_id, a_png())] * 3)
        assert all(isinstance(one, Added) for one in added)
        assert images_of(database, study_id) == [(0, digest_of(a_png()))]


def test_an_image_beside_the_closing_is_in_before_it_or_told_so(sender: Sender, database: Database):
    def close_later(study_id: StudyId, seconds: float) -> Closed | NoStudy | Erased | NoImages:
        time.sleep(seconds)
        return sender.close(study_id)

    for number in range(10):
        study_id = sender.open(a_png(0))
        added, closed = at_once(
            partial[Any](sender.add, study_id, a_png(1)), partial(close_later, study_id, 0.004 * number)
        )
        assert isinstance(closed, Closed)
        there = [digest for _, digest in images_of(database, study_id)]
        # What the closing saw is what the study has for ever, and what its worker reads.
        assert [image.sha256 for image in closed.study.images] == there
        assert isinstance(added, Added) == (digest_of(a_png(1)) in there)
        assert isinstance(added, Added | NotOpen)


def test_of_two_who_close_one_closes(sender: Sender, database: Database, hints: list[Hint]):
    for number in range(1, 6):
        study_id = sender.open(a_png())
        closed = at_once(*[partial(sender.close, study_id)] * 3)
        assert all(isinstance(one, Closed) for one in closed)
        assert events_of(database, study_id).count(StudyEvent.CLOSED) == 1
        assert len(hints) == number


def test_the_sweeper_leaves_a_study_to_whoever_is_adding(
    sender: Sender, database: Database, app: Celery, broker: Redis
):
    study_id = sender.open(a_png())
    let_quiet_pass(database)
    with database.session() as adding:
        adding.execute(select(StudyRow.id).where(StudyRow.id == study_id).with_for_update())
        assert sweep(database, app, broker) == 0
    assert sweep(database, app, broker) == 1


def test_an_erased_study_leaves_nothing_and_takes_nothing(
    sender: Sender, database: Database, storage: Storage
):
    study_id = sender.open(a_dicom(PatientID="P-1"))
    with database.session() as session:
        erasure.erase(session, study_id, actor=SOMEBODY)
    assert sender.add(study_id, a_png(1)) == Erased()
    assert sender.close(study_id) == Erased()
    assert the_study(database, study_id).status is StudyStatus.CANCELLED
    with database.session() as session:
        for rows in (ImageRow, OrderRow):
            assert session.scalars(select(rows).where(rows.study_id == study_id)).all() == []
    assert collect(database, storage) == 1


def test_a_cancelled_batch_takes_its_open_studies_along(sender: Sender, database: Database):
    with database.session() as session:
        batch_id = batches.create(session, tenant_id=DEFAULT_TENANT, name=None).id
    study_id = sender.open(a_png(), batch_id=batch_id)
    with database.session() as session:
        assert batches.counts(session, batch_id)[StudyStatus.OPEN] == 1
        assert batches.cancel(session, batch_id, actor=SOMEBODY) == 1
    assert sender.add(study_id, a_png(1)) == NotOpen(StudyStatus.CANCELLED)


def test_who_dies_between_storing_and_writing_loses_no_original(
    sender: Sender, database: Database, storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    study_id, image = sender.open(a_png(0)), fresh()

    def die(*_: object, **__: object) -> Sequence[Hint]:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(records_of_open_studies, "hold", die)
        with pytest.raises(KeyboardInterrupt):
            sender.add(study_id, image)
    assert storage.has_original(digest_of(image))
    let_notes_come_due(database)
    assert collect(database, storage) == 1
    assert not storage.has_original(digest_of(image))
    assert isinstance(sender.add(study_id, image), Added)
    assert storage.has_original(digest_of(image))
