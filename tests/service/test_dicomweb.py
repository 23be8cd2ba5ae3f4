"""DICOMweb, by dicomweb-client and by hand: what is stored is found, and comes back as it was sent."""

import hashlib
import io
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import (
    Comprehensive3DSRStorage,
    DigitalXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)

from shared.domain.studies import DEFAULT_TENANT, StudyId
from shared.records import open_studies
from shared.records.database import Database
from shared.settings import AuthMode
from shared.storage import Storage, preview_key
from tests.support.api import ADMIN_KEY, ApiServer, complete, sent
from tests.support.builders import SOMEBODY
from tests.support.dicoms import a_dicom, a_picture, a_png
from tests.support.stack import InfraStack

STUDY, OTHER = "1.2.826.4711", "1.2.826.4712"
PLACE = f"/studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1"


def an_instance(
    number: int = 1, *, study: str = STUDY, pixels: NDArray[np.uint16] | None = None, **tags: Any
) -> bytes:
    said: dict[str, Any] = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.1",
        "SOPInstanceUID": f"{study}.1.{number}",
        "PatientID": "P1",
        "PatientName": "Doe^Jane",
        "PatientBirthDate": "19500213",
        "StudyDate": "20260105",
        "StudyTime": "142501.5",
        "AccessionNumber": "A77",
        "StudyID": "S9",
        "StudyDescription": "Chest PA",
        "SeriesNumber": "2",
        "InstanceNumber": str(number),
    }
    return a_dicom(a_picture() + number if pixels is None else pixels, **said | tags)


def posted(client: httpx.Client, *contents: bytes, to: str = "", **headers: str) -> httpx.Response:
    body = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + one + b"\r\n" for one in contents)
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    return client.post(
        f"/dicomweb/studies{to}", content=body + b"--b--\r\n", headers={"Content-Type": kind, **headers}
    )


@pytest.fixture
def peer(api: ApiServer, client: httpx.Client) -> DICOMwebClient:
    """A client that others wrote."""
    return DICOMwebClient(f"{api.url}/dicomweb")


def the_study_of(database: Database, uid: str) -> StudyId:
    with database.session() as session:
        study_id = open_studies.of_uid(session, DEFAULT_TENANT, uid)
    assert study_id is not None
    return study_id


def read_study(database: Database, storage: Storage, uid: str = STUDY) -> StudyId:
    """Close a study and take it to its end, as the workers would."""
    study_id = the_study_of(database, uid)
    with database.session() as session:
        assert open_studies.close(session, study_id, actor=SOMEBODY)
    complete(database, study_id)
    storage.put_artefact(preview_key(study_id, 0), a_png(a_picture(bits=8).astype("uint8")))
    return study_id


def test_what_is_stored_is_found_and_comes_back_as_it_was_sent(peer: DICOMwebClient):
    sent = {f"{STUDY}.1.{number}": an_instance(number) for number in (1, 2)}
    answer = peer.store_instances([pydicom.dcmread(io.BytesIO(content)) for content in sent.values()])
    assert {item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence} == set(sent)
    assert "FailedSOPSequence" not in answer
    (study,) = (pydicom.Dataset.from_json(found) for found in peer.search_for_studies())
    assert (study.StudyInstanceUID, study.PatientID, str(study.PatientName)) == (STUDY, "P1", "Doe^Jane")
    assert (study.StudyDate, study.StudyTime, study.AccessionNumber) == ("20260105", "142501", "A77")
    assert (study.StudyID, study.StudyDescription, study.ModalitiesInStudy) == ("S9", "Chest PA", "DX")
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (1, 2)
    (series,) = (pydicom.Dataset.from_json(found) for found in peer.search_for_series(STUDY))
    assert (series.SeriesInstanceUID, series.Modality, series.SeriesNumber) == (f"{STUDY}.1", "DX", 2)
    assert series.NumberOfSeriesRelatedInstances == 2
    instances = [pydicom.Dataset.from_json(found) for found in peer.search_for_instances(STUDY, f"{STUDY}.1")]
    assert {found.SOPInstanceUID for found in instances} == set(sent)
    assert {(found.Rows, found.Columns, found.BitsAllocated) for found in instances} == {(48, 40, 16)}
    for dataset in peer.retrieve_study(STUDY):
        original = pydicom.dcmread(io.BytesIO(sent[dataset.SOPInstanceUID]))
        assert dataset == original
    one = peer.retrieve_instance(STUDY, f"{STUDY}.1", f"{STUDY}.1.2")
    assert one.PixelData == (a_picture() + 2).tobytes()
    (frame,) = peer.retrieve_instance_frames(STUDY, f"{STUDY}.1", f"{STUDY}.1.2", [1])
    assert frame == (a_picture() + 2).tobytes()
    (metadata,) = (peer.retrieve_instance_metadata(STUDY, f"{STUDY}.1", f"{STUDY}.1.1"),)
    header = pydicom.Dataset.from_json(metadata, lambda *_: b"")
    del header.PixelData, header.SpecificCharacterSet, header.AvailableTransferSyntaxUID
    original = pydicom.dcmread(io.BytesIO(sent[f"{STUDY}.1.1"]))
    del original.PixelData
    assert header == original
    # This client leaves the port out of its Host header, so it cannot follow the address itself.
    assert metadata["7FE00010"]["BulkDataURI"].endswith(f"/instances/{STUDY}.1.1/bulkdata/7FE00010")
    (pixels,) = peer.retrieve_bulkdata(f"{peer.base_url}{PLACE}.1/bulkdata/7FE00010")
    assert pixels == (a_picture() + 1).tobytes()


