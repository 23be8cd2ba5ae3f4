"""Keeps a worker's leases alive: one thread a process renews all of them in one statement."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog

from shared.domain.studies import LeaseToken, StudyId
from shared.errors import LeaseLostError
from shared.records import claims, leases
from shared.records.claims import Claim
from shared.records.database import Database
from shared.settings import QueueSettings

log = structlog.get_logger()


class Heartbeat:
    """The leases that this process holds, and the thread that renews them."""

    def __init__(self, database: Database, settings: QueueSettings) -> None:
        self._database = database
        self._settings = settings
        self._held: dict[StudyId, Claim] = {}
        self._lost: set[tuple[StudyId, LeaseToken]] = set()
        self._idle_since = time.monotonic()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        """Renew the lease until the block ends."""
        study_id = claim.study_id
        with self._lock:
            self._held[study_id] = claim
        try:
            yield
        finally:
            with self._lock:
                # A later claim of the same study by this very process is not ours to drop.
                if self._held.get(study_id) == claim:
                    del self._held[study_id]
                    self._idle_since = time.monotonic()
                self._lost.discard((study_id, claim.token))

    def idle_for(self) -> timedelta:
        """Return how long nothing has been held."""
        with self._lock:
            return timedelta(seconds=0 if self._held else time.monotonic() - self._idle_since)

    def check(self, study_id: StudyId, token: LeaseToken) -> None:
        """Spare the rest of the work when the study is gone (cancelled, or held by another).

        Raises:
            LeaseLostError: the last heartbeat found the lease lost.
        """
        with self._lock:
            lost = (study_id, token) in self._lost
        if lost:
            message = "the lease was lost; the study was cancelled or another worker holds it"
            raise LeaseLostError(message)

    def give_back(self, *, why: str) -> int:
        """Give every held study back unharmed, to be hinted at at once; return how many there were.

        What the work on them still writes is refused: the lease is gone.

        Raises:
            TryAgainError: Postgres is away; the leases that are left run out by themselves.
        """
        with self._lock:
            held = list(self._held.values())
        given = 0
        for claim in held:
            with suppress(LeaseLostError), self._database.session() as session:
                claims.release(session, claim, after=timedelta(0), why=why)
                given += 1
        return given

    def stop(self) -> None:
        """Stop renewing, and wait for the thread."""
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.wait(self._settings.heartbeat.total_seconds()):
            with self._lock:
                held = {study_id: claim.token for study_id, claim in self._held.items()}
            try:
                with self._database.session() as session:
                    lost = leases.renew(session, held, lease=self._settings.lease)
            except Exception as error:  # noqa: BLE001  without a heart this process would work in vain for ever
                # The next beat tries again; three beats fit into one lease.
                log.warning("heartbeat.missed", studies=len(held), error=type(error).__name__)
                continue
            with self._lock:
                self._lost.update((study_id, held[study_id]) for study_id in lost)
