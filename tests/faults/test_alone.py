"""A process for one study at a time: what dies in it takes nothing along, and a crowd loads one model."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psutil
import pytest

from shared.alone import DiedAloneError, LoneProcess


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


def test_an_error_of_the_work_is_raised_as_it_is(lone: LoneProcess):
    with pytest.raises(ValueError, match="invalid literal"):
        lone.run(int, "a study")
