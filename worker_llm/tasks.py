"""The LLM worker's shell: read the findings, have the report written in a batch, store it.

`handle` claims the study before and settles errors after; what is written, and whether it
may be said, is `pipeline.py`'s business.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache, partial
from typing import Final

from celery import Celery

from shared.catalogue import CATALOGUE, Runs
from shared.domain.findings import study_findings
from shared.domain.priors import Prior
from shared.domain.reports import Language, Report
from shared.domain.studies import Priority, Stage, StudyId
from shared.errors import LeaseLostError
from shared.operations import telemetry, tracing
from shared.records import analyses, findings, priors, reading, reports
from shared.records.claims import MOST_TURNED_AWAY, Claim, Later
from shared.records.database import Session
from shared.records.reading import ImageRecord
from shared.reporting import warnings
from shared.reporting.comparison import compare, none_available
from shared.reporting.request import ReportRequest, request_of
from shared.settings import ReportSettings
from shared.storage import Storage
from shared.work import faults, queue
from shared.work.alone import LoneProcess
from shared.work.faults import Point
from shared.work.handling import Outcome, Workplace, handle, write
from shared.work.lanes import Lanes
from worker_llm.pipeline import write_reports, write_unasked
from worker_llm.shadow import Shadow, Written
from worker_llm.sight import shown, sight_of
from worker_llm.writers import load_writer

_ALONE_LIMIT: Final = timedelta(minutes=5)
_NOT_ASKED_AGAIN: Final = "an earlier try ended badly, and the model was not asked again"
_FAILS_THERE: Final = "the writer's server fails at this study again and again, and not at others"


@dataclass(frozen=True, slots=True)
class Reporter:
    """Writes reports: with others, or alone after a try that ended badly.

    Attributes:
        batched: as `sharing.py` lets studies share the writer.
        storage: where the pictures are, for a writer that sees; None for one that does not.
        shadow: who writes of the same studies afterwards, to be compared.
    """

    batched: Callable[[ReportRequest, Priority], Report]
    settings: ReportSettings
    storage: Storage | None = None
    shadow: Shadow | None = None
    lone: LoneProcess = field(default_factory=lambda: LoneProcess(_ALONE_LIMIT))

    def write(self, request: ReportRequest, claim: Claim, check: Callable[[], None]) -> Report:
        """Write one report; what `check` raises ends the writing of one that is written alone.

        A model that sees is not loaded a second time for it: beside the first it has no room on a GPU, and it
        would take minutes.
        """
        if claim.turned_away >= MOST_TURNED_AWAY:
            return write_unasked(request, _FAILS_THERE)
        if claim.alone:
            if not _may_load_twice(self.settings.writer):
                return write_unasked(request, _NOT_ASKED_AGAIN)
            with self.lone.place():
                return self.lone.run(check, write_alone, request, self.settings)
        return self.batched(request, claim.priority)


def register(app: Celery, workplace: Workplace, reporter: Reporter) -> Lanes:
    """Register the one task of this worker with the app, and return the lanes that do it too."""

    def work(claim: Claim) -> Outcome:
        return report_on(claim, workplace, reporter)

    def take(priority: Priority) -> Outcome:
        return handle(Stage.LLM, priority, workplace, work, later=Later(alone=reporter.lone.is_taken))

    @app.task(name=queue.TASKS[Stage.LLM])
    def report(priority: str) -> None:
        take(Priority(priority))

    return Lanes(app, Stage.LLM, take)


def report_on(claim: Claim, workplace: Workplace, reporter: Reporter) -> Outcome:
    """Write and store the report of a claimed study."""
    faults.passing(Point.LLM_AFTER_CLAIM)
    study_id = claim.study_id
    with workplace.database.session() as session:
        images = reading.images(session, study_id)
        request, prior = _request(session, study_id, images, claim.language, reporter.settings)
        to_show = shown(session, study_id, images, prior) if reporter.storage else None
    if reporter.storage and to_show:
        with tracing.step("see"):
            request = replace(request, sight=sight_of(reporter.storage, to_show))
    said_first = warnings.of_study(images, claim.language)
    check = partial(workplace.heartbeat.check, study_id, claim.token)
    with tracing.step("write"):
        report = reporter.write(request, claim, check)
    check()
    faults.passing(Point.LLM_BEFORE_WRITE)
    version = write(lambda: _store(workplace, claim, warnings.with_warnings(report, said_first)))
    if report.verification.fallback:
        telemetry.FALLBACKS.inc()
    # What may end a process is tried alone; no study is worth that a second time.
    if reporter.shadow and not claim.alone:
        reporter.shadow.offer(Written(study_id, version, request, report, images, prior))
    return Outcome.DONE


def _may_load_twice(writer: str) -> bool:
    entry = CATALOGUE.get(writer)
    return entry is None or entry.runs is not Runs.IN_PROCESS


def write_alone(request: ReportRequest, settings: ReportSettings) -> Report:
    """Write one report in this process alone; its writer is loaded once a process."""
    (report,) = write_reports(
        [request], _own_writer(settings), attempts=settings.attempts, departures=settings.departures
    )
    return report


_own_writer = lru_cache(maxsize=1)(load_writer)


def _request(
    session: Session,
    study_id: StudyId,
    images: Sequence[ImageRecord],
    language: Language,
    settings: ReportSettings,
) -> tuple[ReportRequest, Prior | None]:
    analysis = analyses.primary(session, study_id)
    if analysis is None:
        message = "the study was erased"
        raise LeaseLostError(message)
    per_image = findings.of_study(session, study_id)
    study = priors.dated(session, study_id)
    prior = priors.latest(session, study, model_digest=analysis.model_digest) if study else None
    comparison = None
    if study:
        found = study_findings(per_image.values())
        comparison = compare(found, prior, language) or none_available(language)
    request = request_of(
        images,
        per_image.values(),
        language=language,
        seed=seed_from(analysis.model_digest, images, language),
        critical=analysis.critical,
        comparison=comparison,
        recommendations=settings.recommendations,
    )
    return request, prior


def seed_from(model_digest: str, images: Sequence[ImageRecord], language: Language) -> str:
    """Make the seed of the words: not of the study's id, so that the same pictures get the same text."""
    digests = sorted(image.sha256 for image in images)
    return hashlib.sha256(json.dumps([digests, model_digest, language]).encode()).hexdigest()


def _store(workplace: Workplace, claim: Claim, report: Report) -> int:
    with workplace.database.session() as session:
        version = reports.store(session, claim, report)
        faults.passing(Point.LLM_BEFORE_COMMIT)
    return version
