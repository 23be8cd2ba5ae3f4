"""The bare loop: what the work itself costs, with no server, queue, database or store around it.

    prepare -> model -> analyse -> write_reports

in one process (`BareLoop`), or in as many as there are cores (`run_on_all_cores`): the functions that the
workers call, on the same bytes, with the same settings.
"""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.pool import Pool as ProcessPool
from typing import Final

import cv2

from bench.measure import core_count
from bench.originals import Original
from shared.bundles import load_bundle
from shared.domain.findings import study_findings
from shared.gates import load_gate
from shared.reporting.request import ReportRequest, View
from shared.settings import ModelSettings
from worker_cnn.decoding import prepare
from worker_cnn.gate import load_models
from worker_cnn.pipeline import analyse
from worker_cnn.reading import read, unbatched
from worker_llm.pipeline import write_reports
from worker_llm.writers.base import Writer
from worker_llm.writers.template import TemplateWriter

STEPS: Final = ("decode", "model", "analyse", "write")
_CHUNK: Final = 4


@dataclass(slots=True)
class LoopRun:
    """One pass of the loop.

    Attributes:
        cpu: seconds of each of `STEPS`, of all threads of the process.
        rejected: originals that the gate refused; they get no report, here as in the product.
    """

    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STEPS, 0.0))
    reports: int = 0
    rejected: int = 0


class BareLoop:
    """The loop in this process: one study after the other, reports in batches."""

    def __init__(self, writer: Writer, *, threads: int, write_batch: int, attempts: int) -> None:
        """Load the model.

        Args:
            threads: of the model; 0 means all cores.
            write_batch: how many reports are written at once.
            attempts: as in ReportSettings.
        """
        settings = ModelSettings()
        self._bundle = load_bundle(settings.bundle)
        gate = load_gate(settings.gate)
        models = load_models(self._bundle, gate, device=settings.device, threads=threads)
        self._sight = unbatched(models, gate.card.gate, side=gate.card.input_size)
        self._writer, self._write_batch, self._attempts = writer, write_batch, attempts

    def run(self, originals: Sequence[Original]) -> LoopRun:
        """Look at every original and write its report."""
        run = LoopRun()
        begun = time.perf_counter()
        requests = [
            request
            for number, original in enumerate(originals)
            if (request := self._look(original, number, run)) is not None
        ]
        for first in range(0, len(requests), self._write_batch):
            with _timed(run, "write"):
                batch = requests[first : first + self._write_batch]
                run.reports += len(write_reports(batch, self._writer, attempts=self._attempts))
        run.seconds = time.perf_counter() - begun
        return run

    def _look(self, original: Original, number: int, run: LoopRun) -> ReportRequest | None:
        with _timed(run, "decode"):
            prepared = prepare(original.content, name=original.name, size=self._bundle.card.input_size)
        with _timed(run, "model"):
            reading = read(prepared, self._sight)
        with _timed(run, "analyse"):
            analysis = analyse(reading, self._bundle, index=0)
        if analysis.rejection is not None:
            run.rejected += 1
            return None
        return ReportRequest(
            seed=f"bench-{number}",
            findings=study_findings([analysis.findings]),
            views=(View(analysis.view),),
        )


@contextmanager
def _timed(run: LoopRun, step: str) -> Iterator[None]:
    before = time.process_time()
    yield
    run.cpu[step] += time.process_time() - before


def template_loop(*, threads: int) -> BareLoop:
    """Return the loop with the writer that needs no model."""
    return BareLoop(TemplateWriter(), threads=threads, write_batch=1, attempts=1)


class AllCores:
    """The loop in one process a core, each with a model of one thread: the most that these cores can do."""

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool

    def run(self, originals: Sequence[Original]) -> float:
        """Look at every original and write its report; return the seconds."""
        chunks = [originals[first : first + _CHUNK] for first in range(0, len(originals), _CHUNK)]
        begun = time.perf_counter()
        self._pool.map(_run_here, chunks, chunksize=1)
        return time.perf_counter() - begun


@contextmanager
def all_cores() -> Iterator[AllCores]:
    """Keep the processes for the block."""
    with multiprocessing.get_context("spawn").Pool(core_count(), _load_here) as pool:
        yield AllCores(pool)


_loaded: list[BareLoop] = []
"""The one loop of a child process."""


def _load_here() -> None:
    cv2.setNumThreads(1)
    _loaded.append(template_loop(threads=1))


def _run_here(originals: Sequence[Original]) -> None:
    _loaded[0].run(originals)
