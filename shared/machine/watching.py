"""Waiting for a child process, and ending it when its work is wanted no more."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, TypeVar

Result = TypeVar("Result")

LOOK_AGAIN_SECONDS: Final = 1.0


def result_of(future: Future[Result], check: Callable[[], None]) -> Result:
    """Wait for a future of a process pool, and return its result or raise its error.

    Args:
        check: called about every second; when it raises, the child is killed.
    """
    # Not future.result(timeout): its TimeoutError could not be told from the child's.
    while not wait([future], timeout=LOOK_AGAIN_SECONDS).done:
        try:
            check()
        except BaseException:
            future.cancel()  # pebble kills the child of a future that is cancelled
            raise
    return future.result()
