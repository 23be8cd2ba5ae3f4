"""A decoding child that crashes, hangs, is killed or eats memory costs one file and nothing else.

The children run functions that a fresh interpreter can import, so the deadly ones are real functions of
the standard library, called as a codec would be.
"""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom.uid import JPEGLSLossless

import worker_cnn.children
from shared.errors import BadInputError, BrokenImageError, LeaseLostError, TooLargeError, TryAgainError
from tests.support.dicoms import a_dicom
from worker_cnn.children import ChildPool, DecoderKilledError, Terms
from worker_cnn.decoding import DecoderPool, PreparedImage, prepare


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool(workers=2) as pool:
        yield pool


@pytest.fixture(scope="module")
def children() -> Iterator[ChildPool]:
    pool = ChildPool(workers=2, set_up=_nothing, memory_bytes=500_000_000)
    yield pool
    pool.stop()


@pytest.fixture
def lone_child() -> Iterator[ChildPool]:
    pool = ChildPool(workers=1, set_up=_nothing)
    yield pool
    pool.stop()


_nothing = gc.collect  # something importable that does no harm


def test_a_child_prepares_what_the_function_does(decoders):
    data = a_dicom(transfer_syntax=JPEGLSLossless)
    inside, here = decoders.prepare(lambda: data, name="a.dcm", size=64), prepare(data, name="a.dcm", size=64)
    assert np.array_equal(inside.model_input, here.model_input)
    assert np.array_equal(inside.preview, here.preview)
    assert inside.attributes == here.attributes


def test_an_error_of_a_child_arrives_with_its_type_and_file(decoders):
    with pytest.raises(TooLargeError) as caught:
        decoders.prepare(lambda: a_dicom(Rows=65535, Columns=65535), name="huge.dcm", size=64)
    assert caught.value.file == "huge.dcm"


def test_a_crash_costs_its_own_file_and_not_its_neighbours(children):
    def die():
        with pytest.raises(BrokenImageError) as caught:
            children.call(ctypes.string_at, 0, file="poison.dcm")  # a NULL pointer, read in C
        return caught.value.file

    with ThreadPoolExecutor(8) as threads:
        neighbours = [threads.submit(children.call, time.sleep, 0.05, file="good.dcm") for _ in range(20)]
        deaths = [threads.submit(die) for _ in range(3)]
        assert [death.result() for death in deaths] == ["poison.dcm"] * 3
        assert [neighbour.result() for neighbour in neighbours] == [None] * 20


def test_a_hang_is_ended_at_the_limit(children, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker_cnn.children, "SPARE_SECONDS", 0.0)
    start = time.monotonic()
    with pytest.raises(BrokenImageError, match="did not end within 2 s"):
        children.call(time.sleep, 60, file="slow.dcm", terms=Terms(timedelta(seconds=0.5)))
    assert time.monotonic() - start < 20
    assert children.call(os.getpid, file="next.dcm") != os.getpid()


def test_a_file_that_burns_more_processor_time_than_it_may_is_ended_and_says_so(children):
    charged: list[float] = []
    terms = Terms(timedelta(seconds=1), charge=charged.append)
    with pytest.raises(TooLargeError, match="more than 1 s of processor time") as caught:
        children.call(sum, range(10**11), file="evil.jpg", terms=terms)
    assert caught.value.file == "evil.jpg"
    assert charged == [1.0]
    assert children.call(len, b"abc", file="next.dcm", terms=Terms(timedelta(seconds=1))) == 3


def test_only_the_processor_time_that_a_file_used_is_charged_whatever_the_clock_says(children):
    charged: list[float] = []
    terms = Terms(charge=charged.append)
    children.call(time.sleep, 2, file="waits.dcm", terms=terms)
    with pytest.raises(ValueError, match="invalid literal"):
        children.call(int, "no number", file="wrong.dcm", terms=terms)
    assert all(seconds < 1 for seconds in charged)
    assert len(charged) == 2


