"""Child processes that work on files, so that a codec's crash, hang or hunger costs one file and no more.

A child is started fresh (spawn: no signal handler, thread or connection of the worker comes along),
loads no model, may use so much memory, and is replaced after so many files, since codecs leak. It dies
with the worker.
"""

import resource
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Final, TypeVar

from pebble import ProcessExpired, ProcessPool

from shared.errors import BrokenImageError, CxrError, TryAgainError
from shared.orphans import die_with_parent

Result = TypeVar("Result")

_CRASHES: Final = frozenset(
    {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL, -signal.SIGTRAP}
)
"""Signals by which a child ends of its own doing, as does one that exits; others (SIGKILL, SIGTERM) come from
outside, and SIGKILL also from the kernel when the file takes too much memory."""
_TRIES: Final = 3
_FILES_PER_CHILD: Final = 500
_MEMORY_BYTES: Final = 4 * 1024**3
_LOOK_AGAIN_SECONDS: Final = 1.0


class DecoderKilledError(CxrError):
    """The decoder was killed at every try: the file takes more memory than there is, or somebody kills it."""

    code = "decoder-killed"


class ChildPool:
    """A fixed number of child processes that any number of threads share.

    Make it in a thread that lives as long as the pool: on Linux the children die with that thread.
    """

    def __init__(
        self,
        *,
        workers: int,
        set_up: Callable[[], object],
        limit: timedelta,
        memory_bytes: int = _MEMORY_BYTES,
    ) -> None:
        """Start the processes.

        Args:
            set_up: importable function that each child calls once; what its module imports is loaded then.
            limit: longest time that one file may take.
            memory_bytes: most memory that a child may ask for, over what it has when it starts.
        """
        self._workers, self._limit = workers, limit
        self._set_up, self._memory_bytes = set_up, memory_bytes
        self._lock = threading.Lock()
        self._stopped = False
        self._pool = self._start()

    def call(
        self, function: Callable[..., Result], *arguments: object, file: str, **options: object
    ) -> Result:
        """Run an importable function in a child and wait for what it returns or raises.

        Args:
            file: the client's name of the file at hand, for errors.

        Raises:
            BrokenImageError: the child crashed, or the file took longer than the limit.
            DecoderKilledError: a child was killed each time that it was at this file.
            TryAgainError: the pool is stopping, or its idle children are killed again and again.
        """
        killed_at_work = 0
        for _ in range(_TRIES):
            try:
                return self._wait(self._schedule(function, arguments, options))
            except TimeoutError:
                message = f"reading the file took longer than {self._limit.total_seconds():g} s"
                raise BrokenImageError(message, file=file) from None
            except ProcessExpired as expired:
                if expired.exitcode >= 0 or expired.exitcode in _CRASHES:
                    message = "the file is corrupt: it crashed its decoder"
                    raise BrokenImageError(message, file=file) from None
                killed_at_work += 1
            except (BrokenProcessPool, CancelledError):
                # An idle child was killed: pebble gives up the pool; the next try starts another.
                continue
        if killed_at_work == _TRIES:
            message = "the decoder was killed every time that it read the file"
            raise DecoderKilledError(message)
        message = "the decoder's processes are killed from outside"
        raise TryAgainError(message)

    def stop(self) -> None:
        """End all children; files at work are given up with a TryAgainError."""
        with self._lock:
            self._stopped = True
            self._pool.stop()
            self._pool.join()

    def _start(self) -> ProcessPool:
        pool = ProcessPool(
            max_workers=self._workers,
            max_tasks=_FILES_PER_CHILD,
            initializer=_prepare_child,
            initargs=(self._set_up, self._memory_bytes),
            context=get_context("spawn"),
        )
        if not pool.active:  # asking starts the children
            message = "the decoder's processes cannot be started"
            raise TryAgainError(message)
        return pool

    def _schedule(
        self, function: Callable[..., Result], arguments: tuple[object, ...], options: dict[str, object]
    ) -> Future[Result]:
        with self._lock:
            if self._stopped:
                message = "the decoder is stopping"
                raise TryAgainError(message)
            if not self._pool.active:
                self._pool.stop()
                self._pool.join()
                self._pool = self._start()
            future: Future[Result] = self._pool.schedule(
                function, args=arguments, kwargs=options, timeout=self._limit.total_seconds()
            )
            return future

    def _wait(self, future: Future[Result]) -> Result:
        # Not future.result(timeout): its TimeoutError could not be told from the child's.
        while not wait([future], timeout=_LOOK_AGAIN_SECONDS).done:
            if self._stopped:
                message = "the decoder is stopping"
                raise TryAgainError(message)
        return future.result()


def _prepare_child(set_up: Callable[[], object], memory_bytes: int) -> None:
    """Set up a child: how it ends, what it may use."""
    # C code does not come back to Python's handlers: only the default action ends a codec that hangs.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold a patient's image
    set_up()
    die_with_parent()
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
