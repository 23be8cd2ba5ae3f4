"""Work in several threads, a bounded number of items ahead."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def each_done(
    pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], *, ahead: int
) -> Iterator[Future[R]]:
    """Give the pool so many items at a time; yield each as it ends."""
    running: set[Future[R]] = set()
    for item in items:
        running.add(pool.submit(work, item))
        if len(running) >= ahead:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from ended
    while running:
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        yield from ended
