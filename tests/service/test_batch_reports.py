"""A batch's reports as a zip that is written while it is sent."""

import csv
import io
import json
import zipfile
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.report_archive import member_path
from shared.domain.studies import StudyId
from shared.records.database import Database
from tests.support.api import a_png, complete, give_up, send


def item(client: httpx.Client, batch: dict[str, Any], number: int, path: str) -> StudyId:
    answer = send(client, a_png(number), key=f"item-{number}", batch_id=batch["id"], path=path)
    assert answer.status_code == 202, answer.text
    return StudyId(answer.json()["id"])


@pytest.fixture
def batch(client: httpx.Client) -> dict[str, Any]:
    return client.post("/v1/batches", json={"name": "archive"}).json()


def read(
    client: httpx.Client, batch: dict[str, Any], form: str
) -> tuple[zipfile.ZipFile, list[dict[str, str]]]:
    answer = client.get(f"/v1/batches/{batch['id']}/reports", params={"format": form})
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].endswith(f'batch-{batch["id"]}-{form}.zip"')
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    index = archive.read("index.csv").decode("utf-8-sig")
    return archive, list(csv.DictReader(io.StringIO(index, newline="")))


def test_each_report_is_named_as_its_item_and_the_index_names_all(
    client: httpx.Client, database: Database, batch: dict[str, Any]
):
    first = item(client, batch, 1, "ward 3/roe.dcm")
    twin = item(client, batch, 2, "Ward 3\\Roe.dcm")
    refused = item(client, batch, 3, "broken.png")
    waiting = item(client, batch, 4, "=late.png")
    for study_id in (first, twin):
        complete(database, study_id)
    give_up(database, refused)
    archive, index = read(client, batch, "text")
    names = ["ward 3/roe.dcm.txt", f"Ward 3/Roe.dcm {twin}.txt"]
    assert archive.namelist() == [*names, "index.csv"]
    for name, study_id in zip(names, (first, twin), strict=True):
        report = client.get(f"/v1/studies/{study_id}/report", params={"format": "text"})
        assert archive.read(name) == report.content
    assert [line["study_id"] for line in index] == [first, twin, refused, waiting]
    assert [line["file"] for line in index] == [*names, "", ""]
    assert [line["status"] for line in index] == ["completed", "completed", "failed", "queued"]
    assert [line["report_status"] for line in index] == ["preliminary", "preliminary", "", ""]
    assert index[2]["reason"]
    assert index[3]["path"] == "'=late.png"  # no formula for a spreadsheet
    as_json, _ = read(client, batch, "json")
    assert json.loads(as_json.read("ward 3/roe.dcm.json"))["study_id"] == first


def test_a_report_that_cannot_be_put_in_the_format_has_its_reason_in_the_index(
    client: httpx.Client, database: Database, batch: dict[str, Any]
):
    study_id = item(client, batch, 1, "roe.png")
    complete(database, study_id)
    archive, (line,) = read(client, batch, "gsps")
    refused = client.get(f"/v1/studies/{study_id}/report", params={"format": "gsps"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/format-not-possible")
    assert archive.namelist() == ["index.csv"]
    assert (line["file"], line["reason"]) == ("", refused.json()["detail"])


def test_an_empty_batch_an_unknown_format_and_somebody_else_s_batch(
    client: httpx.Client, batch: dict[str, Any]
):
    archive, index = read(client, batch, "html")
    assert (archive.namelist(), index) == (["index.csv"], [])
    address = f"/v1/batches/{batch['id']}/reports"
    unknown = client.get(address, params={"format": "docx"})
    assert (unknown.status_code, "html" in unknown.json()["formats"]) == (406, True)
    assert client.get(address).status_code == 422
    assert client.get(f"/v1/batches/{uuid4()}/reports", params={"format": "html"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("a/b.dcm", "a/b.dcm"),
        ("../../etc/passwd", "etc/passwd"),
        ("C:\\scans\\a.png", "C_/scans/a.png"),
        ("/./a\x00\n:?.png ", "a____.png"),
        ("山田/胸部.dcm", "山田/胸部.dcm"),
        ("..", ""),
        (None, ""),
    ],
)
def test_a_member_s_path_leaves_no_folder_and_can_be_unpacked_anywhere(path: str | None, member: str):
    assert member_path(path) == member
