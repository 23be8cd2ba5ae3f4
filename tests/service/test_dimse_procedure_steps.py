"""MPPS: a study is closed by the number of images that its modality made, and by no earlier word."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
)
from pynetdicom.association import Association
from pynetdicom.sop_class import ModalityPerformedProcedureStep

from shared.domain.studies import StudyStatus
from shared.records import erasure, peers, procedure_steps, reading
from shared.records.database import Database
from shared.records.procedure_steps import StepStatus
from shared.storage import Storage
from tests.support.builders import SOMEBODY
from tests.support.dicoms import a_dicom, a_picture
from tests.support.gateways import Gateway, association, gateway, stored
from tests.support.stack import InfraStack

DX = DigitalXRayImageStorageForPresentation
STUDY = "2.25.4711"


@pytest.fixture(scope="module")
def running(
    infra: InfraStack, migrated: Database, storage: Storage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    # Nothing but a number closes a study while these tests run.
    with gateway(infra.environment(), tmp_path_factory.mktemp("gateway"), close_after="3600") as started:
        yield started


@pytest.fixture
def scanner(running: Gateway, database: Database) -> Iterator[Association]:
    with association(running.port, DX, ModalityPerformedProcedureStep) as peer:
        yield peer


def create(peer: Association, uid: str | None, study: str | None = STUDY, status: str = "IN PROGRESS") -> int:
    begun = Dataset()
    begun.PerformedProcedureStepStatus = status
    begun.ScheduledStepAttributesSequence = [Dataset()]
    if study is not None:
        begun.ScheduledStepAttributesSequence[0].StudyInstanceUID = study
    answer, _ = peer.send_n_create(begun, ModalityPerformedProcedureStep, uid)
    return int(answer.Status)


def end(peer: Association, uid: str, *classes: str, status: str = "COMPLETED") -> int:
    ended = Dataset()
    ended.PerformedProcedureStepStatus = status
    ended.PerformedSeriesSequence = []
    for sop_class in classes:
        image, series = Dataset(), Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = sop_class, "2.25.1"
        series.ReferencedImageSequence = [image]
        ended.PerformedSeriesSequence.append(series)
    answer, _ = peer.send_n_set(ended, ModalityPerformedProcedureStep, uid)
    return int(answer.Status)


def store(peer: Association, *numbers: int) -> None:
    for number in numbers:
        content = a_dicom(a_picture() + number, StudyInstanceUID=STUDY, SOPInstanceUID=f"2.25.{number}")
        assert stored(peer, content).Status == 0x0000


def status(database: Database) -> StudyStatus:
    with database.session() as session:
        (study,) = reading.page(session, limit=10)
    return study.study.status


def test_the_count_may_come_before_the_images(scanner: Association, database: Database):
    assert create(scanner, "2.25.8") == 0x0000
    assert end(scanner, "2.25.8", DX, ComputedRadiographyImageStorage, BasicTextSRStorage) == 0x0000
    store(scanner, 1)
    assert status(database) is StudyStatus.OPEN
    store(scanner, 2)
    assert status(database) is StudyStatus.QUEUED


def test_the_count_may_come_after_the_images(scanner: Association, database: Database):
    assert create(scanner, "2.25.8") == 0x0000
    store(scanner, 1, 2)
    assert status(database) is StudyStatus.OPEN
    assert end(scanner, "2.25.8", DX, DX) == 0x0000
    assert status(database) is StudyStatus.QUEUED


def test_a_study_waits_for_each_of_its_steps(scanner: Association, database: Database):
    assert create(scanner, "2.25.8") == 0x0000
    assert create(scanner, "2.25.9") == 0x0000
    assert end(scanner, "2.25.8", DX) == 0x0000
    store(scanner, 1)
    assert status(database) is StudyStatus.OPEN
    assert end(scanner, "2.25.9", DX) == 0x0000
    assert status(database) is StudyStatus.OPEN
    store(scanner, 2)
    assert status(database) is StudyStatus.QUEUED


def test_what_was_discontinued_counts_for_nothing(scanner: Association, database: Database):
    assert create(scanner, "2.25.8") == 0x0000
    assert create(scanner, "2.25.9") == 0x0000
    store(scanner, 1)
    assert end(scanner, "2.25.8", DX, DX, status="DISCONTINUED") == 0x0000
    assert status(database) is StudyStatus.OPEN
    assert end(scanner, "2.25.9", DX) == 0x0000
    assert status(database) is StudyStatus.QUEUED


def test_a_step_that_begins_takes_back_what_an_earlier_one_said(scanner: Association, database: Database):
    assert create(scanner, "2.25.8") == 0x0000
    assert end(scanner, "2.25.8", DX, DX) == 0x0000
    store(scanner, 1)
    assert create(scanner, "2.25.9") == 0x0000
    store(scanner, 2)
    assert status(database) is StudyStatus.OPEN
    assert end(scanner, "2.25.9", DX) == 0x0000
    store(scanner, 3)
    assert status(database) is StudyStatus.QUEUED


def test_what_is_no_step_is_refused(scanner: Association, database: Database):
    assert create(scanner, "2.25.8", study=None) == 0x0120
    assert create(scanner, "2.25.8", status="COMPLETED") == 0x0106
    assert end(scanner, "2.25.8", DX) == 0x0112
    assert create(scanner, "2.25.8") == 0x0000
    assert create(scanner, "2.25.8") == 0x0111
    assert end(scanner, "2.25.8", status="ENDED") == 0x0106
    assert end(scanner, "2.25.8", status="IN PROGRESS") == 0x0000
    assert end(scanner, "2.25.8", DX) == 0x0000
    assert end(scanner, "2.25.8", DX, DX) == 0x0110, "it may no longer be changed"


def test_a_step_without_a_name_is_given_one(scanner: Association, database: Database):
    assert create(scanner, "2.25.8") == 0x0000
    assert end(scanner, "2.25.8", DX) == 0x0000
    assert create(scanner, None) == 0x0000
    store(scanner, 1)
    assert status(database) is StudyStatus.OPEN, "that one goes on"


def test_another_tenants_step_is_none_of_its_business(
    running: Gateway, scanner: Association, database: Database
):
    assert create(scanner, "2.25.8") == 0x0000
    with database.session() as session:
        peers.add(session, "NORTH", tenant="north")
    with association(running.port, ModalityPerformedProcedureStep, calling="NORTH") as other:
        assert end(other, "2.25.8", DX) == 0x0112
        assert create(other, "2.25.8") == 0x0000


def test_a_step_goes_with_its_study_and_else_in_a_week(
    scanner: Association, database: Database, monkeypatch: pytest.MonkeyPatch
):
    assert create(scanner, "2.25.8") == 0x0000
    store(scanner, 1)
    with database.session() as session:
        (study,) = reading.page(session, limit=10)
        assert erasure.erase(session, study.study.id, actor=SOMEBODY)
        tenant = study.study.tenant_id
        assert procedure_steps.hold(session, tenant, "2.25.8") is None
    assert create(scanner, "2.25.9", study="2.25.5") == 0x0000
    with database.session() as session:
        assert procedure_steps.hold(session, tenant, "2.25.9") == (StepStatus.IN_PROGRESS, "2.25.5")
    monkeypatch.setattr(procedure_steps, "KEPT", timedelta(0))
    with database.session() as session:
        assert procedure_steps.begin(session, tenant, "2.25.10", "2.25.6")
        assert procedure_steps.hold(session, tenant, "2.25.9") is None
