"""Counts the seconds in which a worker had nothing to do while work of its stage waited: always a fault."""

import threading
from datetime import timedelta
from typing import Final

from shared.domain.studies import Stage
from shared.errors import TryAgainError
from shared.operations import telemetry
from shared.records import waiting
from shared.records.database import Database
from shared.work.heartbeat import Heartbeat

PATIENCE: Final = timedelta(seconds=5)
"""How long a study may wait beside an idle worker: a lost hint is found and sent again sooner."""


class IdleWatch:
    """A thread that looks whether this worker stands idle beside work."""

    def __init__(self, database: Database, heartbeat: Heartbeat, stage: Stage) -> None:
        self._database, self._heartbeat, self._stage = database, heartbeat, stage
        self._counter = telemetry.IDLE.labels(stage)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="idle watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking, and wait for the thread."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(PATIENCE.total_seconds()):
            if self._heartbeat.idle_for() >= PATIENCE and self._work_waits():
                self._counter.inc(PATIENCE.total_seconds())

    def _work_waits(self) -> bool:
        try:
            with self._database.session() as session:
                return waiting.is_overdue(session, self._stage, since=PATIENCE)
        except TryAgainError:
            return False  # without Postgres there is no work to take
