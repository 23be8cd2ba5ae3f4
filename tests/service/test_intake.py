"""Taking a study in without HTTP: what any door may call, on real servers."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.domain.orders import Order
from shared.domain.studies import DEFAULT_TENANT, BatchId, Priority, Stage, StudyStatus, new_id
from shared.intake import files
from shared.intake.files import Checked, Limits, SentFile
from shared.intake.studies import Intake, take
from shared.intake.submission import (
    BatchClosed,
    NoBatch,
    OtherPatient,
    Outcome,
    Refused,
    Replayed,
    SeveralPatients,
    Submission,
    Taken,
)
from shared.records import batches, erasure, idempotency
from shared.records.database import Database
from shared.records.idempotency import Begun, InUse, RequestKey, Reused
from shared.records.reading import StudyView
from shared.settings import QueueSettings
from shared.storage import Storage
from shared.work import queue
from tests.support.api import a_png
from tests.support.builders import SOMEBODY, the_study
from tests.support.dicoms import a_dicom

Door = Callable[..., Outcome]

LIMITS = Limits(images=4, pixels=10**6, file_bytes=10**6, total_bytes=10**6, zip_ratio=100)


def checked(*contents: bytes) -> Checked:
    return files.check(
        [SentFile(f"{number}.dcm", io.BytesIO(content)) for number, content in enumerate(contents)], LIMITS
    )


def answer(view: StudyView) -> Mapping[str, Any]:
    return {"here": str(view.study.id)}


@pytest.fixture
def door(database: Database, storage: Storage, queue_settings: QueueSettings) -> Door:
    """Return a door that is no API: it takes in what its caller holds."""
    app = queue.create_app("a-door", queue_settings)
    intake = Intake(database, storage, lambda hint: queue.send_hint(app, hint))

    def bring(*contents: bytes, **said: Any) -> Outcome:
        return take(intake, Submission(DEFAULT_TENANT, SOMEBODY, checked(*contents), **said), answer=answer)

    return bring


def a_batch(database: Database) -> BatchId:
    with database.session() as session:
        return BatchId(batches.create(session, tenant_id=DEFAULT_TENANT, name=None).id)


def test_a_good_file_is_queued_stored_and_hinted_at(
    door: Door, database: Database, storage: Storage, queue_settings: QueueSettings
):
    broker = queue.connect_broker(queue_settings)
    before = queue.queue_lengths(broker)[Stage.CNN, Priority.URGENT]
    taken = door(a_dicom(PatientID="P-1"), a_png(), asked_priority=Priority.URGENT)
    after = queue.queue_lengths(broker)[Stage.CNN, Priority.URGENT]
    broker.close()
    assert isinstance(taken, Taken)
    assert taken.answer == {"here": str(taken.study_id)}
    study = the_study(database, taken.study_id)
    assert (study.status, study.tenant_id) == (StudyStatus.QUEUED, DEFAULT_TENANT)
    assert storage.has_original(files.sha256_of(io.BytesIO(a_png())))
    assert after == before + 1


def test_the_same_key_takes_a_study_in_once(door: Door):
    first = door(a_png(), key="k", fingerprint="f" * 64)
    assert isinstance(first, Taken)
    assert door(a_png(), key="k", fingerprint="f" * 64) == Replayed(first.study_id, first.answer)
    assert door(a_png(1), key="k", fingerprint="e" * 64) == Reused()


def test_a_key_that_is_being_served_is_in_use(door: Door, database: Database):
    with database.session() as session:
        request = RequestKey(DEFAULT_TENANT, "k")
        assert isinstance(idempotency.begin(session, request, fingerprint="f" * 64), Begun)
    assert door(a_png(), key="k", fingerprint="f" * 64) == InUse()


def test_a_key_stays_free_when_a_file_is_refused(door: Door):
    refused = door(b"no image", key="k", fingerprint="f" * 64)
    assert isinstance(refused, Refused)
    assert refused.reason.file == "0.dcm"
    assert isinstance(door(a_png(), key="k", fingerprint="e" * 64), Taken)


def test_no_file_at_all_is_refused(door: Door):
    assert isinstance(door(), Refused)


def test_files_of_several_patients_are_taken_only_as_meant(door: Door):
    two = [a_dicom(PatientID=number, StudyInstanceUID="2.25.1") for number in ("A", "B")]
    assert door(*two) == SeveralPatients(["PatientID"], [["0.dcm"], ["1.dcm"]], [[0], [1]])
    assert door(two[0], typed=Order(patient_id="B")) == OtherPatient(["0.dcm"])
    assert isinstance(door(*two, mixed=True), Taken)


def test_a_batch_takes_items_until_it_is_cancelled(door: Door, database: Database):
    batch_id = a_batch(database)
    item = door(a_png(), batch_id=batch_id, key="1", fingerprint="f" * 64)
    refused = door(b"no image", batch_id=batch_id, key="2", fingerprint="e" * 64)
    assert isinstance(item, Taken)
    assert isinstance(refused, Taken)
    assert (item.status, refused.status) == (StudyStatus.QUEUED, StudyStatus.REJECTED)
    with database.session() as session:
        batches.cancel(session, batch_id, actor=SOMEBODY)
    assert door(a_png(), batch_id=batch_id, key="3", fingerprint="f" * 64) == BatchClosed()
    assert door(a_png(), batch_id=BatchId(new_id())) == NoBatch()


def test_an_erased_study_is_taken_in_again_with_its_key(door: Door, database: Database):
    first = door(a_png(), key="k", fingerprint="f" * 64)
    assert isinstance(first, Taken)
    with database.session() as session:
        erasure.erase(session, first.study_id, actor=SOMEBODY)
    again = door(a_png(), key="k", fingerprint="f" * 64)
    assert isinstance(again, Taken)
    assert again.study_id != first.study_id
