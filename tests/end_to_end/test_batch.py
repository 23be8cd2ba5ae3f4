"""An archive with bad files in it, its command killed halfway and run again."""

import csv
import json
import signal
import subprocess
import time
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.support.stack import FullStack

GOOD = 30
BAD = 5


@pytest.fixture
def archive(tmp_path: Path, samples: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    with Image.open(samples / "chest-1.png") as image:
        small = image.convert("L")
    for number in range(GOOD):
        note = PngInfo()
        note.add_text("Comment", f"number {number}")
        small.save(folder / f"chest-{number:02}.png", pnginfo=note)
    (folder / "a-text.dcm").write_text("no image\n" * 100)
    (folder / "cut-off.dcm").write_bytes((samples / "chest-4.dcm").read_bytes()[:4000])
    (folder / "empty.png").write_bytes(b"")
    Image.effect_noise((512, 512), 80).save(folder / "noise.png")
    Image.new("L", (512, 512), 128).save(folder / "gray.png")
    return folder


@pytest.mark.timeout(1200)
def test_an_archive_is_complete_after_its_command_was_killed_and_resumed(stack: FullStack, archive: Path):
    command = stack.command("batch", "submit", str(archive))
    # One upload at a time, so that the kill surely comes before the last one.
    first = subprocess.Popen(
        [*command, "--jobs", "1"],
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    batch_id = the_batch_with_at_least(stack, 10)
    first.send_signal(signal.SIGKILL)
    first.wait()
    with stack.client() as client:
        assert client.batches.get(batch_id).total < GOOD + BAD
    again = subprocess.run(
        [*command, "--resume"],
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert again.returncode in (0, 1), again.stderr
    with stack.client() as client:
        batch = client.batches.get(batch_id)
    assert batch.total == GOOD + BAD
    assert {status: number for status, number in batch.counts.items() if number} == {
        "completed": GOOD,
        "rejected": BAD,
    }
    rows = list(csv.DictReader(StringIO(results(stack, batch_id, "csv"))))
    assert len(rows) == GOOD + BAD
    assert len({row["study_id"] for row in rows}) == GOOD + BAD
    assert sum(bool(row["report"]) for row in rows) == GOOD
    assert sum(bool(row["error_detail"]) for row in rows) == BAD
    lines = [json.loads(line) for line in results(stack, batch_id, "ndjson").splitlines()]
    assert [line["study_id"] for line in lines] == [row["study_id"] for row in rows]


def the_batch_with_at_least(stack: FullStack, items: int) -> str:
    """Wait until the newest study belongs to a batch of so many items, and return the batch's id."""
    deadline = time.monotonic() + 120
    with stack.client() as client:
        while time.monotonic() < deadline:
            newest = next(client.studies(page_size=1), None)
            batch_id = newest.batch_id if newest else None
            if batch_id and client.batches.get(batch_id).total >= items:
                return batch_id
            time.sleep(0.05)
    message = f"no batch reached {items} items"
    raise AssertionError(message)


def results(stack: FullStack, batch_id: str, form: str) -> str:
    done = stack.run("batch", "results", batch_id, "--format", form)
    assert done.returncode == 0, done.stderr
    return done.stdout
