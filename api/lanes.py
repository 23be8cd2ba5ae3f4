"""Threads of their own for whatever waits on a server that may hang.

A server that hangs takes the threads of its lane, all of them at worst, and none that another route needs.
Whoever waits for the lane is answered 503 in time. A thread comes back when the server's client gives up.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from api.problems import unavailable

T = TypeVar("T")


class Lane:
    """A few threads, and callers that wait no longer than they say."""

    def __init__(self, name: str, *, threads: int) -> None:
        self._name = name
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name.replace(" ", "-"))

    async def run(self, work: Callable[[], T], *, seconds: float) -> T:
        """Do blocking work in a thread of the lane, and return what it returns.

        Args:
            seconds: for a free thread and the work together; work that has begun by then is left to end.

        Raises:
            ProblemError: 503, it took too long.
        """
        done = self._threads.submit(work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(done), seconds)
        except TimeoutError as error:
            message = f"{self._name} did not answer in time"
            raise unavailable(message) from error

    def close(self) -> None:
        """Take nothing more; what is under way ends by its own limits."""
        self._threads.shutdown(wait=False, cancel_futures=True)
