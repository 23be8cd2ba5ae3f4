"""The Python client, the command and its batches against the real stack."""

import csv
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from cxr import AsyncClient, Client, NotReachableError, ProblemError, cli
from cxr.commands import connection
from cxr.local.home import services_root
from cxr.local.state import free_port
from tests.support.stack import FullStack, wait_until

SAMPLES = services_root() / "samples"
_GOOD, _BAD = 20, 3


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullStack]:
    """Start the whole stack, with the quick writer, on a machine whose way out is a proxy."""
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    environment = {"CXR_REPORT_WRITER": "template", "NO_PROXY": "", "no_proxy": "", **proxy}
    with FullStack(tmp_path_factory.mktemp("stack"), environment=environment) as full:
        yield full


@pytest.fixture
def client(stack: FullStack) -> Iterator[Client]:
    """Return a client of the stack."""
    with stack.client() as connected:
        yield connected


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of radiographs, each with a pixel of its own, and some files that are none."""
    folder = tmp_path_factory.mktemp("archive")
    with Image.open(SAMPLES / "chest-1.png") as sample:
        for number in range(_GOOD):
            copy = sample.convert("L")
            copy.putpixel((0, 0), number)
            (folder / f"ward {number % 3}").mkdir(exist_ok=True)
            copy.save(folder / f"ward {number % 3}" / f"chest-{number}.png")
    (folder / "notes.dcm").write_text("the patient was seen at noon")
    (folder / "empty.png").touch()
    (folder / "cut-off.dcm").write_bytes((SAMPLES / "chest-4.dcm").read_bytes()[:20_000])
    return folder


def test_a_study_goes_in_and_comes_out_as_findings_and_a_report(client):
    study = client.submit([SAMPLES / "chest-4.dcm"], priority="urgent", wait=120)

    findings = client.findings(study.id)
    report = client.report(study.id)
    text = client.report_as(study.id, "text")

    assert study.status == "completed"
    assert study.priority == "urgent"
    assert all(0 <= finding.probability <= 1 for finding in findings.findings)
    assert report.sections.impression in " ".join(text.split()) or report.sections.impression in text
    assert "<html" in client.report_as(study.id, "html")
    assert [image.status for image in study.images] == ["used"]


def test_the_events_of_a_study_are_followed_to_its_end(client):
    study = client.submit([SAMPLES / "chest-1.png"])

    statuses = [event.status for event in client.events(study.id)]

    assert statuses[0] == "queued"
    assert statuses[-1] == "completed"


def test_the_list_goes_through_every_page(client):
    ids = {client.submit([SAMPLES / "chest-1.png"]).id for _ in range(3)}

    listed = [study.id for study in client.studies(page_size=1)]

    assert ids <= set(listed)
    assert len(listed) == len(set(listed))


def test_the_same_key_takes_a_study_in_once(client):
    first, second = (client.submit([SAMPLES / "chest-1.png"], idempotency_key="one") for _ in range(2))

    assert first.id == second.id


def test_a_deleted_study_is_gone_and_deleting_it_again_is_no_error(client):
    study = client.submit([SAMPLES / "chest-1.png"])
    client.delete(study.id)
    client.delete(study.id)

    with pytest.raises(ProblemError) as gone:
        client.study(study.id)
    assert gone.value.status == 410


def test_a_refusal_names_the_file(client, tmp_path):
    path = tmp_path / "notes.dcm"
    path.write_text("no radiograph")

    with pytest.raises(ProblemError) as refused:
        client.submit([path])
    assert refused.value.type == "/problems/not-an-image"
    assert refused.value.problem["file"] == "notes.dcm"


def test_only_a_failed_study_is_retried(client):
    study = client.submit([SAMPLES / "chest-1.png"], wait=120)

    with pytest.raises(ProblemError) as refused:
        client.retry(study.id)
    assert refused.value.status == 409


def test_keys_are_made_listed_and_revoked(client):
    key = client.keys.create("ward 3", scopes=["read"], tenant="north")
    listed = {one.id: one for one in client.keys.list()}
    client.keys.revoke(key.id)

    assert key.key is not None
    assert key.key.startswith("cxr_")
    assert listed[key.id].key is None
    assert (key.tenant, listed[key.id].tenant) == ("north", "north")
    assert key.id not in {one.id for one in client.keys.list()}


def test_the_server_says_what_it_is(client):
    assert client.info().auth == "off"


async def test_a_study_that_was_sent_twice_is_its_own_nearest(stack, client):
    asked, other = (client.submit([SAMPLES / "chest-3.jpg"], wait=120) for _ in range(2))

    found = client.similar(asked.id, limit=50)
    printed = stack.run("similar", asked.id, "-n", "50")
    async with AsyncClient(stack.url) as asynchronous:
        assert await asynchronous.similar(asked.id, limit=50) == found

    twin = next(one for one in found.items if one.study_id == other.id)
    assert twin.distance == pytest.approx(0, abs=1e-3)
    assert twin.distance == min(one.distance for one in found.items)
    assert asked.id not in {one.study_id for one in found.items}
    assert other.id in printed.stdout


async def test_the_async_client_does_the_same(stack):
    async with AsyncClient(stack.url) as client:
        study = await client.submit([SAMPLES / "chest-1.png"], wait=120)
        statuses = [event.status async for event in client.events(study.id)]
        listed = [one.id async for one in client.studies(page_size=1)]
        findings = await client.findings(study.id)

        assert study.status == "completed"
        assert statuses[-1] == "completed"
        assert study.id in listed
        assert findings.study_id == study.id
        assert await client.report_as(study.id, "text")


def test_a_client_outlives_a_restart_of_the_api(stack, client):
    killed = stack.kill("api")

    study = client.submit([SAMPLES / "chest-1.png"], wait=120)

    assert study.status == "completed"
    stack.wait_running("api", other_than=killed)


def test_a_server_that_is_not_there_is_said_to_be_not_there():
    with Client(f"http://127.0.0.1:{free_port()}", patience=0.5) as client, pytest.raises(NotReachableError):
        client.info()


def test_submit_as_json_prints_one_document(stack):
    done = stack.run("submit", str(SAMPLES / "chest-1.png"), "--wait", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "completed"


def test_a_wait_that_is_too_short_leaves_the_study_s_id_and_the_way_on(stack):
    stack.hold("worker-llm")
    try:
        done = stack.run("submit", str(SAMPLES / "chest-1.png"), "--wait", "--json", "--timeout", "1")
    finally:
        stack.release("worker-llm")

    study = json.loads(done.stdout)
    assert done.returncode == 1
    assert study["status"] in ("queued", "classifying", "classified")
    assert f"cxr report {study['id']}" in done.stderr


def test_a_wait_outlives_an_api_that_is_started_again(stack, monkeypatch, capsys):
    monkeypatch.setenv("CXR_URL", stack.url)
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.0)
    command = ["submit", str(SAMPLES / "chest-1.png"), "--wait", "--json"]
    notes: list[str] = []

    def is_taken() -> bool:
        notes.append(capsys.readouterr().err)
        return "study " in "".join(notes)

    stack.hold("worker-llm")
    try:
        with ThreadPoolExecutor() as pool:
            code = pool.submit(cli.run, command)
            wait_until(is_taken, timeout=60, what="the study's id on stderr")
            stack.wait_running("api", other_than=stack.kill("api"))
            stack.release("worker-llm")
            assert code.result(60) == 0
    finally:
        stack.release("worker-llm")

    study = json.loads(capsys.readouterr().out)
    assert study["status"] == "completed"
    assert "".join(notes).startswith(f"study {study['id']}: ")


def test_a_refusal_under_json_is_the_problem(stack, tmp_path):
    path = tmp_path / "notes.dcm"
    path.write_text("no radiograph")

    done = stack.run("submit", str(path), "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["type"] == "/problems/not-an-image"


def test_submit_prints_findings_and_report(stack):
    done = stack.run("submit", str(SAMPLES / "chest-1.png"), "--wait")

    assert done.returncode == 0
    assert "Classifier" in done.stdout
    assert "IMPRESSION" in done.stdout.upper()
    assert f":{stack.port}/#/studies/" in done.stdout


def test_report_writes_a_file_in_the_format_that_was_asked_for(stack, client, tmp_path):
    study = client.submit([SAMPLES / "chest-1.png"], wait=120)

    for form in ("text", "json", "html"):
        done = stack.run("report", study.id, "--format", form, "-o", str(tmp_path / form))
        assert (done.returncode, done.stdout) == (0, "")

    assert json.loads((tmp_path / "json").read_text())["study_id"] == study.id
    assert "<html" in (tmp_path / "html").read_text()
    assert "{" not in (tmp_path / "text").read_text()
    # Of a PNG there is nothing that it could lie over.
    refused = stack.run("report", study.id, "--format", "gsps")
    assert refused.returncode == 1
    assert "\n  formats: json, text, " in refused.stderr
    assert "[" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["submit", "NOTES"], 1),
        (["submit", "/no/such/file"], 2),
        (["report", "not-an-id"], 2),
        (["report", "01890000-0000-7000-8000-000000000000"], 2),
        (["frobnicate"], 2),
    ],
    ids=["no radiograph", "no file", "no id", "no study", "no command"],
)
def test_the_exit_status_says_what_was_wrong(stack, tmp_path, arguments, code):
    notes = tmp_path / "notes.png"
    notes.write_text("no radiograph")

    done = stack.run(*(str(notes) if argument == "NOTES" else argument for argument in arguments))

    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr


def test_without_a_server_the_exit_status_is_three(stack):
    environment = {**stack.environment, "CXR_URL": f"http://127.0.0.1:{free_port()}"}
    command = stack.command("keys", "list")

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert "cxr up" in done.stderr


def test_a_batch_that_is_killed_and_resumed_has_every_item_once(stack, client, archive, tmp_path):
    command = stack.command("batch", "submit", str(archive), "--jobs", "2")
    with subprocess.Popen(command, env=stack.environment, stderr=subprocess.DEVNULL) as killed:
        journals = stack.home.path / "batches"
        wait_until(
            lambda: any(path.read_text().count("\n") > 5 for path in journals.glob("*.ndjson")),
            timeout=60,
            what="a few items to be sent",
        )
        os.kill(killed.pid, signal.SIGKILL)
    (journal,) = journals.glob("*.ndjson")
    sent = journal.read_text().count("\n") - 1
    assert sent < _GOOD + _BAD, "killed too late to prove anything"

    done = subprocess.run(
        [*command, "--resume", "--json"],
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    summary = json.loads(done.stdout)
    assert done.returncode == 1  # some items have no report
    assert summary["batch"]["done"]
    assert summary["batch"]["total"] == _GOOD + _BAD
    counts = summary["batch"]["counts"]
    assert (counts["completed"], counts["rejected"]) == (_GOOD, _BAD)
    assert all(error["error"]["detail"] for error in summary["errors"])
    assert len(summary["errors"]) == _BAD

    results = stack.run(
        "batch", "results", summary["batch"]["id"], "--format", "csv", "-o", str(tmp_path / "results.csv")
    )
    assert results.returncode == 0
    with (tmp_path / "results.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["item"] for row in rows}) == _GOOD + _BAD
    assert sum(bool(row["report"]) for row in rows) == _GOOD
    assert json.loads(stack.run("batch", "status", summary["batch"]["id"], "--json").stdout)["done"]


def test_a_name_that_is_not_utf_8_and_a_file_that_cannot_be_read_stop_no_batch(stack, archive, tmp_path):
    folder = tmp_path / os.fsdecode(b"archiv-\xfc")
    folder.mkdir()
    shutil.copy(archive / "ward 0" / "chest-0.png", folder / os.fsdecode(b"M\xfcller.png"))
    unreadable = folder / os.fsdecode(b"bad-\xfc.png")
    unreadable.symlink_to("/proc/self/mem")  # nobody can read its first byte

    first = stack.run("batch", "submit", str(folder), "--json")
    unreadable.unlink()
    shutil.copy(archive / "ward 1" / "chest-1.png", unreadable)
    second = stack.run("batch", "submit", str(folder), "--resume", "--json")

    assert first.returncode == 1, first.stderr
    summary = json.loads(first.stdout)
    assert summary["batch"]["counts"]["completed"] == 1
    ((path, reason),) = [(one["path"], one["error"]["detail"]) for one in summary["errors"]]
    assert path == r"bad-\xfc.png"
    assert "cannot be read" in reason
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["batch"]["counts"]["completed"] == 2
    assert json.loads(second.stdout)["errors"] == []


def test_resuming_a_finished_batch_sends_nothing(stack, archive):
    first, second = (
        json.loads(stack.run("batch", "submit", str(archive), how, "--json").stdout)["batch"]
        for how in ("--new", "--resume")
    )

    assert second == first
    assert second["total"] == _GOOD + _BAD


def test_a_zip_is_a_batch_of_its_members(stack, archive, tmp_path):
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", archive)

    done = stack.run("batch", "submit", packed, "--json")

    counts = json.loads(done.stdout)["batch"]["counts"]
    assert (counts["completed"], counts["rejected"]) == (_GOOD, _BAD)


def test_a_cancelled_batch_works_on_nothing_any_more(stack, client, archive):
    stack.hold("worker-cnn")
    try:
        done = stack.run("batch", "submit", str(archive), "--new", "--no-wait", "--json")
        batch_id = json.loads(done.stdout)["batch"]["id"]

        cancelled = stack.run("batch", "cancel", batch_id)
    finally:
        stack.release("worker-cnn")

    batch = client.batches.get(batch_id)
    assert cancelled.returncode == 0
    assert batch.status == "cancelled"
    assert batch.counts["cancelled"] == _GOOD


def test_the_demo_says_what_it_sends_and_how_to_stop(stack):
    environment = {**stack.environment, "STUDY": str(SAMPLES / "chest-4.dcm")}

    done = subprocess.run(
        stack.command("demo"), env=environment, capture_output=True, text=True, check=False, timeout=240
    )

    assert done.returncode == 0, done.stderr
    assert "chest-4.dcm" in done.stdout
    assert "IMPRESSION" in done.stdout.upper()
    assert f"http://localhost:{stack.port}" in done.stdout
    assert "cxr down" in done.stdout
