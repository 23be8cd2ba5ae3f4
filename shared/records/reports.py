"""A study's reports: each edit is a new version, the newest one is the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.domain import GradedSentence, Language, Policy, Report, ReportStatus, StudyEvent, StudyId
from shared.records import analyses
from shared.records.studies import Claim, finish
from shared.records.tables import OrderRow, ReportRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One version of a study's report; a new column is a field here, as `reading.py` says."""

    study_id: StudyId
    version: int
    analysis_id: UUID
    status: ReportStatus
    language: Language
    warnings: tuple[str, ...]
    indication: str | None
    technique: str
    findings: str
    impression: str
    writer_id: str
    writer_version: str
    verdict: str
    attempts: int
    fallback: bool
    failures: tuple[str, ...]
    policy: Policy
    sentences: tuple[GradedSentence, ...]
    created_at: datetime


_RECORDS: Final = Values(ReportRecord, ReportRow)
_SENTENCES: Final = TypeAdapter(tuple[GradedSentence, ...])


def store(session: Session, claim: Claim, report: Report) -> None:
    """Write the report and make the study COMPLETED, in the caller's transaction.

    The indication goes from the study's order to the report's: the writer has no part in it.

    Raises:
        LeaseLostError: another worker holds the study; nothing is written.
    """
    finish(session, claim, StudyEvent.REPORTED)
    study_id = claim.study_id
    newest = session.scalar(select(func.max(ReportRow.version)).where(ReportRow.study_id == study_id))
    session.add(
        ReportRow(
            study_id=study_id,
            version=(newest or 0) + 1,
            # The one that was read: under the lease no worker writes another.
            analysis_id=analyses.primary_id(study_id),
            status=ReportStatus.PRELIMINARY,
            language=report.language,
            warnings=list(report.warnings),
            indication=session.scalar(select(OrderRow.indication).where(OrderRow.study_id == study_id)),
            technique=report.sections.technique,
            findings=report.sections.findings,
            impression=report.sections.impression,
            writer_id=report.writer.id,
            writer_version=report.writer.version,
            verdict=report.verification.verdict,
            attempts=report.verification.attempts,
            fallback=report.verification.fallback,
            failures=list(report.verification.failures),
            policy=report.verification.policy,
            sentences=_SENTENCES.dump_python(report.sentences, mode="json"),
        )
    )


def newest(session: Session, study_id: StudyId) -> ReportRecord | None:
    """Return the report as it stands, or None when there is none yet."""
    return newest_of_each(session, [study_id]).get(study_id)


def newest_of_each(session: Session, study_ids: Sequence[StudyId]) -> dict[StudyId, ReportRecord]:
    """Return the reports of several studies as they stand; a study without one is left out."""
    statement = (
        _RECORDS.select()
        .where(ReportRow.study_id.in_(study_ids))
        .ext(distinct_on(ReportRow.study_id))
        .order_by(ReportRow.study_id, ReportRow.version.desc())
    )
    return {report.study_id: report for report in _RECORDS.all(session, statement)}
