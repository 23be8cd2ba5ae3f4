"""What changed, told by Postgres: wakes long polls and event streams, and voids what was remembered.

One LISTEN connection a process, read by the event loop: a thousand waiting clients cost one
connection and no thread. When the connection is lost everybody is woken, looks again, and looks
once a second until it is back: nothing that happened meanwhile is missed.
"""

import asyncio
import contextlib
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, TypeVar
from uuid import UUID

import structlog

from api import metrics
from shared.domain.studies import StudyId, new_id
from shared.errors import TryAgainError
from shared.records import events, keys
from shared.records.database import Database
from shared.records.listening import PULSES, Listener, Notification, send_pulse
from shared.settings import DatabaseSettings

T = TypeVar("T")

RECONNECT_EVERY: Final = 0.5
"""Seconds between two attempts to reach Postgres again."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks at a study while the connection is away."""
PULSE_EVERY: Final = 1.0
PULSE_HOLDS: Final = 3.0
"""Seconds that a pulse is relied on: a network that fails in silence hides changes for no longer."""

log = structlog.get_logger()


class ChangeFeed:
    """One process's connection to what Postgres tells. All methods belong to the event loop."""

    def __init__(
        self,
        settings: DatabaseSettings,
        database: Database,
        *,
        on_keys_changed: Callable[[], None],
        on_study_changed: Callable[[StudyId], None],
        on_unknown: Callable[[], None],
    ) -> None:
        """Take what is told of changes.

        Args:
            on_unknown: anything may have changed while nobody listened.
        """
        self._settings = settings
        self._database = database
        self._on_keys_changed = on_keys_changed
        self._on_study_changed = on_study_changed
        self._on_unknown = on_unknown
        self._pulse = new_id().hex
        self._last_pulse = -math.inf
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.connected = False
        self.closing = False

    @property
    def hears_all(self) -> bool:
        """Whether every change is heard of right now, but for those of the last moments."""
        return self.connected and time.monotonic() - self._last_pulse < PULSE_HOLDS

    @property
    def waiters(self) -> int:
        """How many clients wait right now."""
        return sum(map(len, self._waiting.values()))

    @contextlib.contextmanager
    def watching(self, study_id: StudyId) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the study's timeline grows (or may have grown)."""
        change, name = asyncio.Event(), str(study_id)
        self._waiting[name].add(change)
        try:
            with metrics.WAITERS.track_inprogress():
                yield change
        finally:
            self._waiting[name].discard(change)
            if not self._waiting[name]:
                del self._waiting[name]

    async def until(
        self, study_id: StudyId, look: Callable[[], Awaitable[tuple[bool, T]]], *, seconds: float
    ) -> T:
        """Look at once and after every change, until `look` is content or the time is over.

        Args:
            look: returns whether the wait is over, and what was seen.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        with self.watching(study_id) as change:
            while True:
                change.clear()
                content, seen = await look()
                left = deadline - clock()
                if content or left <= 0 or self.closing:
                    return seen
                await self.next_change(change, seconds=left)

    async def next_change(self, change: asyncio.Event, *, seconds: float) -> None:
        """Wait for a change, or until it is time to look anyway."""
        timeout = seconds if self.connected else min(seconds, LOOK_EVERY)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(change.wait(), timeout)

    def close(self) -> None:
        """End all waits, each with what it sees now: the server stops."""
        self.closing = True
        self._wake_all()

    async def beat(self) -> None:
        """Send pulses for ever; cancelled at the end."""
        while True:
            with contextlib.suppress(TryAgainError):
                await asyncio.to_thread(self._send_pulse)
            await asyncio.sleep(PULSE_EVERY)

    def _send_pulse(self) -> None:
        with self._database.session() as session:
            send_pulse(session, self._pulse)

    async def run(self) -> None:
        """Listen for ever; cancelled at the end."""
        while True:
            try:
                listener = await asyncio.to_thread(
                    Listener, self._settings, events.CHANNEL, keys.CHANNEL, PULSES, name="cxr-api-feed"
                )
            except TryAgainError as error:
                log.debug("feed.unreachable", error=type(error.__cause__).__name__)
                await asyncio.sleep(RECONNECT_EVERY)
                continue
            try:
                await self._listen(listener)
            finally:
                self.connected = False
                self._last_pulse = -math.inf
                listener.close()
                self._on_keys_changed()
                self._on_unknown()
                self._wake_all()
            log.warning("feed.lost")

    async def _listen(self, listener: Listener) -> None:
        """Pass notifications on until the connection breaks."""
        loop = asyncio.get_running_loop()
        lost = loop.create_future()
        descriptor = listener.fileno()

        def read() -> None:
            came = listener.receive()
            if listener.lost:
                loop.remove_reader(descriptor)
                if not lost.done():
                    lost.set_result(None)
            self._pass_on(came)

        loop.add_reader(descriptor, read)
        self.connected = True
        log.info("feed.connected")
        # Whatever happened while nobody listened.
        self._on_keys_changed()
        self._on_unknown()
        self._wake_all()
        try:
            await lost
        finally:
            loop.remove_reader(descriptor)

    def _pass_on(self, came: Sequence[Notification]) -> None:
        for notification in came:
            if notification.channel == PULSES:
                if notification.payload == self._pulse:
                    self._last_pulse = time.monotonic()
                continue
            if notification.channel == keys.CHANNEL:
                self._on_keys_changed()
                self._wake_all()  # whoever waits with a key that is no more, waits no more
            elif notification.channel == events.CHANNEL:
                self._on_study_changed(StudyId(UUID(notification.payload)))
            for change in self._waiting.get(notification.payload, ()):
                change.set()

    def _wake_all(self) -> None:
        for changes in self._waiting.values():
            for change in changes:
                change.set()
