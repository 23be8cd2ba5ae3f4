"""A second writer, who writes of the same studies once their reports are stored, to be compared.

It has one thread and a short line of its own, and no study waits for either: what finds the line full is left
out and counted, and nothing is tried again; see docs/decisions/0039. What it writes no reader is shown.

Map: `load_shadow` · `Written` -> `Shadow.offer` -> `Shadow._write`.
"""

import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from shared.domain.priors import Prior
from shared.domain.reports import Report
from shared.domain.studies import StudyId
from shared.operations import telemetry
from shared.records import shadow_reports
from shared.records.database import Database
from shared.records.reading import ImageRecord
from shared.records.shadow_reports import Comparisons
from shared.reporting.assessment import reading_of
from shared.reporting.discrepancies import compared, found_as_said
from shared.reporting.request import ReportRequest
from shared.settings import ReportSettings
from shared.storage import Storage
from worker_llm.pipeline import write_reports
from worker_llm.sight import shown, sight_of
from worker_llm.writers import load_writer
from worker_llm.writers.base import Writer

log = structlog.get_logger()

MOST_WAITING: Final = 8
_GIVEN_UP_AFTER: Final = 5
"""Seconds that a process which ends waits for the text under way."""


@dataclass(frozen=True, slots=True)
class Written:
    """A study whose report is stored.

    Attributes:
        version: of the report.
        report: as its writer wrote it.
    """

    study_id: StudyId
    version: int
    request: ReportRequest
    report: Report
    images: Sequence[ImageRecord]
    prior: Prior | None


def load_shadow(settings: ReportSettings) -> Writer | None:
    """Load the writer that the settings name as the shadow; None where they name none.

    Raises:
        WriterRefusedError: as `load_writer` does.
    """
    if not settings.shadow:
        return None
    own = settings.model_copy(update={"writer": settings.shadow, "model": settings.shadow_model})
    return load_writer(own)


class Shadow:
    """Writes of studies one after another.

    Args:
        storage: where the pictures are, for a writer that sees.
    """

    def __init__(
        self, writer: Writer, settings: ReportSettings, database: Database, storage: Storage | None = None
    ) -> None:
        self._writer = writer
        self._settings = settings
        self._database = database
        self._storage = storage
        self._waiting: queue.Queue[Written | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, study: Written) -> None:
        """Have the shadow write of a study when it comes to it; where too many wait, not at all."""
        try:
            # Pictures are fetched again when it comes to it: a line of them would hold a gigabyte.
            self._waiting.put_nowait(replace(study, request=replace(study.request, sight=None)))
        except queue.Full:
            telemetry.SHADOWS.labels("left out").inc()

    def stop(self) -> None:
        """Leave out what waits, and wait a moment for the text under way; nothing may be offered after it."""
        with suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
                telemetry.SHADOWS.labels("left out").inc()
        self._waiting.put(None)
        self._thread.join(_GIVEN_UP_AFTER)

    def _work(self) -> None:
        while (study := self._waiting.get()) is not None:
            try:
                outcome = "stored" if self._write(study) else "erased"
            except Exception as error:  # noqa: BLE001  no study fails of it, and the next one may go well
                log.warning("shadow.failed", study_id=str(study.study_id), error=type(error).__name__)
                outcome = "failed"
            telemetry.SHADOWS.labels(outcome).inc()

    def _write(self, study: Written) -> bool:
        """Write, compare and store; return whether the study is still there."""
        request, settings = study.request, self._settings
        if self._storage and self._writer.sees:
            with self._database.session() as session:
                to_show = shown(session, study.study_id, study.images, study.prior)
            request = replace(request, sight=sight_of(self._storage, to_show))
        (report,) = write_reports(
            [request], self._writer, attempts=settings.attempts, departures=settings.departures
        )
        found = found_as_said(request.findings)
        shown_to_all, own = (
            reading_of(one.sentences, request.findings, request.language) for one in (study.report, report)
        )
        comparisons = Comparisons(
            shadow_to_primary=compared(shown_to_all, own),
            primary_to_findings=compared(found, shown_to_all),
            shadow_to_findings=compared(found, own),
        )
        with self._database.session() as session:
            return shadow_reports.store(
                session, study.study_id, study.version, self._writer.version, report, comparisons
            )
