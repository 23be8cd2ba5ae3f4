"""No worker stands idle beside work, whatever becomes of the broker and of the hints in it."""

import contextlib
import re
import threading
import time
from collections import defaultdict
from collections.abc import Mapping

import httpx
import psutil

from cxr.local.state import free_port
from shared.domain.studies import Priority, Stage, StudyStatus
from shared.errors import TryAgainError
from shared.settings import QueueSettings
from shared.work import queue
from tests.faults.conftest import Line
from tests.support.api import classify
from tests.support.services import Service, wait_for

KILLS = 5
PAUSE_SECONDS = 0.3
AWAY_SECONDS = 2
"""Until a supervisor starts it again."""
IDLE_A_KILL = 20
"""Seconds, over all workers: to notice, to connect again, to be hinted at. It was minutes."""


class Watched:
    """A worker whose metrics can be read."""

    def __init__(self, line: Line, module: str) -> None:
        self.port = free_port()
        line.environment |= {"CXR_TELEMETRY_METRICS_PORT": str(self.port)}
        self.service: Service = line.launch(module)

    def idle_seconds(self) -> float:
        metrics = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text
        (seconds,) = re.findall(r"^cxr_worker_idle_seconds_total\S* (\S+)", metrics, re.MULTILINE)
        return float(seconds)


def test_after_five_deaths_of_the_broker_every_worker_takes_its_own_work_at_once(line: Line):
    cnn = [Watched(line, "worker_cnn"), Watched(line, "worker_cnn")]
    llm = Watched(line, "worker_llm")
    line.environment.pop("CXR_TELEMETRY_METRICS_PORT")
    sweeper = line.launch("shared.work.sweeper")
    for service in (*(worker.service for worker in (*cnn, llm)), sweeper):
        service.wait_until_ready()
    stopped = threading.Event()

    def load() -> None:
        while not stopped.wait(PAUSE_SECONDS):
            with contextlib.suppress(TryAgainError):
                line.submit(1)

    submitting = threading.Thread(target=load)
    submitting.start()
    try:
        for _ in range(KILLS):
            wanted = len(line.submitted) + 5
            wait_for(lambda wanted=wanted: len(line.submitted) >= wanted, 60, "studies to be submitted")
            line.infra.kill("broker")
            time.sleep(AWAY_SECONDS)
            line.infra.start("broker")
    finally:
        stopped.set()
        submitting.join()
    line.wait(line.submitted, 120)
    assert line.check() == {StudyStatus.COMPLETED: len(line.submitted)}
    assert sum(worker.idle_seconds() for worker in (*cnn, llm)) <= KILLS * IDLE_A_KILL
    consumed = queues_consumed(line)
    for stage, workers in ((Stage.CNN, cnn), (Stage.LLM, [llm])):
        own = {queue.queue_name(stage, priority) for priority in Priority}
        for worker in workers:
            assert consumed[worker.service.process.pid] == own


def test_a_worker_that_stands_idle_beside_work_counts_it(line: Line):
    worker = Watched(line, "worker_llm")
    worker.service.wait_until_ready()
    line.infra.kill("broker")
    try:
        wait_for(lambda: worker.idle_seconds() == 0, 30, "the metrics to be served")
        (study_id,) = line.submit(1, hint=False)
        classify(line.database, study_id)
        wait_for(lambda: worker.idle_seconds() > 0, 60, "the idle seconds to be counted")
        # However long the broker is away, it is asked for as often: back again, it is not left waiting.
        pauses = re.findall(r"Trying again in (\S+) seconds", worker.service.text())
        assert len(pauses) > 2
        assert set(pauses) == {"2.00"}
    finally:
        line.infra.start("broker")


def queues_consumed(line: Line) -> Mapping[int, set[str]]:
    """Listen for a while to what the processes ask the broker for; return the queues by process."""
    broker = queue.connect_broker(QueueSettings(url=line.infra.broker_url))
    asked: dict[str, set[str]] = defaultdict(set)
    with broker.monitor() as monitor:
        end = time.monotonic() + 5
        for command in monitor.listen():
            words = str(command["command"]).split()
            if words[0].upper() == "BRPOP":
                # Between the command and its time limit; kombu asks for priorities within a queue too.
                asked[command["client_port"]].update(name.partition("\\x06")[0] for name in words[1:-1])
            if time.monotonic() > end:
                break
    return {
        process.pid: set().union(*(asked[port] for port in _ports(process) & asked.keys()))
        for process in psutil.process_iter()
    }


def _ports(process: psutil.Process) -> set[str]:
    with contextlib.suppress(psutil.Error):
        return {str(connection.laddr.port) for connection in process.net_connections("tcp")}
    return set()
