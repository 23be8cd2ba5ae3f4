"""Who gets a decoder next, with real threads."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from shared.domain.studies import Priority
from shared.errors import LeaseLostError
from worker_cnn import slots
from worker_cnn.slots import Slots, Ticket

SECONDS = 10.0


def nothing() -> None:
    """Find nothing wrong."""


class Crowd:
    """Threads that ask for a slot, each with a name, and hold it until they are told to leave."""

    def __init__(self, taken: Slots) -> None:
        self.slots = taken
        self.started: list[str] = []
        self._leave: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []

    def ask(self, name: str, priority: Priority, *, room: int = 0, burdened: bool = False) -> None:
        self._leave[name] = threading.Event()
        ticket = Ticket(priority, room, burdened)
        waiting = len(self.slots._waiting)
        thread = threading.Thread(target=self._hold, args=(name, ticket), daemon=True)
        self._threads.append(thread)
        thread.start()
        self.wait(lambda: name in self.started or len(self.slots._waiting) > waiting)

    def leave(self, *names: str) -> None:
        for name in names:
            self._leave[name].set()

    def wait(self, condition) -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, self.started
            time.sleep(0.005)

    def stop(self) -> None:
        self.leave(*self._leave)
        for thread in self._threads:
            thread.join(SECONDS)

    def _hold(self, name: str, ticket: Ticket) -> None:
        with self.slots.taken(ticket, nothing):
            self.started.append(name)
            self._leave[name].wait(60)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    waiting = Crowd(Slots(decoders=2, room=100))
    yield waiting
    waiting.stop()


def test_urgent_work_finds_a_slot_where_the_archive_fills_all_that_it_may(crowd: Crowd):
    for number in range(4):
        crowd.ask(f"archive {number}", Priority.ARCHIVE)
    crowd.ask("routine", Priority.ROUTINE)
    crowd.ask("urgent", Priority.URGENT)
    assert crowd.started == ["archive 0", "urgent"]


def test_those_that_wait_are_served_by_priority_and_then_as_they_came(crowd: Crowd):
    crowd.ask("first", Priority.ARCHIVE)
    crowd.ask("archive", Priority.ARCHIVE)
    crowd.ask("burdened", Priority.ROUTINE, burdened=True)
    crowd.ask("routine", Priority.ROUTINE)
    crowd.ask("later", Priority.ROUTINE)
    order = ["first", "routine", "later", "burdened", "archive"]
    for position, name in enumerate(order, 1):
        crowd.wait(lambda position=position: len(crowd.started) == position)
        crowd.leave(name)
    assert crowd.started == order


def test_files_at_work_share_the_room_and_small_ones_pass_a_large_one():
    crowd = Crowd(Slots(decoders=4, room=100))
    crowd.ask("half", Priority.ROUTINE, room=60)
    crowd.ask("large", Priority.ROUTINE, room=80)
    crowd.ask("small", Priority.ROUTINE, room=10)
    assert crowd.started == ["half", "small"]
    crowd.leave("half")
    crowd.wait(lambda: "large" in crowd.started)
    crowd.stop()


def test_a_large_file_is_not_passed_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slots, "PATIENCE_SECONDS", 0.0)
    crowd = Crowd(Slots(decoders=4, room=100))
    crowd.ask("half", Priority.ROUTINE, room=60)
    crowd.ask("large", Priority.ROUTINE, room=500)
    crowd.ask("small", Priority.ROUTINE, room=10)
    crowd.ask("urgent", Priority.URGENT, room=10)
    assert crowd.started == ["half", "urgent"]
    crowd.leave("half", "urgent")
    crowd.wait(lambda: "large" in crowd.started)
    assert "small" not in crowd.started
    crowd.stop()


def test_whose_work_is_wanted_no_more_leaves_the_line(crowd: Crowd):
    crowd.ask("first", Priority.ROUTINE)

    def check() -> None:
        message = "cancelled"
        raise LeaseLostError(message)

    with ExitStack() as stack, pytest.raises(LeaseLostError):
        stack.enter_context(crowd.slots.taken(Ticket(Priority.ROUTINE, 0), check))
    assert crowd.slots._waiting == []
    crowd.ask("second", Priority.ROUTINE)
    crowd.leave("first")
    crowd.wait(lambda: crowd.started == ["first", "second"])