def test_the_report_in_force_stands_beside_the_images(
    peer: DICOMwebClient, client: httpx.Client, database: Database, storage: Storage
):
    assert posted(client, an_instance()).status_code == 200
    assert modalities(peer) == {"DX"}
    study_id = read_study(database, storage)
    assert modalities(peer) == {"DX", "SR", "OT", "DOC"}
    for modality, sop_class in (
        ("SR", Comprehensive3DSRStorage),
        ("OT", SecondaryCaptureImageStorage),
        ("DOC", EncapsulatedPDFStorage),
    ):
        (found,) = peer.search_for_series(search_filters={"Modality": modality})
        series = found["0020000E"]["Value"][0]
        (one,) = peer.retrieve_series(STUDY, series)
        assert (one.SOPClassUID, one.StudyInstanceUID, one.SeriesInstanceUID) == (sop_class, STUDY, series)
        (told,) = peer.search_for_instances(STUDY, series)
        assert told["00080018"]["Value"] == [one.SOPInstanceUID]
        (metadata,) = peer.retrieve_series_metadata(STUDY, series)
        assert metadata["00080060"]["Value"] == [modality]
        assert peer.search_for_studies(search_filters={"ModalitiesInStudy": modality})
        place = f"/dicomweb/studies/{STUDY}/series/{series}/instances/{one.SOPInstanceUID}"
        rendered = client.get(f"{place}/rendered")
        assert (
            rendered.headers["content-type"].partition(";")[0]
            == {
                "SR": "text/html",
                "OT": "image/jpeg",
                "DOC": "application/pdf",
            }[modality]
        )
        if modality == "DOC":
            (paper,) = peer.retrieve_bulkdata(
                f"{peer.base_url}{place.removeprefix('/dicomweb')}/bulkdata/00420011"
            )
            assert paper.startswith(b"%PDF")
    assert not peer.search_for_studies(search_filters={"ModalitiesInStudy": "MR"})
    # One that was withdrawn shows no codes and no boxes any more.
    withdrawn = client.post(
        f"/v1/studies/{study_id}/report/error",
        json={"author": {"name": "Dr. Roe"}, "reason": "the wrong patient"},
        headers={"If-Match": client.get(f"/v1/studies/{study_id}/report").headers["etag"]},
    )
    assert withdrawn.status_code < 300, withdrawn.text
    assert modalities(peer) == {"DX", "DOC"}
    assert not peer.search_for_studies(search_filters={"ModalitiesInStudy": "SR"})
    assert peer.search_for_studies(search_filters={"ModalitiesInStudy": "DO?"})


def modalities(peer: DICOMwebClient) -> set[str]:
    return {found["00080060"]["Value"][0] for found in peer.search_for_series(STUDY)}


