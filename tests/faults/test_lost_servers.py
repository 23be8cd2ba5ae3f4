"""The broker emptied; the broker, Postgres and S3 stopped for ten seconds each, under load."""

import contextlib
import threading
import time

import pytest

from shared.domain.studies import StudyStatus
from shared.errors import TryAgainError
from shared.settings import QueueSettings
from shared.work import queue
from tests.faults.conftest import Line
from tests.support.services import wait_for

AWAY_SECONDS = 10
STUDIES = 30
"""As many before the server goes as after it is back; in between as many as the pause allows."""
PAUSE_SECONDS = 0.2


def test_emptying_the_broker_loses_no_study(line: Line):
    line.submit(20)
    queue.connect_broker(QueueSettings(url=line.infra.broker_url)).flushall()
    line.start_all()
    line.wait(line.submitted, 90)
    assert line.check() == {StudyStatus.COMPLETED: 20}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("server", ["broker", "postgres", "storage"])
def test_a_server_that_is_away_for_ten_seconds_under_load_loses_no_study(line: Line, server: str):
    line.start_all()
    stopped = threading.Event()

    def load() -> None:
        while not stopped.wait(PAUSE_SECONDS):
            # One that is not accepted is not promised: the client would get a 503 and send it again.
            with contextlib.suppress(TryAgainError):
                line.submit(1)

    def wait_for_more() -> None:
        wanted = len(line.submitted) + STUDIES // 2
        wait_for(lambda: len(line.submitted) >= wanted, 120, "studies to be submitted")

    submitting = threading.Thread(target=load)
    submitting.start()
    try:
        wait_for_more()
        line.infra.kill(server)
        time.sleep(AWAY_SECONDS)
        line.infra.start(server)
        wait_for_more()
    finally:
        stopped.set()
        submitting.join()
    line.wait(line.submitted, 600)
    assert line.check() == {StudyStatus.COMPLETED: len(line.submitted)}
