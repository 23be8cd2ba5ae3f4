"""Images a second through the MicroBatcher, from many threads and from one.

References: the same model called directly with one image at a time, and with full batches: what batching
could bring, and what the batcher takes of it.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from bench.measure import Comparison, Options, alternate, compare, core_count
from bench.originals import samples
from bench.results import Breakdown, Result
from shared.bundles import load_bundle
from shared.settings import ModelSettings
from shared.work.microbatch import MicroBatcher
from worker_cnn.decoding import prepare
from worker_cnn.runtime import ImageOutput, Model, load_model

NAME: Final = "microbatch"
Images = NDArray[np.float32]


@dataclass(slots=True)
class _Way:
    """One way to have images classified: how fast it was, a figure a round."""

    name: str
    run: Callable[[Sequence[Images]], object]
    images: Sequence[Images]
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def go(self, _number: int) -> None:
        """Classify all images; note images a second, and milliseconds of CPU an image."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.run(self.images)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.rates.append(len(self.images) / wall)
        self.cpu.append(1000 * cpu / len(self.images))


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    settings = ModelSettings()
    bundle = load_bundle(settings.bundle)
    model = load_model(bundle, device=settings.device, threads=settings.threads, batch=settings.batch_size)
    images = _images(bundle.card.input_size, options.choose(96, 512))
    rounds, size, threads = options.choose(3, 7), settings.batch_size, 2 * settings.batch_size
    batcher = MicroBatcher[Images, ImageOutput](
        lambda some: model.run(np.stack(some)), max_size=size, max_wait=settings.batch_wait, name="bench"
    )
    task = progress.add_task(f"microbatch: {rounds} rounds of {len(images)} images", total=rounds)
    with ThreadPoolExecutor(threads) as pool:
        ones = _Way("direct, 1 at a time", lambda some: _direct(model, some, 1), images)
        full = _Way(f"direct, batches of {size}", lambda some: _direct(model, some, size), images)
        many = _Way(f"batcher, {threads} threads", lambda some: list(pool.map(batcher, some)), images)
        few = images[: len(images) // 8]
        single = _Way("batcher, 1 thread", lambda some: [batcher(image) for image in some], few)
        ways = (ones, full, many, single)
        alternate(rounds, *(way.go for way in ways), lambda _number: progress.advance(task))
    batcher.stop()
    wait = 1000 * settings.batch_wait.total_seconds()
    return Result(
        NAME,
        (_compare(many, full), _compare(many, ones), _compare(full, ones), _compare(single, ones)),
        (_cpu_table(ways),),
        (
            f"{bundle.card.id} at {bundle.card.input_size} px on {settings.device}, {core_count()} cores",
            f"batches of at most {size}; an image alone waits {wait:g} ms for others",
        ),
    )


def _images(size: int, count: int) -> list[Images]:
    """Return so many model inputs: the samples' own, again and again."""
    own = [prepare(one.content, name=one.name, size=size).model_input for one in samples()]
    return [own[number % len(own)] for number in range(count)]


def _direct(model: Model, images: Sequence[Images], size: int) -> None:
    for first in range(0, len(images), size):
        model.run(np.stack(images[first : first + size]))


def _compare(ours: _Way, theirs: _Way) -> Comparison:
    return compare(ours.rates, theirs.rates, what=ours.name, reference=theirs.name, unit="images/s")


def _cpu_table(ways: Sequence[_Way]) -> Breakdown:
    rows = tuple((way.name, (median(way.cpu),)) for way in ways)
    return Breakdown("CPU an image (median of the rounds)", ("ms of CPU",), rows)