SEARCHES = {
    "PatientID=P1": [STUDY, OTHER],
    "PatientID=P2": [],
    "PatientID=p1": [],
    "PatientName=DOE^jane": [STUDY],
    "PatientName=doe*": [STUDY, OTHER],
    "PatientName=*OE^J?hn": [OTHER],
    "PatientName=Doe^John^": [],
    "PatientName=Doe%25": [],
    "00100010=Doe^J*": [STUDY, OTHER],
    "AccessionNumber=A77": [STUDY],
    "AccessionNumber=A7?": [STUDY, OTHER],
    "StudyDate=20260105": [STUDY],
    "StudyDate=20260106-": [OTHER],
    "StudyDate=-20260105": [STUDY],
    "StudyDate=20260101-20260131": [STUDY, OTHER],
    "StudyTime=1425": [],
    "StudyTime=142501-1426": [STUDY, OTHER],
    "PatientBirthDate=19500213": [STUDY, OTHER],
    f"StudyInstanceUID={STUDY},{OTHER}": [STUDY, OTHER],
    f"StudyInstanceUID={STUDY}&AccessionNumber=A78": [],
    "ModalitiesInStudy=DX&StudyDescription=*PA": [STUDY],
    "StudyID=S9&PatientSex=*&AccessionNumber=": [STUDY, OTHER],
    "limit=1": [OTHER],
    "limit=1&offset=1": [STUDY],
    "offset=2": [],
}


def test_searches_match_as_the_standard_has_it(client: httpx.Client):
    second = an_instance(
        study=OTHER,
        PatientName="Doe^John",
        AccessionNumber="A78",
        StudyDate="20260106",
        StudyDescription="Chest lateral",
    )
    assert posted(client, an_instance(), an_instance(2), second).status_code == 200
    found = {
        search: {one["0020000D"]["Value"][0] for one in searched(client, f"studies?{search}")}
        for search in SEARCHES
    }
    assert found == {search: set(uids) for search, uids in SEARCHES.items()}


def searched(client: httpx.Client, search: str) -> list[dict[str, Any]]:
    answer = client.get(f"/dicomweb/{search}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom+json"), (
        answer.text
    )
    found: list[dict[str, Any]] = answer.json()
    return found


def test_series_and_instances_are_found_among_all_studies(client: httpx.Client):
    lateral = an_instance(3, SeriesInstanceUID=f"{STUDY}.2", SeriesNumber="3", ViewPosition="LL")
    assert posted(client, an_instance(), an_instance(2), lateral, an_instance(study=OTHER)).status_code == 200

    def numbers(search: str, tag: str) -> list[Any]:
        return [one[tag]["Value"][0] for one in searched(client, search)]

    series, instance = "0020000E", "00080018"
    assert numbers("series", series) == [f"{OTHER}.1", f"{STUDY}.1", f"{STUDY}.2"]
    assert numbers("series?SeriesNumber=3", series) == [f"{STUDY}.2"]
    assert numbers(f"series?SeriesInstanceUID={OTHER}.1", series) == [f"{OTHER}.1"]
    assert numbers("series?limit=1&offset=1", series) == [f"{STUDY}.1"]
    assert numbers("instances?InstanceNumber=2", instance) == [f"{STUDY}.1.2"]
    assert numbers(f"instances?SOPInstanceUID={STUDY}.1.3", series) == [f"{STUDY}.2"]
    assert numbers(f"studies/{STUDY}/instances?InstanceNumber=?", instance) == [
        f"{STUDY}.1.{number}" for number in (1, 2, 3)
    ]
    assert numbers(f"studies/{STUDY}/series/{STUDY}.2/instances", instance) == [f"{STUDY}.1.3"]
    assert numbers("instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.1.1&Modality=CT", instance) == []
    # Of all studies each answer says whose it is; within one only where somebody asks.
    assert "00100020" in searched(client, "series")[0]
    (within,) = searched(client, f"studies/{STUDY}/series?SeriesNumber=3&includefield=PatientID,00080050")
    assert (within["00100020"]["Value"], within["00080050"]["Value"]) == (["P1"], ["A77"])
    assert "00100010" not in within
    (whole,) = searched(client, f"studies/{OTHER}/series?includefield=all")
    assert whole["00180015"]["Value"] == ["CHEST"]


