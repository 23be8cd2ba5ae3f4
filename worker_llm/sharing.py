"""How the studies of a process share its writer: in batches, or each by itself.

A model in this process writes several reports in the time of one, so studies are gathered. A server gathers
what it is asked by everybody; and where it turns one study away, the others must not be turned away with it,
nor what was written for them be thrown away.

Map: `share` -> `Shared`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.catalogue import CATALOGUE, Runs
from shared.domain.reports import Report
from shared.domain.studies import Priority, Stage
from shared.operations import telemetry
from shared.reporting.request import ReportRequest
from shared.settings import ReportSettings, WriterKind
from shared.work.microbatch import MicroBatcher
from worker_llm.pipeline import write_reports
from worker_llm.writers.base import Writer


@dataclass(frozen=True, slots=True)
class Shared:
    """A writer that many threads use.

    Attributes:
        write: one study's report.
        stop: ends it; nothing more may be written.
    """

    write: Callable[[ReportRequest, Priority], Report]
    stop: Callable[[], None]


def share(writer: Writer, settings: ReportSettings) -> Shared:
    """Let many threads use a writer."""

    def write(requests: Sequence[ReportRequest]) -> list[Report]:
        return write_reports(requests, writer, attempts=settings.attempts, departures=settings.departures)

    if _is_behind_a_server(settings.writer):
        return Shared(lambda request, _priority: write([request])[0], lambda: None)
    batcher = MicroBatcher[ReportRequest, Report](
        write,
        max_size=settings.batch_size,
        max_wait=settings.batch_wait,
        name="writer",
        on_batch=telemetry.count_batch(Stage.LLM),
    )
    return Shared(lambda request, priority: batcher(request, rank=priority.rank), batcher.stop)


def _is_behind_a_server(writer: str) -> bool:
    entry = CATALOGUE.get(writer)
    return writer == WriterKind.OPENAI or (entry is not None and entry.runs in {Runs.SIDE_CAR, Runs.AZURE})
