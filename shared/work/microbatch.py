"""Many threads in, one device batch out.

A study that comes alone waits at most `max_wait`; while the device is busy with one batch, the next
one fills, so an archive runs in full batches without anybody having to plan them.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import Generic, TypeVar

from shared.errors import TryAgainError

Item = TypeVar("Item")
Result = TypeVar("Result")


class MicroBatcher(Generic[Item, Result]):
    """Gathers single calls from many threads into batches, run by one thread of its own.

    Args:
        run: takes up to `max_size` items and returns as many results, in the same order.
        max_wait: the longest that the first item of a batch waits for others.
        on_batch: told of every batch that was run: its size, and the seconds that it took.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        max_size: int,
        max_wait: timedelta,
        name: str,
        on_batch: Callable[[int, float], None] = lambda _size, _seconds: None,
    ) -> None:
        self._run = run
        self._max_size = max_size
        self._max_wait = max_wait.total_seconds()
        self._on_batch = on_batch
        self._waiting: list[tuple[int, int, Item, Future[Result]]] = []  # a heap: by rank, then as they came
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def __call__(self, item: Item, *, rank: int = 0) -> Result:
        """Run one item in a batch with others, and return its own result or raise its own error.

        Args:
            rank: a lower one goes into the next batch before those of a higher one.
        """
        future: Future[Result] = Future()
        with self._changed:
            if self._stopped:
                message = "the batcher has stopped"
                raise RuntimeError(message)
            heapq.heappush(self._waiting, (rank, next(self._numbers), item, future))
            self._changed.notify()
        return future.result()

    def stop(self) -> None:
        """Run what is waiting, take nothing more, and wait for the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._gather():
            started = time.monotonic()
            self._answer(batch)
            self._on_batch(len(batch), time.monotonic() - started)

    def _gather(self) -> list[tuple[Item, Future[Result]]]:
        with self._changed:
            while not self._waiting and not self._stopped:
                self._changed.wait()
            deadline = time.monotonic() + self._max_wait
            while len(self._waiting) < self._max_size and not self._stopped:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self._changed.wait(remaining)
            taken = [heapq.heappop(self._waiting) for _ in range(min(self._max_size, len(self._waiting)))]
            return [(item, future) for _, _, item, future in taken]

    def _answer(self, batch: list[tuple[Item, Future[Result]]]) -> None:
        try:
            results = self._run([item for item, _ in batch])
            if len(results) != len(batch):
                message = f"{len(batch)} items gave {len(results)} results"
                raise RuntimeError(message)  # noqa: TRY301  a wrong count is handled as any failed batch
        except TryAgainError as error:
            # What all of them need is away: asking for each alone would only ask it more often.
            for _, future in batch:
                future.set_exception(error)
            return
        except Exception as error:  # noqa: BLE001  it is handed to the thread whose item it was
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            # One item of the batch is to blame; its neighbours must not pay for it.
            for single in batch:
                self._answer([single])
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)
