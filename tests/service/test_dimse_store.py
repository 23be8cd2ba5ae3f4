"""C-STORE by dcmtk and pynetdicom: what is answered with success is in, once; the rest is told why."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import (
    UID,
    ComprehensiveSRStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from shared.domain.studies import StudyStatus
from shared.records import reading
from shared.records.database import Database
from shared.records.reading import StudyView
from shared.storage import Storage
from shared.version import SOFTWARE
from tests.support.dicoms import a_dicom, a_picture
from tests.support.gateways import Gateway, association, gateway, stored, storescu
from tests.support.stack import InfraStack

DX = DigitalXRayImageStorageForPresentation
SUCCESS, OUT_OF_RESOURCES, NOT_MATCHING, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000


@pytest.fixture(scope="module")
def running(
    infra: InfraStack, migrated: Database, storage: Storage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with gateway(infra.environment(), tmp_path_factory.mktemp("gateway")) as started:
        yield started
    logged = started.service.text()
    assert "2.25." not in logged, "a UID"
    assert "exception" not in logged, logged[-3000:]


def an_instance(number: int, **tags: Any) -> bytes:
    said = {"StudyInstanceUID": "2.25.4711", "SOPInstanceUID": f"2.25.{number}", "PatientID": "P1"}
    return a_dicom(a_picture() + number, **{**said, **tags})


def written(folder: Path, *contents: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number}.dcm").write_bytes(content)
    return folder


def studies(database: Database) -> list[StudyView]:
    with database.session() as session:
        return list(reading.page(session, limit=100))


def uids(study: StudyView) -> list[str]:
    return sorted(image.sop_instance_uid or "" for image in study.images)


def data_set_of(content: bytes) -> bytes:
    """What of a DICOM file goes over the wire."""
    meta = pydicom.dcmread(BytesIO(content)).file_meta
    return content[144 + meta.FileMetaInformationGroupLength :]


@pytest.mark.parametrize(
    ("syntax", "options"),
    [
        (ImplicitVRLittleEndian, ["-xi"]),
        (ExplicitVRBigEndian, ["-xb"]),
        (JPEG2000Lossless, ["-xv"]),
        (RLELossless, ["-xr"]),
        (JPEGBaseline8Bit, ["-xy"]),
    ],
)
def test_the_original_is_what_came_in_every_transfer_syntax(
    running: Gateway, database: Database, storage: Storage, tmp_path: Path, syntax: UID, options: list[str]
):
    pixels = a_picture(bits=8).astype("uint8") if syntax == JPEGBaseline8Bit else a_picture()
    bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7} if syntax == JPEGBaseline8Bit else {}
    content = a_dicom(pixels, transfer_syntax=syntax, StudyInstanceUID="2.25.4711", **bits)
    done = storescu(running.port, written(tmp_path / "sent", content), options=options)
    assert done.returncode == 0, done.stderr
    (study,) = studies(database)
    (image,) = study.images
    assert image.transfer_syntax_uid == syntax
    original = storage.get_original(image.sha256)
    # dcmtk leaves group lengths and encodings as they are where it does not change the syntax.
    sent, came = pydicom.dcmread(BytesIO(content)), pydicom.dcmread(BytesIO(original))
    assert came.file_meta.TransferSyntaxUID == syntax
    assert came.file_meta.MediaStorageSOPInstanceUID == sent.SOPInstanceUID
    assert came.PixelData == sent.PixelData


def test_the_bytes_of_the_data_set_are_those_that_came(
    running: Gateway, database: Database, storage: Storage
):
    content = an_instance(1)
    with association(running.port, DX) as peer:
        assert stored(peer, content).Status == SUCCESS
    (study,) = studies(database)
    assert data_set_of(storage.get_original(study.images[0].sha256)) == data_set_of(content)


def test_instances_of_a_study_are_one_study_however_they_come(
    running: Gateway, database: Database, tmp_path: Path
):
    folders = [
        written(tmp_path / name, *(an_instance(number) for number in numbers))
        for name, numbers in (("a", (1, 2, 3)), ("b", (3, 4)), ("c", (1, 2, 5)))
    ]
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda folder: storescu(running.port, folder), folders))
    assert [one.returncode for one in done] == [0, 0, 0]
    assert storescu(running.port, folders[0]).returncode == 0
    (study,) = studies(database)
    assert uids(study) == ["2.25.1", "2.25.2", "2.25.3", "2.25.4", "2.25.5"]
    assert study.study.status is StudyStatus.OPEN


def test_another_patient_in_the_same_study_is_refused_without_naming_anybody(
    running: Gateway, database: Database
):
    with association(running.port, DX) as peer:
        assert stored(peer, an_instance(1)).Status == SUCCESS
        answer = stored(peer, an_instance(2, PatientID="SECRET"))
        # And the association goes on.
        assert stored(peer, an_instance(3)).Status == SUCCESS
    assert answer.Status == NOT_UNDERSTOOD
    assert answer.ErrorComment == "contradicts its study: PatientID"
    assert [uids(study) for study in studies(database)] == [["2.25.1", "2.25.3"]]


def named(content: bytes, uid: str, folder: Path) -> Path:
    """Write a file of which the command will name another instance than the data set does."""
    dataset = pydicom.dcmread(BytesIO(content))
    dataset.file_meta["MediaStorageSOPInstanceUID"].value = UID(uid, validation_mode=0)
    path = folder / "named.dcm"
    dataset.save_as(path, enforce_file_format=False)
    return path


@pytest.mark.parametrize("uid", ["2.25.99", "../../etc/x", "/etc/passwd", "1.2.x", "1..2", "0" * 64, "1.02"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_instance_of_another_name_than_the_commands_is_refused(
    running: Gateway, database: Database, tmp_path: Path, uid: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pynetdicom._config.STORE_SEND_CHUNKED_DATASET", True)
    with association(running.port, DX) as peer:
        assert peer.send_c_store(named(an_instance(1), uid, tmp_path)).Status == NOT_MATCHING
    assert studies(database) == []


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "tags",
    [
        {"Rows": None},
        {"StudyInstanceUID": "../x"},
        {"StudyInstanceUID": None},
        {"PhotometricInterpretation": "HSV"},
        {"BitsAllocated": 12},
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(
    running: Gateway, database: Database, tags: dict[str, Any]
):
    with association(running.port, DX) as peer:
        answer = stored(peer, an_instance(1, **tags))
    assert answer.Status == NOT_UNDERSTOOD
    assert answer.ErrorComment.startswith("the DICOM ")
    assert studies(database) == []


def test_a_report_that_comes_with_the_study_is_set_aside_and_said_so(running: Gateway, database: Database):
    report = an_instance(9, SOPClassUID=ComprehensiveSRStorage, Modality="SR", PixelData=None, Rows=None)
    with association(running.port, DX, ComprehensiveSRStorage) as peer:
        # Before its study there is nothing to note it with, and none is begun for it.
        assert stored(peer, report).Status == SUCCESS
        assert studies(database) == []
        assert stored(peer, an_instance(1)).Status == SUCCESS
        assert stored(peer, report).Status == SUCCESS
        assert stored(peer, report).Status == SUCCESS
    (study,) = studies(database)
    assert uids(study) == ["2.25.1"]
    (noted,) = study.order.set_aside
    assert "a structured report (SR)" in noted["reason"]


def test_what_this_product_made_itself_makes_no_other_report(running: Gateway, database: Database):
    capture = an_instance(9, SOPClassUID=SecondaryCaptureImageStorage, Modality="OT", Manufacturer=SOFTWARE)
    with association(running.port, DX, SecondaryCaptureImageStorage) as peer:
        assert stored(peer, an_instance(1)).Status == SUCCESS
        assert stored(peer, capture).Status == SUCCESS
    (study,) = studies(database)
    assert uids(study) == ["2.25.1"]
    assert not study.order.set_aside


def test_an_object_of_more_bytes_than_the_limit_is_refused_and_the_next_one_is_not(
    infra: InfraStack, database: Database, storage: Storage, tmp_path: Path
):
    environment = {**infra.environment(), "CXR_API_MAX_FILE_BYTES": "100000"}
    large = a_dicom(a_picture(1000, 1000), StudyInstanceUID="2.25.4711", SOPInstanceUID="2.25.5")
    with gateway(environment, tmp_path) as small, association(small.port, DX) as peer:
        answer = stored(peer, large)
        assert (answer.Status, answer.ErrorComment) == (NOT_UNDERSTOOD, "it takes more than 100000 bytes")
        assert stored(peer, an_instance(1)).Status == SUCCESS
    (study,) = studies(database)
    assert uids(study) == ["2.25.1"]


@pytest.mark.parametrize("server", ["storage", "postgres"])
def test_while_a_server_is_away_it_is_told_to_come_again_and_then_it_is_in(
    infra: InfraStack, running: Gateway, database: Database, server: str
):
    with association(running.port, DX) as peer:
        assert stored(peer, an_instance(1)).Status == SUCCESS
        infra.kill(server)
        try:
            answer = stored(peer, an_instance(2))
        finally:
            infra.start(server)
        assert answer.Status == OUT_OF_RESOURCES
        assert "later" in answer.ErrorComment
        answers = (stored(peer, an_instance(2)).Status for _ in range(20))
        assert SUCCESS in answers
    (study,) = studies(database)
    assert uids(study) == ["2.25.1", "2.25.2"]


def test_at_sigterm_what_was_answered_is_in_and_the_process_ends(
    infra: InfraStack, database: Database, storage: Storage, tmp_path: Path
):
    files = written(tmp_path / "sent", *(an_instance(number) for number in range(1, 17)))
    with gateway(infra.environment(), tmp_path) as dying, ThreadPoolExecutor(1) as threads:
        sending = threads.submit(storescu, dying.port, files)
        with database.session():
            pass
        while not studies(database):
            assert not sending.done(), sending.result().stderr
        assert dying.service.terminate() == 0
        done = sending.result()
    answered = done.stdout.count("Received Store Response (Success)") + done.stderr.count(
        "Received Store Response (Success)"
    )
    (study,) = studies(database)
    assert answered <= len(study.images) <= answered + 1