def test_work_that_is_wanted_no_more_is_ended_and_its_child_is_free_again(lone_child):
    begun = time.monotonic()

    def check() -> None:
        if time.monotonic() - begun > 2:
            message = "cancelled"
            raise LeaseLostError(message)

    with pytest.raises(LeaseLostError):
        lone_child.call(sum, range(10**11), file="evil.jpg", terms=Terms(check=check))
    assert lone_child.call(len, b"abc", file="next.dcm") == 3
    assert time.monotonic() - begun < 20


def test_hunger_for_memory_is_an_error_and_not_the_machines_end(children):
    with pytest.raises(MemoryError):
        children.call(bytes, 2_000_000_000, file="greedy.dcm")


def test_children_take_no_signals_handlers_and_no_models_along(decoders):
    assert decoders._children.call(signal.getsignal, signal.SIGTERM, file="x") == signal.SIG_DFL
    loaded = set(decoders._children.call(eval, "list(__import__('sys').modules)", file="x"))
    assert "pydicom" in loaded
    assert not loaded & {"torch", "onnxruntime", "celery", "sqlalchemy", "boto3", "transformers"}


def test_a_child_that_is_killed_from_outside_costs_nothing(children):
    victim = children.call(os.getpid, file="x")
    os.kill(victim, signal.SIGKILL)
    for _ in range(10):
        assert children.call(len, b"abc", file="next.dcm") == 3


def test_a_child_that_is_killed_at_work_is_replaced_and_the_file_tried_again(lone_child):
    victim = lone_child.call(os.getpid, file="x")
    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(lone_child.call, time.sleep, 1.0, file="x")
        time.sleep(0.3)
        os.kill(victim, signal.SIGKILL)
        done.result(timeout=30)
    assert lone_child.call(os.getpid, file="x") != victim


def test_a_child_that_exits_by_itself_is_the_files_doing(children):
    with pytest.raises(BrokenImageError, match="crashed its decoder"):
        children.call(os._exit, 1, file="fatal.jpg")
    assert children.call(len, b"abc", file="next.dcm") == 3


def test_a_child_that_is_killed_at_every_try_is_no_passing_trouble(children):
    with pytest.raises(DecoderKilledError):
        children.call(eval, "__import__('os').kill(__import__('os').getpid(), 9)", file="hungry.dcm")
    assert children.call(len, b"abc", file="next.dcm") == 3


def test_children_die_with_a_worker_that_is_killed():
    script = (
        "import os, threading, time; from worker_cnn.children import ChildPool;"
        "pool = ChildPool(workers=1, set_up=threading.get_ident);"
        "print(pool.call(os.getpid, file='x'), flush=True); pool.call(time.sleep, 90, file='x')"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as worker:
        child = psutil.Process(int((worker.stdout or sys.stdin).readline()))
        time.sleep(0.3)
        worker.kill()
    child.wait(timeout=5)


def test_a_pool_that_stopped_says_try_again():
    pool = ChildPool(workers=1, set_up=_nothing)
    pool.stop()
    with pytest.raises(TryAgainError):
        pool.call(len, b"abc", file="x")


@pytest.mark.real_data
def test_every_file_at_hand_is_an_image_or_a_reason(
    decoders: DecoderPool, samples: Path, test_data: Path | None, real_chests: list[Path]
):
    files = sorted(samples.glob("chest-*"))
    chests = {file.name for file in [*files, *real_chests]}
    if test_data is not None:
        files += sorted(file for file in (test_data / "dicom").iterdir() if file.suffix != ".csv")
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(lambda file: _outcome(decoders, file), files))
    images = {
        file.name for file, outcome in zip(files, outcomes, strict=True) if isinstance(outcome, PreparedImage)
    }
    reasons = [outcome for outcome in outcomes if isinstance(outcome, BadInputError)]
    assert len(images) + len(reasons) == len(files)
    assert chests <= images
    assert all(reason.file and reason.detail for reason in reasons)


def _outcome(decoders: DecoderPool, file: Path) -> PreparedImage | BadInputError:
    try:
        return decoders.prepare(file.read_bytes, name=file.name, size=320)
    except BadInputError as error:
        return error
