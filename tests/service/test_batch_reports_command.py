"""`cxr batch reports`: a folder that is taken up where it was left, or one zip."""

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from shared.domain.studies import StudyId
from shared.records.database import Database
from tests.service.test_report_versions import change, etag_of
from tests.support.api import ApiServer, a_png, complete, give_up, send


@pytest.fixture
def batch_id(client: httpx.Client, database: Database) -> str:
    """A batch of two reports, a failed study and two items whose paths differ in case alone."""
    batch_id: str = client.post("/v1/batches", json={}).json()["id"]
    for number, path in enumerate(("ward/roe.png", "ward/ROE.png", "bad:name.png")):
        answer = send(client, a_png(number), key=f"item-{number}", batch_id=batch_id, path=path)
        study_id = StudyId(answer.json()["id"])
        (give_up if number == 2 else complete)(database, study_id)
    return batch_id


def run(api: ApiServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cxr.cli", "batch", "reports", *arguments]
    environment = {**os.environ, "CXR_URL": api.url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def index(folder: Path) -> list[dict[str, str]]:
    with (folder / "reports.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_has_each_report_and_why_an_item_has_none(
    api: ApiServer, client: httpx.Client, batch_id: str, tmp_path: Path
):
    folder = tmp_path / "reports"
    done = run(api, batch_id, "-o", str(folder), "-f", "html")
    assert done.returncode == 1, done.stderr
    assert f"2 of 3 reports in {folder}" in done.stdout
    lines = index(folder)
    files = {line["file"] for line in lines}
    assert "ward/roe.png.html" in files
    assert len({name.casefold() for name in files}) == 3
    assert [line["reason"] != "" for line in sorted(lines, key=lambda line: line["path"])] == [
        True,
        False,
        False,
    ]
    for line in lines:
        if line["file"]:
            report = client.get(f"/v1/studies/{line['study_id']}/report", params={"format": "html"})
            assert (folder / line["file"]).read_bytes() == report.content


def test_begun_again_it_writes_what_is_missing_or_was_changed_and_nothing_else(
    api: ApiServer, client: httpx.Client, batch_id: str, tmp_path: Path
):
    run(api, batch_id, "-o", str(tmp_path))
    first, second = (line for line in index(tmp_path) if line["file"])
    for line in (first, second):
        (tmp_path / line["file"]).write_text("kept")
    study_id = StudyId(UUID(first["study_id"]))
    change(client, study_id, etag_of(client, study_id), name="Dr. Ada Roe").raise_for_status()
    run(api, batch_id, "-o", str(tmp_path))
    again = {line["study_id"]: line for line in index(tmp_path)}
    assert "Dr. Ada Roe" in (tmp_path / first["file"]).read_text()
    assert (again[first["study_id"]]["version"], again[first["study_id"]]["file"]) == ("2", first["file"])
    assert (tmp_path / second["file"]).read_text() == "kept"
    (tmp_path / second["file"]).unlink()
    run(api, batch_id, "-o", str(tmp_path))
    assert "FINDINGS" in (tmp_path / second["file"]).read_text()


def test_a_zip_comes_whole(api: ApiServer, batch_id: str, tmp_path: Path):
    done = run(api, batch_id, "-o", str(tmp_path / "all.zip"), "-f", "json")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert {"ward/roe.png.json", "index.csv"} <= set(archive.namelist())
