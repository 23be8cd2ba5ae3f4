"""A process for one study at a time: what dies in it takes nothing along, and no thread waits for it."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from shared.errors import LeaseLostError, TryAgainError
from shared.work.alone import DiedAloneError, LoneProcess
from tests.support.services import ROOT, wait_for


def nothing() -> None:
    """Find nothing wrong."""


@pytest.fixture
def lone() -> LoneProcess:
    return LoneProcess(timedelta(seconds=60))


def test_one_study_after_the_other_has_one_process_which_ends_when_no_more_come():
    lone = LoneProcess(timedelta(seconds=60), kept=timedelta(seconds=2))
    processes = set()
    for _ in range(5):
        with lone.place():
            processes.add(lone.run(nothing, os.getpid))
    (process,) = processes
    assert process != os.getpid()
    wait_for(lambda: not psutil.pid_exists(process), 30, "the idle process to end")
    with lone.place():
        assert lone.run(nothing, abs, -1) == 1


def test_no_thread_waits_for_a_place_that_is_taken(lone: LoneProcess):
    with ThreadPoolExecutor(1) as threads, lone.place():
        assert lone.is_taken
        with pytest.raises(TryAgainError):
            threads.submit(lone.place().__enter__).result(timeout=10)
    assert not lone.is_taken


def test_work_that_kills_its_process_leaves_a_fresh_one_to_the_next(lone: LoneProcess):
    with lone.place(), pytest.raises(DiedAloneError, match=f"exit code {-signal.SIGABRT}"):
        lone.run(nothing, os.abort)
    with lone.place():
        assert lone.run(nothing, abs, -1) == 1


def test_work_that_does_not_end_is_ended():
    lone = LoneProcess(timedelta(seconds=1))
    with lone.place():
        with pytest.raises(DiedAloneError, match="longer than 1 s"):
            lone.run(nothing, time.sleep, 600)
        assert lone.run(nothing, abs, -1) == 1


def test_work_that_is_wanted_no_more_is_ended(lone: LoneProcess):
    def check() -> None:
        message = "cancelled"
        raise LeaseLostError(message)

    started = time.monotonic()
    with lone.place():
        with pytest.raises(LeaseLostError):
            lone.run(check, time.sleep, 600)
        assert lone.run(nothing, abs, -1) == 1
    assert time.monotonic() - started < 60


def test_it_dies_with_a_worker_that_is_killed(tmp_path: Path):
    script = """
import datetime, threading
from shared.work.alone import LoneProcess
work = "(open({begun!r}, 'w').close(), __import__('time').sleep(90))"
lone = LoneProcess(datetime.timedelta(seconds=99))
lone.place().__enter__()
threading.Thread(target=lone.run, args=(lambda: None, eval, work)).start()
"""
    begun = tmp_path / "begun"
    with subprocess.Popen(
        [sys.executable, "-c", script.replace("{begun!r}", repr(str(begun)))], cwd=ROOT
    ) as worker:
        wait_for(begun.exists, 20, "the work to begin")
        children = psutil.Process(worker.pid).children()
        worker.kill()
    assert children
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, gone


def test_an_error_of_the_work_is_raised_as_it_is(lone: LoneProcess):
    with lone.place(), pytest.raises(ValueError, match="invalid literal"):
        lone.run(nothing, int, "a study")
