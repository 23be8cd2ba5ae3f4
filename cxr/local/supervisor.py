"""The process that keeps the parts running: `python -m cxr.local.supervisor`, started by `cxr up`.

It starts each part when what it needs is ready, starts it again when it dies, and on SIGTERM stops
all of them in reverse order. SIGHUP makes it look again at what was asked of it: the chosen models
(config.json) and the parts that are held (run/NAME.held). It sleeps until a signal wakes it, looks
at everything, and writes how its parts are into run/parts.json.
"""

import json
import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Final

from cxr.errors import StackError
from cxr.local.home import Home, find_home
from cxr.local.part import Launch, Part
from cxr.local.processes import ask_to_stop, exit_code, kill_left_behind, signal_group, start, stop
from cxr.local.services import all_parts
from cxr.local.state import load_state, write_private
from cxr.local.storage import remove_sockets

# How long (seconds) a part waits for its next start, by how often in a row it died at once: before
# it was ready, or right after.
_PAUSES: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_AT_ONCE_SECONDS: Final = 5.0
_FAILING_AFTER: Final = 3
_LOOK_SECONDS: Final = 1.0
_LOOK_OFTEN_SECONDS: Final = 0.1
LOG_BYTES: Final = 10_000_000


class PartState(StrEnum):
    """What `cxr status` says of a part."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILING = "failing"
    """It died at once three times in a row; it is still being tried."""


@dataclass(slots=True)
class Slot:
    """One part and how it is."""

    part: Part
    launch: Launch | None = None
    state: PartState = PartState.STARTING
    early_deaths: int = 0
    ready_at: float | None = None
    due: float = 0.0
    """The moment (monotonic seconds) from which it may be started."""
    stopping_since: float | None = None
    """When we asked it to stop; its end is then no death."""


class Supervisor:
    """The loop over the parts."""

    def __init__(self, home: Home) -> None:
        state = load_state(home.state)
        if state is None:
            message = f"{home.state} is missing: start the stack with `cxr up`"
            raise StackError(message)
        self._home = home
        self._log = home.log("supervisor")
        self._state = state
        self._slots = {part.name: Slot(part) for part in all_parts(home, state)}
        self._written = ""
        self._stop_asked = False
        self._look_asked = False

    def run(self) -> None:
        """Keep the parts running until SIGTERM, then stop them."""
        wake = self._listen()
        killed = kill_left_behind(self._home)
        if killed:
            _say("leftovers.killed", count=killed)
        while not self._stop_asked:
            if self._look_asked:
                self._look_asked = False
                self._reload()
            for slot in self._slots.values():
                self._attend(slot)
            self._write()
            _bound(self._log)
            self._sleep(wake)
        _say("supervisor.stopping")
        self._stop_all()

    def _listen(self) -> int:
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGHUP, self._on_signal)
        return reader

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop_asked = True
        elif number == signal.SIGHUP:
            self._look_asked = True

    def _sleep(self, wake: int) -> None:
        unsettled = any(
            slot.state in (PartState.STARTING, PartState.FAILING) or slot.stopping_since is not None
            for slot in self._slots.values()
        )
        readable, _, _ = select.select([wake], [], [], _LOOK_OFTEN_SECONDS if unsettled else _LOOK_SECONDS)
        if readable:
            os.read(wake, 4096)

    def _attend(self, slot: Slot) -> None:
        """Do what one part needs now."""
        if slot.launch is not None:
            code = exit_code(slot.launch)
            if code is not None:
                self._note_end(slot, code)
            elif slot.stopping_since is not None:
                if time.monotonic() - slot.stopping_since > slot.part.stop_seconds:
                    signal_group(slot.launch, signal.SIGKILL)
            elif slot.state is not PartState.RUNNING and not slot.part.once:
                self._note_ready(slot)
            _bound(slot.part.log)
        elif self._may_start(slot):
            self._start(slot)

    def _note_end(self, slot: Slot, code: int) -> None:
        slot.launch = None
        if slot.part.once and code == 0:
            slot.state = PartState.RUNNING
            _say("part.done", part=slot.part.name)
            return
        if slot.stopping_since is not None:
            slot.stopping_since = None
            slot.early_deaths = 0
            slot.state = PartState.STOPPED if self._is_held(slot) else PartState.STARTING
            _say("part.stopped", part=slot.part.name, code=code)
            return
        lived = slot.ready_at is not None and time.monotonic() - slot.ready_at > _AT_ONCE_SECONDS
        slot.early_deaths = 0 if lived else slot.early_deaths + 1
        slot.state = PartState.FAILING if slot.early_deaths >= _FAILING_AFTER else PartState.STARTING
        pause = _PAUSES[min(slot.early_deaths, len(_PAUSES) - 1)]
        slot.due = time.monotonic() + pause
        _say("part.died", part=slot.part.name, code=code, pause=pause)

    def _note_ready(self, slot: Slot) -> None:
        if slot.launch is not None and slot.part.ready(slot.launch):
            slot.state = PartState.RUNNING
            slot.ready_at = time.monotonic()
            _say("part.ready", part=slot.part.name)

    def _may_start(self, slot: Slot) -> bool:
        if slot.part.once and slot.state is PartState.RUNNING:
            return False
        if self._is_held(slot):
            slot.state = PartState.STOPPED
            return False
        if slot.state is PartState.STOPPED:
            slot.state = PartState.STARTING
        first = slot.due == 0.0
        if first and any(self._slots[name].state is not PartState.RUNNING for name in slot.part.needs):
            return False
        return time.monotonic() >= slot.due

    def _start(self, slot: Slot) -> None:
        slot.due = time.monotonic()
        slot.ready_at = None
        try:
            slot.launch = start(slot.part, self._home)
        except (OSError, StackError) as error:
            with suppress(OSError), slot.part.log.open("a") as log:
                log.write(f"cannot be started: {error}\n")
            self._note_end(slot, 1)
            return
        _say("part.started", part=slot.part.name, pid=slot.launch.pid)

    def _is_held(self, slot: Slot) -> bool:
        return self._home.held(slot.part.name).exists()

    def _reload(self) -> None:
        """Take up new settings and held parts; stop the parts that these change."""
        try:
            parts = all_parts(self._home, self._state)
        except (OSError, StackError) as error:  # config.json is broken, say: what runs goes on as it is
            _say("settings.refused", reason=str(error))
            return
        for part in parts:
            slot = self._slots[part.name]
            changed = part.environment != slot.part.environment
            if changed:
                slot.part = part
            if slot.launch is not None and (changed or self._is_held(slot)) and not slot.part.once:
                slot.state = PartState.STARTING
                slot.stopping_since = time.monotonic()
                ask_to_stop(slot.launch)

    def _stop_all(self) -> None:
        """Stop the services, and after them the servers that they need."""
        for services in (True, False):
            slots = [slot for slot in self._slots.values() if bool(slot.part.needs) is services]
            stop(slot.launch for slot in slots if slot.launch is not None)
            for slot in slots:
                slot.launch = None
                slot.state = PartState.STOPPED
            self._write()
        remove_sockets(self._state)
        _say("supervisor.stopped")

    def _write(self) -> None:
        parts = [
            {
                "name": slot.part.name,
                "pid": slot.launch.pid if slot.launch else None,
                "port": slot.part.port,
                "state": slot.state,
            }
            for slot in self._slots.values()
        ]
        text = json.dumps(
            {
                "supervisor": os.getpid(),
                "stopping": self._stop_asked,
                "port": self._state.ports.api,
                "parts": parts,
            }
        )
        if text != self._written:
            with suppress(OSError):  # a full disk: it is written when there is room again
                write_private(self._home.parts, text)
                self._written = text


def _bound(log: Path) -> None:
    """Keep a log below its bound: copied aside and emptied, for its process goes on writing to it.

    A log that somebody removed is short enough; what a full disk prevents is tried again at the next look.
    """
    with suppress(OSError):
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def _say(event: str, **values: str | float) -> None:
    line = {"event": event, **values, "timestamp": datetime.now(UTC).isoformat()}
    with suppress(OSError):  # better a line less than no stack
        print(json.dumps(line), flush=True)


def main() -> int:
    """Supervise the home that CXR_HOME names."""
    Supervisor(find_home()).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