@pytest.mark.parametrize(
    "search",
    [
        "studies?Modality=DX",
        "studies?PatientComments=none",
        "studies?nonsense=1",
        "studies?PatientID=P1&PatientID=P2",
        "studies?StudyDate=tomorrow",
        "studies?StudyDate=20260230",
        "studies?StudyInstanceUID=1.2.*",
        "studies?limit=-1",
        "studies?limit=1&limit=2",
        "studies?offset=99999999",
        "studies/x/series",
        "series?InstanceNumber=1",
        "studies?00400275.00400009=1",
    ],
)
def test_what_is_not_searched_by_is_refused(client: httpx.Client, search: str):
    answer = client.get(f"/dicomweb/{search}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_server_says_where_it_did_less_than_was_asked(client: httpx.Client):
    assert posted(client, *(an_instance(study=f"{STUDY}.{number}") for number in range(3))).status_code == 200
    assert "warning" not in client.get("/dicomweb/studies?limit=2").headers
    assert "Only literal matching" in client.get("/dicomweb/studies?fuzzymatching=true").headers["warning"]
    assert client.get("/dicomweb/studies", headers={"Accept": "application/dicom+xml"}).status_code == 406


def test_two_uploads_of_one_study_are_one_study(client: httpx.Client, database: Database):
    for content in (an_instance(1), an_instance(2)):
        assert sent(client, content)
    (study,) = searched(client, "studies")
    assert study["00201208"]["Value"] == [2]
    assert len(client.get(f"/dicomweb/studies/{STUDY}").content.split(b"DICM")) == 3
    assert len(searched(client, "instances")) == 2
    assert len(searched(client, "series")) == 1


def test_each_instance_is_stored_or_has_its_reason(client: httpx.Client):
    other = an_instance(study=OTHER)
    stranger = an_instance(2, PatientID="P2", PatientBirthDate="19800101")
    slice_ = an_instance(3, Modality="CT")
    answer = posted(client, an_instance(), stranger, b"no DICOM file", slice_, other, to=f"/{STUDY}")
    assert answer.status_code == 202
    body = answer.json()
    assert body["00081190"]["Value"] == [f"{client.base_url}/dicomweb/studies/{STUDY}"]
    assert [item["00081155"]["Value"] for item in body["00081199"]["Value"]] == [[f"{STUDY}.1.1"]]
    failed = {
        item["00081155"]["Value"][0]: item["00081197"]["Value"][0] for item in body["00081198"]["Value"]
    }
    assert failed == {f"{STUDY}.1.2": 0xC000, f"{STUDY}.1.3": 0x0122, f"{OTHER}.1.1": 0xA900}
    assert [item["00081197"]["Value"] for item in body["0008119A"]["Value"]] == [[0xC000]]
    assert "part 2: it contradicts its study in PatientID" in answer.headers["warning"]
    assert "P2" not in answer.headers["warning"]
    # Sent once more it is in, and in once.
    assert posted(client, an_instance()).status_code == 200
    assert len(searched(client, "instances")) == 1
    assert posted(client, b"nothing").status_code == 409


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/dicom", b"", 415),
        ('multipart/related; type="application/dicom+json"; boundary=b', b"--b--", 415),
        ('multipart/related; type="application/dicom"', b"--b--", 400),
        ('multipart/related; type="application/dicom"; boundary=b', b"--b--\r\n", 400),
        ('multipart/related; type="application/dicom"; boundary=b', b"--b\r\n\r\ncut off", 400),
        ('multipart/related; type="application/dicom"; boundary=b', b"no boundary at all", 400),
    ],
)
def test_a_request_that_is_not_read_stores_nothing(client: httpx.Client, kind: str, body: bytes, status: int):
    answer = client.post("/dicomweb/studies", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert searched(client, "studies") == []


SYNTAXES = {
    "*": ImplicitVRLittleEndian,
    ImplicitVRLittleEndian: ImplicitVRLittleEndian,
    ExplicitVRLittleEndian: ExplicitVRLittleEndian,
}


def test_what_is_not_compressed_comes_in_the_transfer_syntax_that_is_asked_for(client: httpx.Client):
    content = a_dicom(transfer_syntax=ImplicitVRLittleEndian, StudyInstanceUID=STUDY)
    assert posted(client, content).status_code == 200
    place = f"/dicomweb/studies/{STUDY}"
    for asked, syntax in SYNTAXES.items():
        accept = f'multipart/related; type="application/dicom"; transfer-syntax={asked}'
        answer = client.get(place, headers={"Accept": accept})
        file = answer.content.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
        assert answer.status_code == 200, answer.text
        dataset = pydicom.dcmread(io.BytesIO(file))
        assert dataset.file_meta.TransferSyntaxUID == syntax
        assert f"transfer-syntax={syntax}".encode() in answer.content
        assert (dataset.pixel_array == a_picture()).all()
    refused = client.get(place, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert refused.status_code == 406
    without = client.get(f"{place}/series/2.25.3/instances/2.25.1", headers={"Accept": "application/dicom"})
    assert pydicom.dcmread(io.BytesIO(without.content)).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    other = {"Accept": f"application/dicom; transfer-syntax={ExplicitVRBigEndian}"}
    assert client.get(f"{place}/series/2.25.3/instances/2.25.1", headers=other).status_code == 406
    frame = client.get(
        f"{place}/series/2.25.3/instances/2.25.1/frames/1", headers={"Accept": "application/octet-stream"}
    )
    assert frame.content == a_picture().tobytes()


def test_compressed_frames_come_as_they_are(client: httpx.Client):
    picture = a_picture(bits=8).astype("uint8")
    content = a_dicom(picture, transfer_syntax=JPEGBaseline8Bit, StudyInstanceUID=STUDY)
    assert posted(client, content).status_code == 200
    place = f"/dicomweb/studies/{STUDY}/series/2.25.3/instances/2.25.1/frames"

    def got(accept: str, number: int = 1) -> httpx.Response:
        return client.get(f"{place}/{number}", headers={"Accept": accept})

    jpeg = got("image/jpeg")
    assert jpeg.headers["content-type"] == "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"
    assert jpeg.content.startswith(b"\xff\xd8")
    as_ohif = got("multipart/related; type=application/octet-stream; transfer-syntax=*")
    assert (
        b"Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50" in as_ohif.content
    )
    assert jpeg.content in as_ohif.content
    assert got('multipart/related; type="application/octet-stream"').status_code == 406
    assert got("image/jp2").status_code == 406
    assert got("*/*", 2).status_code == 404


def test_a_rendered_instance_is_the_workers_preview(
    client: httpx.Client, database: Database, storage: Storage
):
    assert posted(client, an_instance()).status_code == 200
    place = f"/dicomweb{PLACE}.1"
    unread = client.get(f"{place}/rendered")
    assert (unread.status_code, unread.headers["retry-after"]) == (404, "1")
    read_study(database, storage)
    picture = a_picture(bits=8).astype("uint8")

    def shown(what: str) -> NDArray[np.uint8]:
        answer = client.get(f"{place}/{what}", headers={"Accept": "image/png"})
        assert answer.headers["content-type"] == "image/png", answer.text
        return np.asarray(Image.open(io.BytesIO(answer.content)))

    assert (shown("rendered") == picture).all()
    assert (shown("frames/1/rendered?viewport=20,20,4,8,20,20") == picture[8:28, 4:24]).all()
    assert shown("thumbnail?viewport=20,12").shape == (12, 10)
    assert client.get(f"{place}/rendered").headers["content-type"] == "image/jpeg"
    assert client.get(f"/dicomweb/studies/{STUDY}/thumbnail").status_code == 200
    for wrong in (
        "window=1,1,sigmoid",
        "viewport=0,4",
        "viewport=9,9,90,0,0,0",
        "annotation=patient",
        "quality=0",
    ):
        assert client.get(f"{place}/rendered?{wrong}").status_code == 400, wrong
    # Which stored values the picture shows is known of what a worker has read.
    assert client.get(f"{place}/rendered?window=10,20,linear").status_code == 400


def test_a_tenant_sees_its_own_and_a_key_does_what_its_scopes_say(
    infra: InfraStack, database: Database, storage: Storage
):
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        admin = server.client(ADMIN_KEY)

        def caller(tenant: str, *scopes: str) -> httpx.Client:
            made = admin.post("/v1/keys", json={"name": tenant, "scopes": list(scopes), "tenant": tenant})
            assert made.status_code == 201, made.text
            return server.client(made.json()["key"])

        here, there = caller("here", "read", "write"), caller("there", "read")
        assert posted(here, an_instance()).status_code == 200
        assert len(searched(here, "studies")) == len(searched(admin, "studies")) == 1
        assert searched(there, "studies") == searched(there, "instances") == []
        for place in ("", "/metadata", f"/series/{STUDY}.1/instances/{STUDY}.1.1/frames/1", "/thumbnail"):
            assert there.get(f"/dicomweb/studies/{STUDY}{place}").status_code == 404
        assert posted(there, an_instance()).status_code == 403
        assert server.client().get("/dicomweb/studies").status_code == 401
        # The same study of two tenants is each one's own.
        beyond = caller("there", "write", "read")
        assert posted(beyond, an_instance(2)).status_code == 200
        assert [one["00201208"]["Value"] for one in searched(here, "studies")] == [[1]]


def test_a_frame_of_big_endian_comes_as_little_endian(client: httpx.Client):
    content = a_dicom(transfer_syntax=ExplicitVRBigEndian, StudyInstanceUID=STUDY)
    assert posted(client, content).status_code == 200
    place = f"/dicomweb/studies/{STUDY}/series/2.25.3/instances/2.25.1"
    frame = client.get(f"{place}/frames/1", headers={"Accept": "application/octet-stream"})
    assert frame.content == a_picture().astype("<u2").tobytes()
    whole = client.get(place, headers={"Accept": "application/dicom"})
    assert whole.content == content


def test_an_instance_is_committed_to_while_its_original_is_there(client: httpx.Client, storage: Storage):
    assert posted(client, an_instance(1), an_instance(2), an_instance(3)).status_code == 200
    storage.delete_original(hashlib.sha256(an_instance(3)).hexdigest())

    def reference(uid: str, sop_class: str = DigitalXRayImageStorageForPresentation) -> dict[str, Any]:
        return {
            "00081150": {"vr": "UI", "Value": [sop_class]},
            "00081155": {"vr": "UI", "Value": [uid]},
        }

    asked = [reference(f"{STUDY}.1.{number}") for number in (1, 3, 4)]
    asked.append(reference(f"{STUDY}.1.2", Comprehensive3DSRStorage))
    body: dict[str, Any] = {"00081199": {"vr": "SQ", "Value": asked}}
    place, kind = "/dicomweb/commitment-requests/1.2.3", {"Content-Type": "application/dicom+json"}
    answer = client.post(place, json=body, headers=kind)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["00081199"]["Value"] == [reference(f"{STUDY}.1.1")]
    failed = {
        item["00081155"]["Value"][0]: item["00081197"]["Value"][0] for item in told["00081198"]["Value"]
    }
    assert failed == {f"{STUDY}.1.2": 0x0119, f"{STUDY}.1.3": 0x0112, f"{STUDY}.1.4": 0x0112}
    assert client.get(place).status_code == 404
    for wrong in (
        b"[]",
        b"{",
        b'{"00081199": 1}',
        b'{"00081199": {"vr": "SQ", "Value": [{}]}}',
        b"[" * 60_000,
    ):
        assert client.post(place, content=wrong, headers=kind).status_code == 400, wrong[:20]
    assert client.post(f"{place}x", json=body, headers=kind).status_code == 400
    assert client.post(place, json=body).status_code == 200
    assert client.post(place, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_a_store_that_is_away_is_told_of_all_or_nothing(
    infra: InfraStack, database: Database, storage: Storage
):
    with ApiServer(infra) as server:
        client = server.client()
        infra.stop("storage")
        try:
            answer = posted(client, an_instance(1), an_instance(2))
            assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
            assert "00081199" not in answer.json()
        finally:
            infra.start("storage")
        assert posted(client, an_instance(1), an_instance(2)).status_code == 200
        assert len(searched(client, "instances")) == 2


def test_only_a_viewers_pages_may_call_and_only_dicomweb(infra: InfraStack, database: Database):
    viewer, other = "https://viewer.example", "https://other.example"
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    with ApiServer(infra, auth=AuthMode.REQUIRED, viewer_origins=(viewer,)) as server:
        client, place = server.client(), "/dicomweb/studies"
        allowed = client.options(place, headers={"Origin": viewer, **asked})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, viewer)
        assert client.options(place, headers={"Origin": other, **asked}).status_code == 400
        # A refusal too is read by the page that it is for.
        refused = client.get(place, headers={"Origin": viewer})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, viewer)
        for origin, address in ((other, place), (viewer, "/v1/studies")):
            assert (
                "access-control-allow-origin" not in client.get(address, headers={"Origin": origin}).headers
            )
