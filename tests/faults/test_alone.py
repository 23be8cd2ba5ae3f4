"""A process for one study at a time: what dies in it takes nothing along, and a crowd loads one model."""

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

from shared.alone import DiedAloneError, LoneProcess
from tests.support.services import ROOT, wait_for


@pytest.fixture
def lone() -> LoneProcess:
    return LoneProcess(timedelta(seconds=60))


def test_a_crowd_takes_turns_in_one_process_which_ends_with_the_last(lone: LoneProcess):
    with ThreadPoolExecutor(10) as threads:
        processes = set(threads.map(lambda _: lone.run(os.getpid), range(10)))
    assert len(processes) == 1
    assert os.getpid() not in processes
    assert not psutil.pid_exists(processes.pop())


def test_work_that_kills_its_process_takes_nobody_in_line_along(lone: LoneProcess):
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(lone.run, time.sleep, 1)
        while not first.running():
            time.sleep(0.01)
        deadly = threads.submit(lone.run, os.abort)
        others = [threads.submit(lone.run, abs, -number) for number in range(2)]
        assert [other.result() for other in others] == [0, 1]
        with pytest.raises(DiedAloneError, match=f"exit code {-signal.SIGABRT}"):
            deadly.result()


def test_work_that_does_not_end_is_ended():
    lone = LoneProcess(timedelta(seconds=1))
    with pytest.raises(DiedAloneError, match="longer than 1 s"):
        lone.run(time.sleep, 600)
    assert lone.run(abs, -1) == 1


def test_it_dies_with_a_worker_that_is_killed(tmp_path: Path):
    script = """
import datetime, threading
from shared.alone import LoneProcess
work = "(open({begun!r}, 'w').close(), __import__('time').sleep(90))"
threading.Thread(target=LoneProcess(datetime.timedelta(seconds=99)).run, args=(eval, work)).start()
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
    with pytest.raises(ValueError, match="invalid literal"):
        lone.run(int, "a study")
