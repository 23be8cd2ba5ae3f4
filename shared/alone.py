"""Runs one study's work at a time in a process of its own: whatever it does to that process ends there.

A worker that died leaves as many studies as it held, and each is to be tried alone. They stand in line for
one process: a process each would load as many models at once. It is kept while anybody stands in line, so
that a model is loaded once for all of them, and ends with the last.
"""

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, TimeoutError  # noqa: A004  pebble raises this one
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from shared.errors import CxrError, TryAgainError
from shared.orphans import die_with_parent

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class DiedAloneError(CxrError):
    """The work killed its own process, or did not end in time: the study's images are to blame."""

    code = "died-alone"


class LoneProcess:
    """A process for one study at a time; any number of threads stand in line for it."""

    def __init__(self, limit: timedelta) -> None:
        """Start nothing yet; one study's work may take `limit`, its time in line not counted."""
        self._limit = limit
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._in_line = 0
        self._pool: ProcessPool | None = None

    def run(
        self, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """Run `work` in the process and return its result, or raise its error.

        Args:
            work: a function at the top of a module, with arguments and a result that can be pickled.

        Raises:
            DiedAloneError: the process died or was killed at this work; the next in line gets a fresh one.
            TryAgainError: the process died before it had begun.
        """
        self._count(1)
        with self._turn:
            try:
                return self._run(work, *args, **kwargs)
            finally:
                if self._count(-1) == 0:
                    self._end()

    def _run(
        self, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        if self._pool is None or not self._pool.active:
            self._end()
            # spawn, not fork: the worker has threads, and a child with half of their locks would hang.
            self._pool = ProcessPool(
                max_workers=1, initializer=die_with_parent, context=multiprocessing.get_context("spawn")
            )
        future = self._pool.schedule(work, args=args, kwargs=kwargs, timeout=self._limit.total_seconds())
        try:
            result: Result = future.result()
        except ProcessExpired as error:
            message = f"the process of its own died (exit code {error.exitcode})"
            raise DiedAloneError(message) from error
        except BrokenProcessPool as error:
            message = "the process of its own died before it had begun"
            raise TryAgainError(message) from error
        except (TimeoutError, CancelledError) as error:
            message = f"the process of its own took longer than {self._limit.total_seconds():.0f} s"
            raise DiedAloneError(message) from error
        return result

    def _count(self, change: int) -> int:
        with self._counting:
            self._in_line += change
            return self._in_line

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None
