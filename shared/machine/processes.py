"""Processes that do dangerous work for a worker: what becomes of one costs the call at hand and no more.

Each is started fresh (spawn: no signal handler, thread, lock or connection of the worker comes along) and
dies with the worker. This is the one place that knows pebble, whose pool gives up when an idle process is
killed; here the next call starts another.
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Final, ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from shared.errors import TryAgainError
from shared.machine.orphans import die_with_parent

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_LOOK_AGAIN_SECONDS: Final = 1.0


class ProcessDiedError(Exception):
    """The process died at the call, by itself or by a signal."""

    def __init__(self, exit_code: int) -> None:
        """Say how: a negative code is a signal's number."""
        super().__init__(f"exit code {exit_code}")
        self.exit_code = exit_code


class NotBegunError(Exception):
    """The process died before it had begun with the call."""


class Processes:
    """A fixed number of processes that any number of threads share.

    Make them in a thread that lives as long as they: on Linux they die with that thread.
    """

    def __init__(
        self,
        number: int,
        *,
        set_up: Callable[..., object] | None = None,
        arguments: tuple[object, ...] = (),
        calls_each: int = 0,
    ) -> None:
        """Start them.

        Args:
            set_up: importable function that each process calls first, with `arguments`.
            calls_each: a process is replaced after so many calls; 0 is never.

        Raises:
            TryAgainError: they cannot be started.
        """
        self._number, self._calls_each = number, calls_each
        self._set_up = (set_up, arguments)
        self._lock = threading.Lock()
        self._stopped = False
        self._pool = self._start()

    def run(
        self,
        seconds: float,
        check: Callable[[], None],
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Run an importable function in a process and wait for what it returns or raises.

        Args:
            seconds: it may take so long by the clock.
            check: called about every second; when it raises, the process is killed.

        Raises:
            ProcessDiedError: the process died.
            NotBegunError: an idle process died, and the calls that waited are given up.
            TimeoutError: it took longer, and its process was killed.
            TryAgainError: the processes are stopping, or cannot be started.
            Exception: whatever `check` raises.
        """
        try:
            future = self._schedule(seconds, function, args, kwargs)
            # Not future.result(timeout): its TimeoutError could not be told from the process's.
            while not wait([future], timeout=_LOOK_AGAIN_SECONDS).done:
                try:
                    self._refuse_if_stopped()
                    check()
                except BaseException:
                    future.cancel()  # pebble kills the process of a future that is cancelled
                    raise
            return future.result()
        except ProcessExpired as expired:
            raise ProcessDiedError(expired.exitcode) from expired
        except (BrokenProcessPool, CancelledError) as error:
            raise NotBegunError from error

    def stop(self) -> None:
        """End them all, for good; calls under way are given up with a TryAgainError."""
        with self._lock:
            self._stopped = True
            self._pool.stop()
            self._pool.join()

    def _schedule(
        self,
        seconds: float,
        function: Callable[..., Result],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> Future[Result]:
        with self._lock:
            self._refuse_if_stopped()
            if not self._pool.active:
                self._pool.stop()
                self._pool.join()
                self._pool = self._start()
            future: Future[Result] = self._pool.schedule(function, args=args, kwargs=kwargs, timeout=seconds)
            return future

    def _start(self) -> ProcessPool:
        pool = ProcessPool(
            max_workers=self._number,
            max_tasks=self._calls_each,
            initializer=_begin,
            initargs=self._set_up,
            context=get_context("spawn"),
        )
        if not pool.active:  # asking starts the processes
            message = "the processes cannot be started"
            raise TryAgainError(message)
        return pool

    def _refuse_if_stopped(self) -> None:
        if self._stopped:
            message = "the processes are stopping"
            raise TryAgainError(message)


def _begin(set_up: Callable[..., object] | None, arguments: tuple[object, ...]) -> None:
    die_with_parent()
    if set_up is not None:
        set_up(*arguments)
