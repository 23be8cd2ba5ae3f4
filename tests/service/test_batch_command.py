"""`cxr batch submit` against a real API: every file of an archive is a study or has a reason."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from cxr.archive import read_archive
from cxr.batch_upload import BatchUpload
from cxr.client import Client
from cxr.journal import Beginning, Journal
from shared.domain.studies import new_id
from tests.support import cases
from tests.support.api import ApiServer, a_png
from tests.support.dicoms import a_dicom
from tests.support.stack import InfraStack, wait_until


@dataclass(frozen=True, slots=True)
class Command:
    """`cxr batch submit` for one home and one server."""

    environment: dict[str, str]

    def line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cxr.cli", "batch", "submit", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it; nobody works on the studies, so that it does not wait for their end."""
        return subprocess.run(
            self.line("--no-wait", *arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def summary(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        done = self.run("--json", *arguments)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def command(api: ApiServer, client: httpx.Client, tmp_path: Path) -> Command:
    """Return the command with a home of its own, for an empty server."""
    environment = {**os.environ, "CXR_HOME": str(tmp_path / "home"), "CXR_URL": api.url}
    return Command(environment)


def journals(command: Command) -> list[Path]:
    return list((Path(command.environment["CXR_HOME"]) / "batches").glob("*.ndjson"))


def results(client: httpx.Client, summary: dict[str, Any]) -> list[dict[str, Any]]:
    lines = client.get(f"/v1/batches/{summary['batch']['id']}/results?format=ndjson").text.splitlines()
    return [json.loads(line) for line in lines]


def reasons(summary: dict[str, Any], status: str) -> dict[str, str]:
    return {one["path"]: one["error"]["detail"] for one in summary["errors"] if one["status"] == status}


def test_a_broken_member_has_its_reason_and_the_others_are_sent(
    command: Command, client: httpx.Client, tmp_path: Path
):
    path = tmp_path / "archive.zip"
    path.write_bytes(cases.broken_member())

    first = command.summary(str(path), code=1)
    again = command.summary(str(path), "--resume", code=1)

    assert first == again
    assert first["batch"]["total"] == 1
    ((path_of_it, reason),) = reasons(first, "left out").items()
    assert path_of_it == "a/bad.png"
    assert "damaged" in reason
    (journal,) = journals(command)
    assert reason in [json.loads(line).get("left_out") for line in journal.read_text().splitlines()]
    said = command.run(str(path), "--resume").stdout
    assert reason in said
    assert "without a report: 1 (1 left out)" in said


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_two_studies(command: Command, client: httpx.Client, tmp_path: Path):
    path = tmp_path / "archive.zip"
    path.write_bytes(cases.same_name_twice())

    rows = results(client, command.summary(str(path)))

    assert sorted(row["path"] for row in rows) == ["IM1.dcm", "IM1.dcm (2)"]
    with ZipFile(path) as archive:
        digests = {hashlib.sha256(archive.read(member)).hexdigest() for member in archive.infolist()}
    assert {digest for row in rows for digest in row["sha256"]} == digests


def test_backslashes_divide_folders_so_that_two_patients_are_two_studies(
    command: Command, client: httpx.Client, tmp_path: Path
):
    path = tmp_path / "archive.zip"
    path.write_bytes(cases.backslashes())

    rows = results(client, command.summary(str(path), "--study-per-folder"))

    sent = sorted((row["path"], row["files"]) for row in rows)
    assert sent == [
        ("PatA", ["IM1.dcm"]),
        ("PatB", ["IM1.png"]),
    ]


def test_a_folder_of_several_patients_is_a_study_of_each(
    command: Command, client: httpx.Client, tmp_path: Path
):
    folder = tmp_path / "ward"
    folder.mkdir()
    ids: list[dict[str, Any]] = [{"PatientID": f"CASE-{n}", "StudyInstanceUID": f"2.25.{n}"} for n in (1, 2)]
    one, two = ids
    (folder / "1.dcm").write_bytes(a_dicom(**one))
    (folder / "2.dcm").write_bytes(a_dicom(**two))
    (folder / "3.dcm").write_bytes(a_dicom(**one, SOPInstanceUID="2.25.3"))
    (folder / "4.png").write_bytes(a_png())

    summary = command.summary(str(folder), "--study-per-folder")
    again = command.summary(str(folder), "--resume")

    assert summary["split"] == {".": 3}
    assert again == summary
    sent = sorted(row["files"] for row in results(client, summary))
    assert sent == [
        ["1.dcm", "3.dcm"],
        ["2.dcm"],
        ["4.png"],
    ]


def test_a_zip_in_a_folder_is_one_study_or_has_a_reason(
    command: Command, client: httpx.Client, tmp_path: Path
):
    folder = tmp_path / "archive"
    folder.mkdir()
    for name, contents in (("one.zip", [a_png(1), a_png(2)]), ("two.zip", list(cases.two_patients()))):
        with ZipFile(folder / name, "w") as packed:
            for number, content in enumerate(contents):
                packed.writestr(f"{number}", content)

    summary = command.summary(str(folder), code=1)

    assert [row["path"] for row in results(client, summary)] == ["one.zip"]
    ((refused, reason),) = reasons(summary, "refused").items()
    assert refused == "two.zip"
    assert "as a batch of its own" in reason


def test_what_is_no_file_is_named_at_the_end_and_in_the_exit_status(command: Command, tmp_path: Path):
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "chest.png").write_bytes(a_png())
    (folder / "Thumbs.db").touch()
    (folder / os.fsdecode(b"M\xfcller.png")).symlink_to("nowhere")

    first = command.summary(str(folder), code=1)
    (folder / os.fsdecode(b"M\xfcller.png")).unlink()
    (folder / os.fsdecode(b"M\xfcller.png")).write_bytes(a_png(1))
    second = command.summary(str(folder), "--resume")

    assert reasons(first, "left out") == {r"M\xfcller.png": "a link to what is not there"}
    assert first["passed_over"] == {"Thumbs.db": "left behind by a system"}
    assert second["errors"] == []
    assert (first["batch"]["total"], second["batch"]["total"]) == (1, 2)


def test_a_file_that_grows_or_goes_stops_no_batch(api: ApiServer, client: httpx.Client, tmp_path: Path):
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.png").write_bytes(a_png(number))
    growing, ended = folder / "growing.dcm", threading.Event()
    growing.write_bytes(bytes(20_000_000))

    def grow() -> None:
        with growing.open("ab", buffering=0) as file:
            while not ended.is_set():
                file.write(b"more")

    batch = client.post("/v1/batches", json={}).json()["id"]
    with Client(api.url) as connected:
        upload = a_beginning(connected, tmp_path, folder, batch)
        items = read_archive(folder, study_per_folder=False).items
        (folder / "3.png").unlink()
        writer = threading.Thread(target=grow)
        writer.start()
        try:
            sent = list(upload.send_all(items, at_once=2))
        finally:
            ended.set()
            writer.join()

    assert sent == [1, 2, 3, 4, 5]
    assert client.get(f"/v1/batches/{batch}").json()["total"] == 3
    left_out = upload.journal.left_out
    assert left_out["3.png"] == "cannot be read: No such file or directory"
    assert "still being written" in left_out["growing.dcm"]


def a_beginning(client: Client, home: Path, archive: Path, batch: str) -> BatchUpload:
    beginning = Beginning(
        batch=batch,
        archive=str(archive),
        url=client.url,
        study_per_folder=False,
        priority="archive",
        language=None,
        at="2026-01-02",
    )
    journal = Journal.of(home, archive=archive, url=client.url)
    journal.begin(beginning)
    return BatchUpload(client, journal, beginning)


def test_what_was_sent_before_is_not_sent_again_without_a_word(
    command: Command, client: httpx.Client, tmp_path: Path
):
    folder = tmp_path / "my archive"
    folder.mkdir()
    (folder / "chest.png").write_bytes(a_png())
    first = command.summary(str(folder), "--resume")["batch"]["id"]

    refused = command.run(str(folder))

    assert refused.returncode == 2
    assert first in refused.stderr
    assert f"cxr batch submit '{folder}' --resume" in refused.stderr
    assert f"cxr batch submit '{folder}' --new" in refused.stderr
    assert command.run(str(folder), "--resume", "--new").returncode == 2
    assert command.summary(str(folder), "--resume")["batch"]["id"] == first
    assert command.summary(str(folder), "--new")["batch"]["id"] != first


def test_a_batch_goes_on_as_it_was_begun(command: Command, client: httpx.Client, tmp_path: Path):
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "1.png").write_bytes(a_png(1))
    command.summary(str(folder), "--priority", "urgent", "--language", "es")
    (folder / "2.png").write_bytes(a_png(2))

    other = command.run(str(folder), "--resume", "--priority", "routine", "--study-per-folder")
    same = command.summary(str(folder), "--resume", "--priority", "urgent")

    assert other.returncode == 2
    assert "without --priority routine and --study-per-folder" in other.stderr
    assert same["batch"]["total"] == 2
    studies = client.get("/v1/studies").json()["items"]
    assert {(study["priority"], study["language"]) for study in studies} == {("urgent", "es")}


def test_what_cannot_be_gone_on_with_says_why(command: Command, client: httpx.Client, tmp_path: Path):
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "chest.png").write_bytes(a_png())
    batch = command.summary(str(folder))["batch"]["id"]
    (journal,) = journals(command)
    written = journal.read_text()

    for said, text in (
        ("does not know batch", written.replace(batch, str(new_id()))),
        ("begun by another version of cxr", json.dumps({"batch": batch, "archive": "/a", "url": "u"}) + "\n"),
    ):
        journal.write_text(text)
        done = command.run(str(folder), "--resume")
        assert (done.returncode, said in done.stderr, "--new" in done.stderr) == (2, True, True), done.stderr
    journal.write_text(written)
    client.post(f"/v1/batches/{batch}/cancel")
    done = command.run(str(folder), "--resume")
    assert (done.returncode, "was cancelled" in done.stderr) == (2, True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_whoever_stops_it_is_told_how_to_go_on_and_does_not_wait_for_the_server(
    command: Command, infra: InfraStack, tmp_path: Path, number: signal.Signals, code: int
):
    folder = tmp_path / "archive"
    folder.mkdir()
    for picture in range(60):
        (folder / f"{picture}.png").write_bytes(a_png(picture))
    line = command.line("--jobs", "2", str(folder))
    with subprocess.Popen(line, env=command.environment, stderr=subprocess.PIPE, text=True) as running:
        wait_until(lambda: lines_of(command) > 5, timeout=60, what="a few items to be sent")
        with infra.frozen("postgres"):
            time.sleep(0.5)  # so that every upload waits for an answer that does not come
            running.send_signal(number)
            _, said = running.communicate(timeout=30)

    assert running.returncode == code
    assert said.splitlines()[-1] == f"stopped; go on with: cxr batch submit {folder} --resume"
    assert lines_of(command) < 60, "stopped too late to prove anything"
    assert command.summary(str(folder), "--resume")["batch"]["total"] == 60


def lines_of(command: Command) -> int:
    return sum(path.read_text().count("\n") for path in journals(command))
