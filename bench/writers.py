"""How fast the bundled language model writes, on llama.cpp and on transformers.

Ours: `llama-cpp`, the default. Reference, on the same requests in the same run: `transformers`. Each lives in
a process of its own, loads there, and idles while the other is at work.
"""

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.pool import Pool as ProcessPool
from typing import Final

import psutil
from rich.progress import Progress

from bench.measure import Options, alternate, compare, core_count
from bench.results import Breakdown, Result
from shared.domain.findings import Finding, FindingStatus
from shared.labels import CHESTXRAY14
from shared.reporting.request import ReportRequest
from shared.settings import ReportSettings, WriterKind
from worker_llm.writers import load_writer
from worker_llm.writers.base import Writer

NAME: Final = "writers"
_WAITING: Final = (1, 8, 16)
_ABNORMAL: Final = 3
_MOST: Final = max(_WAITING)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What it took to load a writer that was converted before, and to write the first report."""

    seconds: float
    megabytes: float


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    rounds = options.choose(1, 5)
    context = multiprocessing.get_context("spawn")
    kinds = (WriterKind.LLAMA_CPP, WriterKind.TRANSFORMERS)
    seconds: dict[tuple[WriterKind, int], list[float]] = {
        (kind, waiting): [] for kind in kinds for waiting in _WAITING
    }
    task = progress.add_task("writers: loading", total=rounds * len(_WAITING))
    with context.Pool(1) as llama, context.Pool(1) as transformers:
        pools = dict(zip(kinds, (llama, transformers), strict=True))
        for pool, kind in zip(pools.values(), kinds, strict=True):
            pool.apply(_load, (kind,))  # the first time, it may have to convert the weights
        with context.Pool(1) as again, context.Pool(1) as too:
            fresh = dict(zip(kinds, (again, too), strict=True))
            loaded = {kind: fresh[kind].apply(_load, (kind,)) for kind in kinds}
        for waiting in _WAITING:
            progress.update(task, description=f"writers: {waiting} waiting")

            def side(kind: WriterKind, waiting: int = waiting) -> "_Side":
                return _Side(pools[kind], waiting, seconds[kind, waiting])

            alternate(rounds, *(side(kind) for kind in kinds), lambda _number: progress.advance(task))
    return Result(
        NAME,
        tuple(
            compare(
                *([waiting / one for one in seconds[kind, waiting]] for kind in kinds),
                what=f"llama-cpp, {waiting} waiting",
                reference="transformers",
                unit="reports/s",
            )
            for waiting in _WAITING
        ),
        (
            Breakdown(
                "A process with the writer",
                ("s to the first report", "MB after 16 at once"),
                tuple((kind.value, (one.seconds, one.megabytes)) for kind, one in loaded.items()),
            ),
        ),
        (f"{len(CHESTXRAY14)} labels, {_ABNORMAL} of them present, {rounds} rounds, {core_count()} cores",),
    )


class _Side:
    """One writer and the seconds of its rounds."""

    def __init__(self, pool: ProcessPool, waiting: int, seconds: list[float]) -> None:
        self._pool, self._waiting, self._seconds = pool, waiting, seconds

    def __call__(self, number: int) -> None:
        begun = time.perf_counter()
        self._pool.apply(_write, (self._waiting, number))
        self._seconds.append(time.perf_counter() - begun)


_writers: list[Writer] = []
"""The one writer of a child process."""


def _load(kind: WriterKind) -> Loaded:
    begun = time.perf_counter()
    _writers.append(load_writer(ReportSettings(writer=kind, batch_size=_MOST)))
    _write(1, 0)
    seconds = time.perf_counter() - begun
    _write(_MOST, 0)
    return Loaded(seconds=seconds, megabytes=psutil.Process().memory_info().rss / 1e6)


def _write(waiting: int, number: int) -> None:
    _writers[0].write([_request(f"{number}-{one}", one) for one in range(waiting)], attempt=1)


def _request(study: str, first: int) -> ReportRequest:
    labels = CHESTXRAY14
    present = {labels[(first + step) % len(labels)] for step in range(_ABNORMAL)}
    return ReportRequest(
        seed=study,
        findings=tuple(
            Finding(label, 0.9, threshold=0.5, uncertain_from=0.4, status=FindingStatus.PRESENT)
            if label in present
            else Finding(label, 0.1, threshold=0.5, uncertain_from=0.4, status=FindingStatus.ABSENT)
            for label in labels
        ),
    )
