"""Who may use a decoder next: by priority, with one kept for urgent work and room in memory for all at work.

    slots = Slots(decoders=3, room=1_500_000_000)
    with slots.taken(Ticket(Priority.ARCHIVE, room=400_000_000), check):
        ...                                       # at most two archive files here, and one urgent one beside

A file that needs more room than is free waits, and smaller ones go on; but not for ever: after a while
nothing of its priority or a lower one passes it any more.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from shared.domain.studies import Priority

PATIENCE_SECONDS: Final = 10.0
_LOOK_AGAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a file asks for.

    Attributes:
        room: bytes that decoding it takes at most.
        burdened: whether its tenant's work goes behind others' of the same priority (`budgets.Accounts`).
    """

    priority: Priority
    room: int
    burdened: bool = False


@dataclass(frozen=True, slots=True)
class _Waiting:
    ticket: Ticket
    number: int
    since: float

    @property
    def place(self) -> tuple[int, bool, int]:
        return self.ticket.priority.rank, self.ticket.burdened, self.number


class Slots:
    """The decoders' slots, and the memory that the files at work may hold together."""

    def __init__(self, *, decoders: int, room: int) -> None:
        """Have all of them free.

        Args:
            decoders: how many there are; where there are several, one is kept for urgent files.
            room: bytes; a file that needs more gets all of it, and is then at work alone.
        """
        self._decoders, self._room = decoders, room
        self._free, self._free_room = decoders, room
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, ticket: Ticket, check: Callable[[], None]) -> Iterator[None]:
        """Wait for a slot and for room, and hold them until the block ends.

        Args:
            check: called about every second while the file waits; what it raises ends the wait.
        """
        room = min(ticket.room, self._room)
        with self._changed:
            self._wait(ticket, check)
            self._free -= 1
            self._free_room -= room
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._free_room += room
                self._changed.notify_all()

    def _wait(self, ticket: Ticket, check: Callable[[], None]) -> None:
        waiting = _Waiting(ticket, next(self._numbers), time.monotonic())
        self._waiting.append(waiting)
        try:
            while self._next() is not waiting:
                self._changed.wait(_LOOK_AGAIN_SECONDS)
                check()
        finally:
            self._waiting.remove(waiting)
            self._changed.notify_all()

    def _next(self) -> _Waiting | None:
        """Return who may start now."""
        for waiting in sorted(self._waiting, key=lambda one: one.place):
            kept = 1 if self._decoders > 1 and waiting.ticket.priority is not Priority.URGENT else 0
            if self._free <= kept:
                continue
            if min(waiting.ticket.room, self._room) <= self._free_room:
                return waiting
            if time.monotonic() - waiting.since > PATIENCE_SECONDS:
                return None
        return None
