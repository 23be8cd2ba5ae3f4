import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from tests.support.radiographs import SAMPLES, nih_records, record, sample_records
from training.squares import SHARD, square_of
from training.store import ImageStore, open_store
from training.table import Record, write

SIZE = 32


def open_them(records, root, cache, processes=1) -> ImageStore:
    return open_store(records, root, size=SIZE, cache=cache, processes=processes)


def shards_in(cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in cache.glob("*.npy")}


def draw_pictures(folder: Path, count: int) -> list[Record]:
    """Write pictures whose gray level is their number."""
    folder.mkdir()
    for number in range(count):
        Image.new("L", (8, 8), number % 256).save(folder / f"{number}.png")
    return [record(f"{number}.png", patient=f"x:{number}", dataset="x") for number in range(count)]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Return records, and the store of them: one shard and a bit, with real images where there are any."""
    root = tmp_path_factory.mktemp("mixed")
    records = draw_pictures(root / "x", SHARD + 3)
    (root / "x" / "7.png").write_bytes(b"no picture")
    (root / "x" / "8.png").write_bytes((SAMPLES / "chest-1.png").read_bytes()[:2000])
    (root / "x" / "9.png").write_bytes(b"")
    (root / "x" / f"{SHARD + 1}.png").unlink()
    records += sample_records()
    roots = {"x": root / "x", "samples": SAMPLES}
    data = os.environ.get("CXR_TEST_DATA")
    if data:
        roots["nih"] = Path(data)
        records += nih_records(Path(data))[:20]
    return records, roots, open_them(records, roots, root / "cache", processes=2)


@pytest.mark.real_data
def test_squares_are_what_the_worker_makes_of_the_files(mixed):
    records, roots, store = mixed
    assert len(store) == len(records)
    for index in np.flatnonzero(store.readable)[-30:].tolist():
        expected = square_of(roots[records[index].dataset] / records[index].image, SIZE)
        np.testing.assert_array_equal(store[index][0].numpy(), expected)
        assert store[index].shape == (1, SIZE, SIZE)


def test_what_cannot_be_read_is_a_problem_with_its_reason_and_black(mixed):
    _, _, store = mixed
    bad = [7, 8, 9, SHARD + 1]
    assert np.flatnonzero(~store.readable).tolist() == bad
    assert [problem.where for problem in store.problems] == [f"{number}.png" for number in bad]
    reasons = [problem.reason for problem in store.problems]
    assert "neither" in reasons[0] or "DICOM" in reasons[0]
    assert reasons[3] == "the file is missing"
    assert all(reasons)
    assert torch.all(store.fetch(bad) == 0)


def test_a_batch_is_the_images_by_themselves(mixed):
    _, _, store = mixed
    wanted = [SHARD, 0, 5, len(store) - 1, 5]
    batch = store.fetch(np.array(wanted))
    assert (batch.shape, batch.dtype) == ((5, 1, SIZE, SIZE), torch.uint8)
    for row, index in zip(batch, wanted, strict=True):
        assert torch.equal(row, store[index])
    assert store.fetch([]).shape == (0, 1, SIZE, SIZE)


def test_a_batch_does_not_share_memory_with_the_store(mixed):
    _, _, store = mixed
    batch = store.fetch([200])
    before = store[200].clone()
    batch += 1
    assert torch.equal(store[200], before)


@pytest.mark.parametrize("index", [10_000, -10_000])
def test_an_index_that_is_not_there_is_an_error(mixed, index):
    _, _, store = mixed
    with pytest.raises(IndexError, match="10000"):
        store[index]
    with pytest.raises(IndexError, match="10000"):
        store.fetch([0, index])


def test_what_goes_to_a_worker_is_the_paths_not_the_images(mixed):
    _, _, store = mixed
    assert len(pickle.dumps(store)) < 10_000 < len(store) * SIZE * SIZE
    again = pickle.loads(pickle.dumps(store))
    assert torch.equal(again.fetch(range(len(store))), store.fetch(range(len(store))))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_loaders_with_workers_see_the_same_images(mixed, context):
    _, _, store = mixed
    loader = DataLoader(store, batch_size=64, num_workers=1, multiprocessing_context=context)
    assert torch.equal(torch.cat(list(loader)), store.fetch(range(len(store))))


def test_a_second_run_decodes_nothing_and_needs_no_files(tmp_path):
    records = draw_pictures(tmp_path / "x", 5)
    first = open_them(records, tmp_path / "x", tmp_path / "cache").fetch(range(5))
    made = shards_in(tmp_path / "cache")
    second = open_them(records, tmp_path / "x", tmp_path / "cache")
    assert shards_in(tmp_path / "cache") == made
    assert torch.equal(second.fetch(range(5)), first)


def test_images_that_are_added_leave_whole_shards_as_they_are_and_a_changed_file_does_not(tmp_path):
    records = draw_pictures(tmp_path / "x", SHARD + 2)
    open_them(records[:-1], tmp_path / "x", tmp_path / "cache")
    first = shards_in(tmp_path / "cache")
    open_them(records, tmp_path / "x", tmp_path / "cache")
    second = shards_in(tmp_path / "cache")
    assert len(first) == 2
    assert first.items() < second.items()
    assert len(second) == 3
    Image.new("RGB", (30, 30), (200, 200, 200)).save(tmp_path / "x" / "0.png")
    changed = open_them(records, tmp_path / "x", tmp_path / "cache")
    assert changed[0].float().mean() == pytest.approx(200, abs=1)
    assert len(shards_in(tmp_path / "cache")) == 4


def test_a_file_that_was_missing_is_read_when_it_is_there(tmp_path):
    records = draw_pictures(tmp_path / "x", 3)
    (tmp_path / "x" / "1.png").rename(tmp_path / "away.png")
    assert not open_them(records, tmp_path / "x", tmp_path / "cache").readable[1]
    (tmp_path / "away.png").rename(tmp_path / "x" / "1.png")
    assert open_them(records, tmp_path / "x", tmp_path / "cache").readable[1]


def test_a_data_set_without_a_folder_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ValueError, match="of x, only of: nih"):
        open_them([record("a.png", patient="x:1", dataset="x")], {"nih": tmp_path}, tmp_path / "cache")


def test_a_damaged_shard_is_an_error_that_names_it(tmp_path):
    shard = tmp_path / "a.npy"
    np.save(shard, np.zeros((2, SIZE, SIZE), np.uint8))
    with pytest.raises(ValueError, match=r"a\.npy holds uint8 \(2, 32, 32\), not 3 squares: delete it"):
        ImageStore([shard], count=3, size=SIZE)


BUILD = """
import sys
from pathlib import Path
from training.squares import write_shards
from training.table import read
if __name__ == "__main__":
    table, root, cache = map(Path, sys.argv[1:])
    write_shards(read(table), root, size=32, cache=cache, processes=2)
