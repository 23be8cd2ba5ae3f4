"""Forms as clients other than browsers write them, and addresses with a slash or a version too many."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cxr import Client
from shared.records.database import Database
from shared.storage import Storage
from tests.support.api import ApiServer, a_png, files
from tests.support.stack import InfraStack

PICTURE = a_png(side=400)
"""More than the 64 kB that a request without files may have."""


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, max_files=4) as server:
        yield server


def a_form(disposition: str, content: bytes, *, before: bytes = b"", after: bytes = b"\r\n") -> bytes:
    head = f"--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
    return before + head + content + b"\r\n--x--" + after


def post(client: httpx.Client, body: bytes | Iterator[bytes]) -> httpx.Response:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    return client.post("/v1/studies", content=body, headers=headers)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('name="files"; filename="a.png"', "a.png"),
        ('name="files"', "unnamed"),
        ("name=files", "unnamed"),
        ("name=\"files\"; filename*=UTF-8''t%C3%B3rax%20uno.png", "tórax uno.png"),
        ("name=\"files\"; filename*=iso-8859-1'es't%F3rax.png", "tórax.png"),
        ('name="files"; filename="torax.png"; filename*=utf-8\'\'t%C3%B3rax.png', "tórax.png"),
        ("name=\"files\"; filename*=utf-8''..%2F..%2Fpasswd%0D%0A", "passwd"),
    ],
)
def test_a_part_is_a_file_however_it_is_named(client: httpx.Client, disposition: str, name: str):
    answer = post(client, a_form(disposition, PICTURE))
    assert answer.status_code == 202, answer.text
    assert [image["file"] for image in answer.json()["images"]] == [name]
    original = client.get(answer.json()["images"][0]["links"]["original"])
    assert original.content == PICTURE


@pytest.mark.parametrize("before", [b"\r\n", b"\r\n\r\n", b"A form with a file.\r\n", b"--y\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 3, 4096])
def test_a_preamble_is_passed_over_wherever_the_request_is_cut(
    client: httpx.Client, before: bytes, size: int
):
    small = a_png(side=4)
    body = a_form('name="files"; filename="a.png"', small, before=before, after=b"\r\nan epilogue")
    answer = post(client, (body[at : at + size] for at in range(0, len(body), size)))
    assert answer.status_code == 202, answer.text
    assert client.get(answer.json()["images"][0]["links"]["original"]).content == small


def test_a_preamble_has_an_end(client: httpx.Client):
    answer = post(client, a_form('name="files"; filename="a.png"', PICTURE, before=b"x" * 100_000 + b"\r\n"))
    assert answer.status_code == 400
    assert "no boundary" in answer.json()["detail"]


def test_a_text_where_a_file_should_be_is_named_as_such(client: httpx.Client):
    answer = post(client, a_form('name="files"', b"chest.dcm"))
    assert answer.status_code == 422
    assert "files=@" in answer.json()["errors"][0]["message"]


def test_a_slash_at_the_end_is_no_other_address(client: httpx.Client):
    answer = client.post("/v1/studies/", files=files(PICTURE))
    assert answer.status_code == 202, answer.text
    assert client.get(f"/v1/studies/{answer.json()['id']}/").status_code == 200
    assert client.get("/v1/studies/").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/v1/studies", 404), ("/v1/uploads", 404), ("/studies", 405), ("/v1/info", 405)]
)
def test_files_for_a_wrong_address_are_told_that_it_is_wrong(client: httpx.Client, path: str, status: int):
    answer = client.post(path, files=files(PICTURE))
    assert answer.status_code == status, answer.text
    assert ("/v1 twice" in answer.json()["detail"]) is path.startswith("/v1/v1")


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_the_address_of_a_server_may_end_in_the_version(
    api: ApiServer, database: Database, tmp_path: Path, end: str
):
    picture = tmp_path / "a.png"
    picture.write_bytes(PICTURE)
    with Client(api.url + end) as client:
        assert client.submit([picture]).status == "queued"
