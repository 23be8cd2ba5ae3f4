"""The broker emptied; the broker, Postgres and S3 stopped for ten seconds each, under load."""

import threading
import time

import pytest

from shared import queue
from shared.domain import StudyStatus
from shared.errors import TryAgainError
from shared.settings import QueueSettings
from tests.faults.conftest import Line

AWAY_SECONDS = 10


def test_emptying_the_broker_loses_no_study(line: Line):
    line.submit(20)
    queue.connect_broker(QueueSettings(url=line.infra.broker_url)).flushall()
    line.start_all()
    line.wait(line.submitted, 90)
    assert line.check() == {StudyStatus.COMPLETED: 20}


@pytest.mark.parametrize("server", ["broker", "postgres", "storage"])
def test_a_server_that_is_away_for_ten_seconds_under_load_loses_no_study(line: Line, server: str):
    line.start_all()
    stopped = threading.Event()

    def load() -> None:
        while not stopped.is_set():
            try:
                line.submit(1)
            except TryAgainError:
                # Not accepted, so not promised: the client would get a 503 and send it again.
                time.sleep(0.5)

    submitting = threading.Thread(target=load)
    submitting.start()
    try:
        time.sleep(3)
        line.infra.kill(server)
        time.sleep(AWAY_SECONDS)
        line.infra.start(server)
        time.sleep(3)
    finally:
        stopped.set()
        submitting.join()
    assert len(line.submitted) > 10
    line.wait(line.submitted, 150)
    assert line.check() == {StudyStatus.COMPLETED: len(line.submitted)}