"""


def test_a_run_that_is_killed_leaves_whole_shards_and_the_next_one_makes_the_others(tmp_path):
    count, cache, script, table = (
        4 * SHARD,
        *(tmp_path / name for name in ("cache", "build.py", "table.parquet")),
    )
    records = draw_pictures(tmp_path / "x", count)
    write(table, records)
    script.write_text(BUILD)  # a file, since the processes that it starts import it
    command = [sys.executable, str(script), str(table), str(tmp_path / "x"), str(cache)]
    environment = os.environ | {"PYTHONPATH": str(SAMPLES.parent)}
    run = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not shards_in(cache) and time.monotonic() < deadline:
        assert run.poll() is None
        time.sleep(0.002)
    run.send_signal(signal.SIGKILL)
    run.wait()
    left = shards_in(cache)
    assert 1 <= len(left) < 4
    (cache / "half.npy.unfinished").write_bytes(b"as if the kill had come in the middle of a write")
    resumed = open_them(records, tmp_path / "x", cache)
    assert left.items() <= shards_in(cache).items()
    assert not list(cache.glob("*.unfinished"))
    levels = resumed.fetch(range(count)).float().amax((1, 2, 3))
    np.testing.assert_array_equal(levels, np.arange(count) % 256)
    assert resumed.readable.all()


def test_runs_at_the_same_time_share_the_work(tmp_path):
    records = draw_pictures(tmp_path / "x", 40)
    with ThreadPoolExecutor(3) as threads:  # a lock of a file holds between threads as between processes
        stores = list(threads.map(lambda _: open_them(records, tmp_path / "x", tmp_path / "cache"), range(3)))
    assert len(shards_in(tmp_path / "cache")) == 1
    assert all(torch.equal(one.fetch(range(40)), stores[0].fetch(range(40))) for one in stores)
