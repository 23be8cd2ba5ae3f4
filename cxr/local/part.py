"""What a part of the stack is: a command, its environment, and how one tells that it is ready."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cxr.local.account import Account


@dataclass(frozen=True, slots=True)
class Part:
    """One long-running process (and its children)."""

    name: str
    command: tuple[str, ...]
    log: Path
    ready: Callable[["Launch"], bool]
    """Called again and again, quick to answer, raises nothing."""
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    account: Account | None = None
    """The user to run as; None for our own."""
    port: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10
    """How long the part may take to stop by itself."""
    before: Callable[[], None] = lambda: None
    """What has to be in place before each start."""
    needs: tuple[str, ...] = ()
    """The parts that must be ready before this one's first start."""
    once: bool = False
    """Does its work and ends; it is ready when it has ended well."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a part."""

    part: Part
    pid: int
    log_offset: int
    """Where in the log file this start's lines begin."""

    def logged(self, text: bytes) -> bool:
        """Tell whether this start has written `text` into its log; one that was removed is empty."""
        try:
            with self.part.log.open("rb") as log:
                log.seek(self.log_offset)
                return text in log.read()
        except OSError:
            return False
