"""The batcher, with real threads."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.errors import TryAgainError
from shared.work.microbatch import MicroBatcher

SOON = timedelta(milliseconds=20)


def test_everybody_gets_the_answer_to_their_own_question():
    batcher = MicroBatcher[int, int](
        lambda items: [n * n for n in items], max_size=8, max_wait=SOON, name="t"
    )
    with ThreadPoolExecutor(32) as threads:
        assert list(threads.map(batcher, range(200))) == [n * n for n in range(200)]
    batcher.stop()


def test_what_waits_while_the_device_is_busy_goes_in_one_batch():
    sizes: list[int] = []
    busy, entered = threading.Event(), threading.Event()

    def run(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        entered.set()
        busy.wait(5)
        return items

    batcher = MicroBatcher[int, int](run, max_size=16, max_wait=timedelta(0), name="t")
    with ThreadPoolExecutor(20) as threads:
        first = threads.submit(batcher, 0)
        assert entered.wait(5)
        others = [threads.submit(batcher, n) for n in range(1, 17)]
        while len(batcher._waiting) < 16:
            time.sleep(0.001)
        busy.set()
        assert [future.result() for future in (first, *others)] == list(range(17))
    assert sizes == [1, 16]
    batcher.stop()


def test_a_poisoned_item_fails_alone_and_its_neighbours_are_answered():
    def run(items: Sequence[int]) -> Sequence[int]:
        if 3 in items:
            message = "three"
            raise ValueError(message)
        return items

    batcher = MicroBatcher[int, int](run, max_size=8, max_wait=SOON, name="t")
    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(batcher, n) for n in range(8)]
        with pytest.raises(ValueError, match="three"):
            futures[3].result()
        assert [future.result() for n, future in enumerate(futures) if n != 3] == [0, 1, 2, 4, 5, 6, 7]
    batcher.stop()


def test_a_runner_that_loses_an_item_is_an_error_and_not_a_wrong_answer():
    batcher = MicroBatcher[int, int](lambda items: items[:-1], max_size=1, max_wait=SOON, name="t")
    with pytest.raises(RuntimeError, match="1 items gave 0 results"):
        batcher(1)
    batcher.stop()


def test_stopping_answers_what_waits_and_takes_nothing_more():
    batcher = MicroBatcher[int, int](
        lambda items: items, max_size=4, max_wait=timedelta(seconds=30), name="t"
    )
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(batcher, 1)
        while not batcher._waiting:
            time.sleep(0.001)
        batcher.stop()
        assert waiting.result(timeout=5) == 1
    with pytest.raises(RuntimeError, match="stopped"):
        batcher(2)


def test_every_batch_is_told_of_with_its_size_and_seconds():
    told: list[tuple[int, float]] = []

    def slowly(items: Sequence[int]) -> list[int]:
        time.sleep(0.02)
        return list(items)

    batcher = MicroBatcher[int, int](
        slowly,
        max_size=4,
        max_wait=timedelta(seconds=5),
        name="test",
        on_batch=lambda size, seconds: told.append((size, seconds)),
    )
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(batcher, range(8))) == list(range(8))
    batcher.stop()
    assert [size for size, _ in told] == [4, 4]
    assert all(seconds >= 0.02 for _, seconds in told)


def test_a_batch_whose_server_is_away_is_not_asked_for_again_one_by_one():
    asked: list[int] = []

    def away(items: Sequence[int]) -> Sequence[int]:
        asked.append(len(items))
        raise TryAgainError

    batcher = MicroBatcher[int, int](away, max_size=4, max_wait=timedelta(seconds=5), name="test")
    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(batcher, number) for number in range(4)]
        assert all(isinstance(answer.exception(), TryAgainError) for answer in answers)
    assert asked == [4]


def test_what_is_urgent_goes_into_the_next_batch_before_what_came_earlier():
    batches: list[Sequence[str]] = []
    busy, entered = threading.Event(), threading.Event()

    def run(items: Sequence[str]) -> Sequence[str]:
        batches.append(items)
        entered.set()
        busy.wait(5)
        return items

    batcher = MicroBatcher[str, str](run, max_size=2, max_wait=timedelta(0), name="t")
    with ThreadPoolExecutor(8) as threads:
        threads.submit(batcher, "first")
        assert entered.wait(5)
        for number, (item, rank) in enumerate([("a", 2), ("b", 2), ("urgent", 0), ("c", 2)]):
            threads.submit(batcher, item, rank=rank)
            while len(batcher._waiting) <= number:
                time.sleep(0.001)
        busy.set()
    assert batches == [["first"], ["urgent", "a"], ["b", "c"]]
    batcher.stop()
