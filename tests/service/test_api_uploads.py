"""What the door refuses, over a real socket: bombs, broken files, limits, forged requests."""

import gzip
import io
import socket
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from shared.records.database import Database
from shared.records.tables import StudyRow
from shared.settings import ApiSettings
from shared.storage import Storage
from tests.support.api import ApiServer, a_png, files, send
from tests.support.stack import InfraStack

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, max_files=4, max_file_bytes=2 * MEGABYTE, max_request_bytes=5 * MEGABYTE) as server:
        yield server


@pytest.fixture
def client(api: ApiServer, database: Database) -> Iterator[httpx.Client]:
    client = api.client()
    yield client
    # Whatever was refused left nothing behind, and the server is as well as before.
    assert client.get("/healthz").status_code == 200


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body["type"], body["status"]) == (f"/problems/{code}", status)
    assert body["detail"]
    assert body["title"]
    return body


def a_zip(*entries: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in entries:
            archive.writestr(name, member)
    return content.getvalue()


def png_bomb(side: int = 30_000) -> bytes:
    """Write a picture of zeros, a few kilobytes long as a file."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    body = zlib.compress(bytes(1000), 9)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "empty-file"),
        (b"not a DICOM file, whatever its name says", 400, "not-an-image"),
        (b"%PDF-1.7 ...", 400, "not-an-image"),
        (b"GIF89a......", 400, "not-an-image"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", 400, "broken-image"),
        (bytes(128) + b"DICM" + b"\x02\x00\x00\x00UL", 400, "broken-image"),
        (png_bomb(), 413, "too-large"),
        (gzip.compress(a_png()), 400, "not-an-image"),
    ],
    ids=["empty", "text", "pdf", "gif", "cut png", "cut dicom", "pixel bomb", "gzip"],
)
def test_content_that_is_no_radiograph_is_refused_by_name(
    client: httpx.Client, database: Database, content: bytes, status: int, code: str
):
    answer = client.post("/v1/studies", files=files(a_png(), content, names=["good.png", "bad.dcm"]))
    assert problem(answer, status, code)["file"] == "bad.dcm"
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(StudyRow)) == 0


def test_a_zip_is_a_study_of_its_members(client: httpx.Client):
    archive = a_zip(
        ("x/2.png", a_png(2)), ("__MACOSX/._2.png", b"?"), ("x/1.png", a_png(1)), ("DICOMDIR", b"?")
    )
    answer = client.post("/v1/studies", files=files(archive, a_png(3), names=["study.zip", "3.png"]))
    assert answer.status_code == 202
    assert [image["file"] for image in answer.json()["images"]] == ["2.png", "1.png", "3.png"]
    second = client.get(answer.json()["images"][1]["links"]["original"])
    assert second.content == a_png(1)


@pytest.mark.parametrize(
    ("archive", "status", "code", "file"),
    [
        (a_zip(("bomb.dcm", bytes(1_900_000))), 413, "too-large", "bomb.dcm"),
        (a_zip(("in.zip", a_zip(("a.png", a_png())))), 400, "not-an-image", "in.zip"),
        (a_zip(*((f"{n}.png", a_png(n)) for n in range(5))), 413, "too-large", "4.png"),
        (a_zip(("../../etc/passwd", b"root:x:0:0")), 400, "not-an-image", "passwd"),
        (a_zip(("a.png", a_png()))[:-30], 400, "broken-image", "study.zip"),
        (a_zip(), 400, "not-an-image", "study.zip"),
        (b"PK\x03\x04" + bytes(100), 400, "broken-image", "study.zip"),
    ],
    ids=["bomb", "nested", "too many", "traversal", "cut", "empty", "nonsense"],
)
def test_a_zip_that_is_a_trap_is_refused(
    client: httpx.Client, archive: bytes, status: int, code: str, file: str
):
    answer = client.post("/v1/studies", files=files(archive, names=["study.zip"]))
    assert problem(answer, status, code)["file"] == file


def test_too_many_files_are_refused_whether_loose_or_zipped(client: httpx.Client):
    assert "4" in problem(send(client, *(a_png(n) for n in range(5))), 413, "too-large")["detail"]
    archive = a_zip(*((f"{n}.png", a_png(n)) for n in range(3)))
    problem(send(client, archive, a_png(8), a_png(9)), 413, "too-large")


def test_a_file_that_is_too_large_is_named(client: httpx.Client):
    answer = client.post("/v1/studies", files=files(bytes(2 * MEGABYTE + 1), names=["big.dcm"]))
    assert problem(answer, 413, "too-large")["file"] == "big.dcm"


def test_a_request_that_says_it_is_too_large_is_refused_before_its_body(api: ApiServer, database: Database):
    request = (
        b"POST /v1/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        b"Content-Length: 4294967296\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection:
        connection.sendall(request)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_request_is_stopped_at_the_limit(client: httpx.Client):
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.dcm"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(60):
            yield bytes(100_000)

    answer = client.post(
        "/v1/studies", content=body(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert problem(answer, 413, "too-large")["limit"] == 5 * MEGABYTE


def test_a_json_body_has_a_small_limit_however_it_is_sent(client: httpx.Client):
    large = b'{"name": "' + b"x" * 100_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    problem(client.post("/v1/batches", content=large, headers=headers), 413, "too-large")
    problem(client.post("/v1/batches", content=iter([large]), headers=headers), 413, "too-large")


def test_a_compressed_body_is_not_taken(client: httpx.Client):
    bomb = gzip.compress(bytes(10 * MEGABYTE))
    headers = {"Content-Encoding": "gzip", "Content-Type": "multipart/form-data; boundary=x"}
    problem(client.post("/v1/studies", content=bomb, headers=headers), 415, "unsupported-media-type")


@pytest.mark.parametrize("media_type", [None, "application/json", "application/dicom", "multipart/mixed"])
def test_a_body_that_is_no_form_is_not_taken(client: httpx.Client, media_type: str | None):
    headers = {"Content-Type": media_type} if media_type else {}
    problem(client.post("/v1/studies", content=b"{}", headers=headers), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"no boundary at all"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; filename="a"\r\n\r\n'),
    ],
    ids=["no boundary", "not multipart", "no name"],
)
def test_a_form_that_cannot_be_read_is_refused(client: httpx.Client, content_type: str, body: bytes):
    answer = client.post("/v1/studies", content=body, headers={"Content-Type": content_type})
    problem(answer, 400, "bad-request")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"status": "completed"}, "status"),
        ({"owner": "somebody"}, "owner"),
        ({"callback_url": "http://169.254.169.254/"}, "callback_url"),
        ({"priority": "now"}, "priority"),
        ({"language": "de"}, "language"),
        ({"batch_id": "1"}, "batch_id"),
        ({"indication": "x" * 4001}, "indication"),
        ({"patient_id": "x" * 65}, "patient_id"),
        ({"priority": ["urgent", "routine"]}, "priority"),
        ({"files": "not a file"}, "files"),
    ],
)
def test_a_field_that_is_unknown_or_wrong_is_named(client: httpx.Client, form: dict[str, Any], field: str):
    answer = client.post("/v1/studies", data=form, files=files(a_png()))
    assert [fault["field"] for fault in problem(answer, 422, "invalid-request")["errors"]] == [field]


@pytest.mark.parametrize("text", ["P\x001", "\x1b[2Jcough"])
def test_control_characters_are_no_text(client: httpx.Client, text: str):
    answer = client.post("/v1/studies", files=files(a_png()), data={"indication": text})
    assert "indication" in str(problem(answer, 422, "invalid-request"))


def test_several_zips_share_one_limit(client: httpx.Client):
    unpacked = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 16, (1200, 1200), dtype=np.uint8)
    Image.fromarray(noise).save(unpacked, "PNG", compress_level=0)
    packed = [a_zip((f"{number}.png", unpacked.getvalue())) for number in range(4)]
    assert sum(map(len, packed)) < 5 * MEGABYTE < 4 * len(unpacked.getvalue())
    answer = client.post("/v1/studies", files=files(*packed, names=[f"{n}.zip" for n in range(4)]))
    assert "5000000 bytes unpacked" in problem(answer, 413, "too-large")["detail"]
    assert client.post("/v1/studies", files=files(*packed[:3], names=["1.zip", "2.zip", "3.zip"])).is_success


def test_a_request_without_a_file_says_which_field_is_missing(client: httpx.Client):
    answer = client.post("/v1/studies", files=[("file", ("a.png", a_png()))])
    fields = [fault["field"] for fault in problem(answer, 422, "invalid-request")["errors"]]
    assert fields == ["file", "files"]


def test_a_name_from_outside_reaches_no_header_unescaped(client: httpx.Client):
    name = 'a"b\u202e;é.png'
    study = client.post("/v1/studies", files=files(a_png(), names=[f"../../{name}"])).json()
    original = client.get(study["images"][0]["links"]["original"])
    disposition = original.headers["content-disposition"]
    assert disposition.isascii()
    assert '"' not in disposition
    assert "/" not in disposition.partition(";")[2]


def test_chest_radiographs_are_taken(client: httpx.Client, samples: Path, real_chests: list[Path]):
    synthetic = sorted(path for path in samples.iterdir() if path.suffix in {".dcm", ".png", ".jpg"})
    assert len(synthetic) == 7
    for path in [*synthetic, *(path for path in real_chests if path.stat().st_size < 2 * MEGABYTE)]:
        answer = client.post("/v1/studies", files=files(path.read_bytes(), names=[path.name]))
        assert answer.status_code == 202, answer.text


def test_the_limits_are_public(client: httpx.Client):
    info = client.get("/v1/info").json()
    assert info["limits"]["max_files"] == 4
    assert info["auth"] == "off"
    assert "Not a medical device" in info["not_a_medical_device"]
    assert set(info["limits"]) <= set(ApiSettings.model_fields)
