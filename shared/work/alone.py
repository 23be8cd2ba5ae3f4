"""Runs one study's work at a time in a process of its own: whatever it does to that process ends there.

A worker that died leaves as many studies as it held, and each is to be tried alone. There is one place for
them: a process each would load as many models at once, and a worker that dies again is to die with one such
study only, so that it is known which. While it is taken the others wait in the database; no thread does. The
process is kept for a while, so that the next study need not load the model again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, ParamSpec, TypeVar

from shared.errors import CxrError, TryAgainError
from shared.machine.processes import NotBegunError, ProcessDiedError, Processes

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_KEPT: Final = timedelta(seconds=30)


class DiedAloneError(CxrError):
    """The work killed its own process, or did not end in time: the study's images are to blame."""

    code = "died-alone"


class LoneProcess:
    """A process for one study at a time; any number of threads may ask for its place."""

    def __init__(self, limit: timedelta, *, kept: timedelta = _KEPT) -> None:
        """Start nothing yet; each call of `run` may take `limit`, and an idle process is `kept` so long."""
        self._limit, self._kept = limit, kept
        self._taken = threading.Lock()
        self._process: Processes | None = None
        self._end: threading.Timer | None = None

    @property
    def is_taken(self) -> bool:
        """Whether a study has its place just now."""
        return self._taken.locked()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Have the process for oneself until the block ends.

        Raises:
            TryAgainError: another study has it.
        """
        if not self._taken.acquire(blocking=False):
            message = "another study is being tried alone"
            raise TryAgainError(message)
        if self._end is not None:
            self._end.cancel()
        try:
            yield
        finally:
            self._end = threading.Timer(self._kept.total_seconds(), self._end_idle)
            self._end.daemon = True
            self._end.start()
            self._taken.release()

    def run(
        self,
        check: Callable[[], None],
        work: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Run `work` in the process and return its result, or raise its error; only within `place`.

        Args:
            check: called about every second; what it raises ends the work.
            work: a function at the top of a module, with arguments and a result that can be pickled.

        Raises:
            DiedAloneError: the process died or was killed at this work; the next study gets a fresh one.
            TryAgainError: the process died before it had begun.
        """
        if self._process is None:
            self._process = Processes(1)
        try:
            return self._process.run(self._limit.total_seconds(), check, work, *args, **kwargs)
        except ProcessDiedError as error:
            message = f"the process of its own died ({error})"
            raise DiedAloneError(message) from error
        except NotBegunError as error:
            message = "the process of its own died before it had begun"
            raise TryAgainError(message) from error
        except TimeoutError as error:
            message = f"the process of its own took longer than {self._limit.total_seconds():.0f} s"
            raise DiedAloneError(message) from error

    def _end_idle(self) -> None:
        if self._taken.acquire(blocking=False):
            try:
                self._stop()
            finally:
                self._taken.release()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None
