"""Finds lost work: `python -m shared.sweeper`.

Every second, under a lock so that one of several sweepers works at a time: studies whose lease ran
out are taken back and hinted at; waiting studies that were hinted at long ago are hinted at again,
while the broker's queue is shorter than the number that waits. Every minute it tidies up.
"""

import signal
import sys
import threading
import time
from collections import Counter
from typing import Final

import structlog
from celery import Celery
from redis import Redis, RedisError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import hints, queue, studies, telemetry
from shared.collector import collect, forget_idempotency_keys
from shared.database import Database
from shared.domain import Priority, Stage
from shared.errors import TryAgainError
from shared.settings import DatabaseSettings, QueueSettings, StorageSettings, TelemetrySettings
from shared.storage import Storage
from shared.studies import Hint

log = structlog.get_logger()

_LOCK: Final = 0x53574550  # "SWEP": its own number among the advisory locks
_MOST_HINTS: Final = 1000
_TIDY_SECONDS: Final = 60


def main() -> int:
    """Sweep until SIGTERM."""
    telemetry.configure("sweeper", TelemetrySettings())
    settings = QueueSettings()
    database = Database(DatabaseSettings(), pool_size=2)
    storage = Storage(StorageSettings())
    app = queue.create_app("sweeper", settings)
    broker = queue.connect_broker(settings)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    log.info("worker.ready")
    tidied = 0.0
    while not stopped.wait(settings.sweep.total_seconds()):
        try:
            sweep(database, app, broker)
            if time.monotonic() - tidied > _TIDY_SECONDS:
                tidied = time.monotonic()
                collect(database, storage)
                forget_idempotency_keys(database)
        except (TryAgainError, RedisError) as error:
            log.warning("sweep.postponed", error=type(error).__name__)
    return 0


def sweep(database: Database, app: Celery, broker: Redis) -> int:
    """Take back what was lost and hint at what waits; return how many hints were sent.

    Raises:
        TryAgainError: Postgres is away.
        redis.RedisError: the broker is away; leases that ran out are taken back all the same.
    """
    with database.session() as session:
        waiting = _count(session)
        if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return 0
        recovered = studies.expire_leases(session)
    for stage, number in Counter(hint.stage for hint in recovered).items():
        telemetry.EXPIRED.labels(stage).inc(number)
        log.info("leases.expired", stage=stage, count=number)
    sent = _send(app, recovered, reason="lease-expired")
    lengths = queue.queue_lengths(broker)
    for (stage, priority), number in waiting.items():
        # As many hints as studies wait already lie in the queue: more would only multiply a backlog.
        room = min(number - lengths[stage, priority], _MOST_HINTS)
        if room > 0:
            sent += _send(app, _due(database, stage, priority, room), reason="waiting")
    return sent


def _count(session: Session) -> dict[tuple[Stage, Priority], int]:
    """Count the work that there is, for operators and for the hints that follow."""
    waiting = hints.count_waiting(session)
    for (stage, priority), number in waiting.items():
        telemetry.WAITING.labels(stage, priority).set(number)
    for stage, number in hints.count_running(session).items():
        telemetry.RUNNING.labels(stage).set(number)
        telemetry.OLDEST.labels(stage).set(hints.longest_wait(session, stage).total_seconds())
    return waiting


def _due(database: Database, stage: Stage, priority: Priority, room: int) -> list[Hint]:
    with database.session() as session:
        return hints.due_hints(session, stage, priority, limit=room)


def _send(app: Celery, owed: list[Hint], *, reason: str) -> int:
    sent = queue.send_hints(app, owed)
    for hint in owed[:sent]:
        telemetry.HINTS.labels(hint.stage, reason).inc()
    return sent


if __name__ == "__main__":
    sys.exit(main())
