"""What is no image and comes with one is named and set aside; a study with nothing left is refused."""

import io
import zipfile
from collections.abc import Iterator

import httpx
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    MediaStorageDirectoryStorage,
    RTPlanStorage,
)

from shared.domain.orders import Order
from shared.records.database import Database
from shared.storage import Storage
from tests.support.api import ApiServer, a_png, files
from tests.support.builders import the_order
from tests.support.dicoms import a_dicom, written
from tests.support.stack import InfraStack

FILM = a_dicom()
FOREIGN = {
    "README.txt": b"read me",
    "autorun.inf": b"[autorun]",
    "THUMBS.DB": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "._film.dcm": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X",
    "report.pdf": b"%PDF-1.7 ...",
    "viewer.exe": b"MZ\x90\x00",
    "empty.lock": b"",
}


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, max_files=8) as server:
        yield server


def an_object(sop_class: UID, modality: str | None) -> bytes:
    """Write a DICOM object without pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("2.25.7")
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, UID("2.25.7")
    if modality is not None:
        dataset.Modality = modality
    return written(dataset)


def a_zip(*entries: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in entries:
            archive.writestr(name, member)
    return content.getvalue()


OBJECTS = {
    "a presentation state": an_object(GrayscaleSoftcopyPresentationStateStorage, "PR"),
    "a structured report": an_object(BasicTextSRStorage, "SR"),
    "a key object selection": an_object(KeyObjectSelectionDocumentStorage, "KO"),
    "a PDF of the film's modality": an_object(EncapsulatedPDFStorage, "DX"),
    "a plan": an_object(RTPlanStorage, "RTPLAN"),
    "a slice of a CT": a_dicom(Modality="CT"),
    "a slice of many frames": a_dicom(Modality="MR", NumberOfFrames=2),
    "a directory": an_object(MediaStorageDirectoryStorage, None),
}


def test_files_of_other_purposes_are_set_aside(client: httpx.Client):
    loose = files(FILM, *FOREIGN.values(), names=["film.dcm", *FOREIGN])
    answer = client.post("/v1/studies", files=loose)
    assert answer.status_code == 202, answer.text
    study = client.get(f"/v1/studies/{answer.json()['id']}").json()
    assert [image["file"] for image in study["images"]] == ["film.dcm"]
    assert [aside["file"] for aside in study["set_aside"]] == list(FOREIGN)
    assert all(aside["reason"] for aside in study["set_aside"])
    (received, *_) = study["timeline"]
    assert received["detail"].startswith("7 set aside")


@pytest.mark.parametrize("content", OBJECTS.values(), ids=OBJECTS)
def test_objects_of_other_kinds_are_set_aside(client: httpx.Client, content: bytes):
    answer = client.post("/v1/studies", files=files(content, FILM, names=["IM1", "IM2"]))
    assert answer.status_code == 202, answer.text
    assert [image["file"] for image in answer.json()["images"]] == ["IM2"]
    assert [aside["file"] for aside in answer.json()["set_aside"]] == ["IM1"]


def test_a_disc_is_a_study_of_its_images(client: httpx.Client):
    viewer = [(f"viewer/{number}.dll", b"MZ") for number in range(40)]
    program = a_zip(("META-INF/MANIFEST.MF", b"Main-Class: Viewer"))
    disc = a_zip(
        ("DICOM/PA000001/IM000001", FILM),
        ("README.txt", b"read me"),
        ("viewer/viewer.jar", program),
        ("dicomdir", b"x"),
        ("THUMBS.DB", b"x"),
        *viewer,
    )
    answer = client.post("/v1/studies", files=files(disc, names=["cd.zip"]))
    assert answer.status_code == 202, answer.text
    assert [image["file"] for image in answer.json()["images"]] == ["IM000001"]
    assert [aside["file"] for aside in answer.json()["set_aside"]][:2] == ["README.txt", "viewer.jar"]
    assert len(answer.json()["set_aside"]) == 42


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("film.dcm", b"a login page instead of the film"),
        ("IM000002", bytes(range(256)) * 4),
        ("copy", bytes(4096)),
        ("film.png", b""),
        ("film.png", a_png()[:20]),
        ("film.dcm", FILM[:-50]),
        ("film.tif", b"II*\x00\x08\x00\x00\x00" + bytes(200)),
        ("film.jp2", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200)),
        ("films.7z", b"7z\xbc\xaf\x27\x1c" + bytes(200)),
        ("film.dcm", a_dicom(Modality="XRAY")),
        ("film.dcm", a_dicom(NumberOfFrames=2)),
    ],
)
def test_what_may_be_an_image_is_refused_and_not_set_aside(client: httpx.Client, name: str, content: bytes):
    answer = client.post("/v1/studies", files=files(FILM, content, names=["good.dcm", name]))
    assert answer.status_code == 400, answer.text
    assert answer.json()["file"] == name


def test_a_study_of_which_nothing_is_left_is_refused_with_each_reason(client: httpx.Client):
    sent = files(b"read me", OBJECTS["a structured report"], names=["README.txt", "IM1"])
    answer = client.post("/v1/studies", files=sent)
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["type"] == "/problems/not-an-image"
    assert [aside["file"] for aside in problem["set_aside"]] == ["README.txt", "IM1"]
    assert "a structured report" in problem["set_aside"][1]["reason"]


def test_an_item_of_a_batch_keeps_what_was_set_aside(client: httpx.Client):
    batch = client.post("/v1/batches", json={}).json()
    form = {"batch_id": batch["id"]}
    taken = client.post("/v1/studies", files=files(FILM, b"text", names=["a.dcm", "a.txt"]), data=form).json()
    refused = client.post("/v1/studies", files=files(b"text", names=["a.txt"]), data=form).json()
    assert (taken["status"], refused["status"]) == ("queued", "rejected")
    for study in (taken, refused):
        assert [aside["file"] for aside in study["set_aside"]] == ["a.txt"]


def test_erasing_a_study_erases_what_was_set_aside(client: httpx.Client, database: Database):
    sent = files(FILM, b"text", names=["a.dcm", "Jane Doe.txt"])
    study_id = client.post("/v1/studies", files=sent).json()["id"]
    assert client.delete(f"/v1/studies/{study_id}").is_success
    assert the_order(database, study_id) == Order()
