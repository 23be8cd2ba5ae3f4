"""Child processes that work on files, so that a codec's crash, hang or hunger costs one file and no more.

A child loads no model, may use so much memory and so much processor time a file, and is replaced after so
many files, since codecs leak. It dies with the worker, and when its work is wanted no more.

Processor time, not the clock: on a busy machine an honest file takes longer by the clock, and only by that.
"""

import math
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

from shared.errors import BrokenImageError, CxrError, TooLargeError, TryAgainError
from shared.machine.processes import NotBegunError, ProcessDiedError, Processes

Result = TypeVar("Result")

_CRASHES: Final = frozenset(
    {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL, -signal.SIGTRAP}
)
"""Signals by which a child ends of its own doing, as does one that exits; others (SIGKILL, SIGTERM) come from
outside, and SIGKILL also from the kernel when the file takes too much memory."""
_TRIES: Final = 3
_FILES_PER_CHILD: Final = 500
_MEMORY_BYTES: Final = 4 * 1024**3
SPARE_SECONDS: Final = 60.0
_WALL_TO_PROCESSOR: Final = 4
"""A file may take so many times its processor time by the clock, and the spare seconds: for what sleeps,
and wide enough for an honest file on a machine that is busy with other things."""


class DecoderKilledError(CxrError):
    """The decoder was killed at every try: the file takes more memory than there is, or somebody kills it."""

    code = "decoder-killed"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a child works on a file.

    Attributes:
        processor_time: most that the file may use.
        memory_bytes: most memory that the child may ask for meanwhile, where the pool allows as much.
        check: called about every second while the file is worked on; what it raises kills the child.
        charge: told the seconds of processor time that the file used, whatever came of it.
    """

    processor_time: timedelta = timedelta(seconds=30)
    memory_bytes: int = _MEMORY_BYTES
    check: Callable[[], None] = lambda: None
    charge: Callable[[float], None] = lambda _seconds: None


_USUAL: Final = Terms()


@dataclass(frozen=True, slots=True)
class _Metered(Generic[Result]):
    """What a child did: its result or its error, and the processor time that it took."""

    result: Result | None
    error: Exception | None
    seconds: float


class ChildPool:
    """A fixed number of child processes that any number of threads share.

    Make it in a thread that lives as long as the pool: on Linux the children die with that thread.
    """

    def __init__(
        self, *, workers: int, set_up: Callable[[], object], memory_bytes: int = _MEMORY_BYTES
    ) -> None:
        """Start the processes.

        Args:
            set_up: importable function that each child calls once; what its module imports is loaded then.
            memory_bytes: most memory that a child may ask for, over what it has when it starts.
        """
        self._processes = Processes(
            workers,
            set_up=_prepare_child,
            arguments=(set_up, memory_bytes),
            calls_each=_FILES_PER_CHILD,
        )

    def call(
        self,
        function: Callable[..., Result],
        *arguments: object,
        file: str,
        terms: Terms = _USUAL,
        **options: object,
    ) -> Result:
        """Run an importable function in a child and wait for what it returns or raises.

        Args:
            file: the client's name of the file at hand, for errors.

        Raises:
            BrokenImageError: the child crashed, or did not end.
            TooLargeError: the file took more processor time than it may.
            DecoderKilledError: a child was killed each time that it was at this file.
            TryAgainError: the pool is stopping, or its idle children are killed again and again.
            Exception: whatever `terms.check` raises.
        """
        killed_at_work = 0
        for _ in range(_TRIES):
            try:
                return self._metered(function, arguments, options, terms)
            except TimeoutError:
                message = f"reading the file did not end within {_by_the_clock(terms):g} s"
                raise BrokenImageError(message, file=file) from None
            except ProcessDiedError as died:
                if died.exit_code == -signal.SIGXCPU:
                    message = (
                        f"reading the file takes more than {terms.processor_time.total_seconds():g} s of"
                        " processor time. Export it again: smaller, or in a simpler encoding"
                    )
                    raise TooLargeError(message, file=file) from None
                if died.exit_code >= 0 or died.exit_code in _CRASHES:
                    message = "the file is corrupt: it crashed its decoder"
                    raise BrokenImageError(message, file=file) from None
                killed_at_work += 1
            except NotBegunError:
                continue
        if killed_at_work == _TRIES:
            message = "the decoder was killed every time that it read the file"
            raise DecoderKilledError(message)
        message = "the decoder's processes are killed from outside"
        raise TryAgainError(message)

    def stop(self) -> None:
        """End all children; files at work are given up with a TryAgainError."""
        self._processes.stop()

    def _metered(
        self,
        function: Callable[..., Result],
        arguments: tuple[object, ...],
        options: dict[str, object],
        terms: Terms,
    ) -> Result:
        """Run a function in a child, charge for what it used, and return its result or raise its error."""
        limit = terms.processor_time.total_seconds()
        started, used = time.monotonic(), limit
        try:
            done = self._processes.run(
                _by_the_clock(terms),
                terms.check,
                _meter,
                limit,
                terms.memory_bytes,
                function,
                arguments,
                options,
            )
            used = done.seconds
        finally:
            # A child that died cannot say what it used: at most what went by on the clock.
            terms.charge(min(used, time.monotonic() - started))
        if done.error is not None:
            raise done.error
        return cast("Result", done.result)


def _by_the_clock(terms: Terms) -> float:
    return terms.processor_time.total_seconds() * _WALL_TO_PROCESSOR + SPARE_SECONDS


def _meter(
    limit: float,
    memory_bytes: int,
    function: Callable[..., Result],
    arguments: tuple[object, ...],
    options: dict[str, object],
) -> _Metered[Result]:
    """Run a function in this child; the kernel ends the child when the function uses too much (SIGXCPU)."""
    _limit_memory(memory_bytes)
    started = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(started + limit), hard))
    try:
        return _Metered(function(*arguments, **options), None, time.process_time() - started)
    except Exception as error:  # noqa: BLE001  it is raised again where the function was asked for
        return _Metered(None, error, time.process_time() - started)


def _prepare_child(set_up: Callable[[], object], memory_bytes: int) -> None:
    """Set up a child: how it ends, what it may use."""
    # C code does not come back to Python's handlers: only the default action ends a codec that hangs.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold a patient's image
    set_up()
    if sys.platform == "linux":
        limit = _memory_now() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _limit_memory(memory_bytes: int) -> None:
    """Let this child ask for so much memory over what it has now, and no more than it may ask for at all."""
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (min(hard, _memory_now() + memory_bytes), hard))


def _memory_now() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()
