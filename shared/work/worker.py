"""How both workers run: a Celery worker with threads that says when it is ready and stops warmly.

SIGTERM: it takes nothing more, finishes what it holds, and leaves. What is not finished within the drain is
given back, so that another worker goes on with it at once and nobody waits for a lease to run out.
"""

import os
import threading
import warnings
from datetime import timedelta

import structlog
from celery import Celery
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # the stubs forgot it
from celery.signals import setup_logging, worker_ready, worker_shutting_down

from shared.errors import TryAgainError
from shared.work.heartbeat import Heartbeat
from shared.work.lanes import Lanes

log = structlog.get_logger()


def run(app: Celery, lanes: Lanes, *, concurrency: int, heartbeat: Heartbeat, drain: timedelta) -> int:
    """Work until SIGTERM, finish what was begun, and return the exit code."""

    def say_ready(**_: object) -> None:
        log.info("worker.ready", threads=concurrency)

    def say_stopping(**_: object) -> None:
        log.info("worker.stopping")
        lanes.close()
        threading.Thread(target=give_up, name="drain", daemon=True).start()

    def give_up() -> None:
        if finished.wait(drain.total_seconds()):
            return
        try:
            log.warning("worker.drained", studies=heartbeat.give_back(why="the worker stopped"))
        except TryAgainError as error:
            log.warning("worker.drained", error=type(error).__name__)
        # A thread that is inside a codec or a model cannot be ended in any other way.
        os._exit(0)

    finished = threading.Event()

    # Celery would warn of root, since a pickled message could run code as root; ours are JSON only.
    warnings.simplefilter("ignore", SecurityWarning)
    setup_logging.connect(_keep_our_logging, weak=False)
    worker_ready.connect(say_ready, weak=False)
    worker_shutting_down.connect(say_stopping, weak=False)
    worker = app.Worker(
        pool="threads",
        concurrency=concurrency,
        quiet=True,
        # Gossip and mingle are talk between workers, which here have nothing to say to each other.
        without_gossip=True,
        without_mingle=True,
    )
    lanes.start()
    worker.start()
    lanes.join()
    finished.set()
    return int(worker.exitcode or 0)


def _keep_our_logging(**_: object) -> None:
    """A receiver of this signal is what tells Celery that logging is set up already."""
