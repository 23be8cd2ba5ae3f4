"""Finds lost work: `python -m shared.work.sweeper`.

Every second, under a lock so that one of several sweepers works at a time: studies whose lease ran
out are taken back and hinted at; open studies are closed when their quiet time is over; where the
broker's queue holds fewer hints than studies wait, hints were lost, and as many are sent again. It counts
the work now and then, and tidies up every minute, which erases what is kept no longer. It also keeps the
indexes of vectors.
"""

import math
import signal
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Final

import structlog
from celery import Celery
from redis import Redis, RedisError

from shared.domain.studies import Actor, ActorKind
from shared.errors import TryAgainError
from shared.operations import gauges, telemetry
from shared.records import (
    claims,
    expected,
    hl7,
    idempotency,
    leases,
    open_studies,
    pulling,
    retention,
    vector_indexes,
    waiting,
)
from shared.records.database import Database
from shared.records.erasure import collect
from shared.records.moves import Hint
from shared.settings import DatabaseSettings, QueueSettings, StorageSettings, TelemetrySettings
from shared.storage import Storage
from shared.work import queue

log = structlog.get_logger()

_SWEEPER: Final = Actor(ActorKind.SERVICE, "sweeper")
_ENOUGH_HINTS: Final = 1000
"""With so many in a queue no worker runs out of them before the next look, however many studies wait."""
_ON_ITS_WAY: Final = timedelta(seconds=2)
"""How long a study is left to the hint that whoever changed it sends."""
_COUNT_EVERY: Final = 15.0  # seconds
_TIDY_EVERY: Final = 60.0
_ERASED_AT_ONCE: Final = 500
"""Studies that retention takes a minute: 700,000 a day, while others are erased and collected too."""


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
    # In a thread of its own: an object store that hangs must not keep lost work from being found.
    threading.Thread(target=_tidy_until, args=(stopped, database, storage), name="tidy", daemon=True).start()
    threading.Thread(target=_index_until, args=(stopped,), name="index", daemon=True).start()
    counted = -math.inf
    while not stopped.wait(settings.sweep.total_seconds()):
        try:
            sweep(database, app, broker)
            if time.monotonic() - counted > _COUNT_EVERY:
                counted = time.monotonic()
                gauges.set_all(database)
        except (TryAgainError, RedisError) as error:
            log.warning("sweep.postponed", error=type(error).__name__)
    return 0


def sweep(database: Database, app: Celery, broker: Redis) -> int:
    """Take back what was lost, close what is quiet and hint at what waits; return how many hints were sent.

    Raises:
        TryAgainError: Postgres is away.
        redis.RedisError: the broker is away; leases that ran out are taken back all the same.
    """
    with database.session() as session:
        if not leases.begin_sweep(session):
            return 0
        recovered = claims.expire_leases(session, actor=_SWEEPER)
        closed = open_studies.end_quiet(session, actor=_SWEEPER)
    for stage, number in Counter(hint.stage for hint in recovered).items():
        telemetry.EXPIRED.labels(stage).inc(number)
        log.info("leases.expired", stage=stage, count=number)
    sent = _send(app, recovered, reason="lease-expired") + _send(app, closed, reason="closed")
    for (stage, priority), length in queue.queue_lengths(broker).items():
        with database.session() as session:
            overdue = waiting.count_overdue(session, stage, priority, since=_ON_ITS_WAY, most=_ENOUGH_HINTS)
        sent += _send(app, [Hint(stage, priority)] * (overdue - length), reason="waiting")
    return sent


def _tidy_until(stopped: threading.Event, database: Database, storage: Storage) -> None:
    """Erase what nobody needs any more, once a minute."""
    while True:
        try:
            if erased := retention.erase_due(database, limit=_ERASED_AT_ONCE):
                log.info("retention.erased", count=erased)
            collect(database, storage)
            with database.session() as session:
                idempotency.forget_old(session)
                expected.forget_expired(session)
                hl7.forget_old(session)
                pulling.forget_old(session)
        except TryAgainError as error:
            log.warning("tidying.postponed", error=type(error).__name__)
        except Exception as error:  # without this thread nothing would ever be erased again
            log.exception("tidying.failed", error=type(error).__name__)
        if stopped.wait(_TIDY_EVERY):
            return


def _index_until(stopped: threading.Event) -> None:
    """Make the indexes that vectors lack, and put into them what has come since: once a minute."""
    patient = Database(DatabaseSettings(), pool_size=1, longest_statement=None)
    while not stopped.is_set():
        try:
            vector_indexes.make_missing(patient)
            while vector_indexes.take_in(patient) and not stopped.is_set():
                pass
        except TryAgainError as error:
            log.warning("indexing.postponed", error=type(error).__name__)
        except Exception as error:  # without an index similar studies are found all the same, only slower
            log.exception("indexing.failed", error=type(error).__name__)
        stopped.wait(_TIDY_EVERY)


def _send(app: Celery, owed: list[Hint], *, reason: str) -> int:
    sent = queue.send_hints(app, owed)
    for hint in owed[:sent]:
        telemetry.HINTS.labels(hint.stage, reason).inc()
    return sent


if __name__ == "__main__":
    sys.exit(main())
