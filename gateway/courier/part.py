"""The courier: takes what is owed from the outbox, and has it sent, a few deliveries a destination at a time.

Each destination has places of its own, one while it is away: one that is down, slow or hangs holds up no
other. Woken by Postgres when something is owed; it looks anyway now and then.
"""

import contextlib
import select
import socket
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from gateway.courier import senders
from gateway.courier.delivery import Deliverer
from gateway.courier.outcomes import AwayError
from shared.errors import TryAgainError
from shared.records import deliveries, destinations, outbox
from shared.records.deliveries import Claim
from shared.records.destinations import Target
from shared.records.listening import Listener
from shared.settings import DatabaseSettings

log = structlog.get_logger()

LEASE: Final = timedelta(seconds=20)
_RENEW_EVERY: Final = 5.0  # seconds
_LOOK_EVERY: Final = 1.0
_TIDY_EVERY: Final = 10.0
_PER_DESTINATION: Final = 4
_AT_ONCE: Final = 64
_DRAIN: Final = 15.0
"""Seconds that deliveries under way have at our end; another courier takes what is left."""


class Courier:
    """Delivers until it is stopped."""

    def __init__(self, deliverer: Deliverer, settings: DatabaseSettings) -> None:
        self._deliverer, self._settings = deliverer, settings
        self._database, self._manner = deliverer.database, deliverer.manner
        self._stopped = threading.Event()
        self._woken, self._wake = socket.socketpair()
        self._lock = threading.Lock()
        self._held: dict[UUID, Claim] = {}
        self._tested: set[UUID] = set()
        self._listener: Listener | None = None
        self._renewed = self._tidied = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, and wait for what is under way."""
        self._stopped.set()
        self._look_now()
        self._thread.join(_DRAIN)
        until = time.monotonic() + _DRAIN
        while self._held and time.monotonic() < until:
            time.sleep(0.05)
        self._wake.close()
        self._woken.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._tidy()
                self._take_tests()
                self._take()
            except TryAgainError as error:
                log.warning("courier.waits", error=type(error.__cause__ or error).__name__)
            except Exception as error:
                # Whatever it was, what is owed is to be sent: it is looked at again in a moment.
                log.exception("courier.broke", error=type(error).__name__)
            self._wait()
        if self._listener is not None:
            self._listener.close()

    def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._renewed >= _RENEW_EVERY:
            with self._lock:
                held = list(self._held.values())
            with self._database.session() as session:
                deliveries.renew(session, held, lease=LEASE)
            self._renewed = now
        if now - self._tidied >= _TIDY_EVERY:
            with self._database.session() as session:
                deliveries.give_up(session)
            self._tidied = now

    def _take(self) -> None:
        with self._database.session() as session:
            due = deliveries.due(session)
        for destination_id, failures in due:
            with self._lock:
                held = Counter(claim.destination_id for claim in self._held.values())
            places = (1 if failures else _PER_DESTINATION) - held[destination_id]
            places = min(places, _AT_ONCE - held.total())
            if places <= 0:
                continue
            with self._database.session() as session:
                claims = deliveries.claim(session, destination_id, most=places, lease=LEASE)
            for claim in claims:
                with self._lock:
                    self._held[claim.id] = claim
                threading.Thread(target=self._deliver, args=(claim,), name="delivery", daemon=True).start()

    def _deliver(self, claim: Claim) -> None:
        try:
            self._deliverer.deliver(claim)
        except TryAgainError as error:
            # Nothing could be written down: the lease runs out, and it is sent again.
            log.warning("delivery.lost", study_id=str(claim.study_id), error=type(error).__name__)
        finally:
            with self._lock:
                del self._held[claim.id]
            self._look_now()

    def _take_tests(self) -> None:
        with self._database.session() as session:
            asked = [one for one in destinations.tests_asked(session) if one.id not in self._tested]
        for target in asked:
            self._tested.add(target.id)
            threading.Thread(target=self._test, args=(target,), name="test", daemon=True).start()

    def _test(self, target: Target) -> None:
        try:
            try:
                answer, passed = senders.probe(target, self._manner), True
            except AwayError as error:
                answer, passed = str(error), False
            with self._database.session() as session:
                destinations.note_test(session, target.id, passed=passed, answer=answer)
        except Exception as error:
            log.exception("destination.untested", error=type(error).__name__)
        finally:
            self._tested.discard(target.id)

    def _wait(self) -> None:
        """Wait until something is owed, a place is free, or it is time to look anyway."""
        sources: list[socket.socket | Listener] = [self._woken]
        if self._listener is None or self._listener.lost:
            self._listener = self._listen()
        if self._listener is not None:
            sources.append(self._listener)
        ready, _, _ = select.select(sources, [], [], _LOOK_EVERY)
        if self._woken in ready:
            self._woken.recv(4096)
        if self._listener in ready and self._listener is not None:
            self._listener.receive()

    def _listen(self) -> Listener | None:
        if self._listener is not None:
            self._listener.close()
        try:
            return Listener(self._settings, outbox.CHANNEL, name="cxr-courier")
        except TryAgainError:
            return None

    def _look_now(self) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(b"!")
