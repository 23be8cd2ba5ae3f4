"""C-STORE by dcmtk and pynetdicom: what is answered with success is in, once; the rest is told why."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation

from shared.domain.studies import StudyStatus
from shared.records import reading
from shared.records.database import Database
from shared.storage import Storage
from tests.support.dicoms import a_dicom, a_picture
from tests.support.gateways import Gateway, gateway, storescu
from tests.support.stack import InfraStack

DX = DigitalXRayImageStorageForPresentation


@pytest.fixture(scope="module")
def running(
    infra: InfraStack, migrated: Database, storage: Storage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with gateway(infra.environment(), tmp_path_factory.mktemp("gateway")) as started:
        yield started


def an_instance(number: int, **tags: object) -> bytes:
    said = {"StudyInstanceUID": "2.25.4711", "SOPInstanceUID": f"2.25.{number}", "PatientID": "P1"}
    return a_dicom(a_picture() + number, **{**said, **tags})


def test_store(running: Gateway, database: Database, tmp_path: Path):
    for number in (1, 2, 3):
        (tmp_path / f"{number}.dcm").write_bytes(an_instance(number))
    done = storescu(running.port, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr + running.service.text()
    with database.session() as session:
        (view,) = reading.page(session, limit=10)
    assert view.study.status is StudyStatus.OPEN
    assert len(view.images) == 3
