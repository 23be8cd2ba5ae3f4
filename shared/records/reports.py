"""A study's reports: each edit is a new version, the newest one is the report."""

from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.domain import GradedSentence, LeaseToken, Report, StudyEvent, StudyId
from shared.records.studies import finish
from shared.records.tables import ReportRow, StudyRow

_SENTENCES: Final = TypeAdapter(list[GradedSentence])


def store(session: Session, study_id: StudyId, token: LeaseToken, report: Report) -> None:
    """Write the report and make the study COMPLETED, in the caller's transaction.

    The indication goes from the study's row to the report's: the writer has no part in it.

    Raises:
        LeaseLostError: another worker holds the study; nothing is written.
    """
    finish(session, study_id, token, StudyEvent.REPORTED)
    newest = session.scalar(select(func.max(ReportRow.version)).where(ReportRow.study_id == study_id))
    session.add(
        ReportRow(
            study_id=study_id,
            version=(newest or 0) + 1,
            status="preliminary",
            language=report.language,
            warnings=list(report.warnings),
            indication=session.scalar(select(StudyRow.indication).where(StudyRow.id == study_id)),
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
            sentences=_SENTENCES.dump_python(list(report.sentences), mode="json"),
        )
    )


def sentences_of(report: ReportRow) -> list[GradedSentence]:
    """Return the sentences of a report, as they were graded when it was written."""
    return _SENTENCES.validate_python(report.sentences)


def newest(session: Session, study_id: StudyId) -> ReportRow | None:
    """Return the report as it stands, or None when there is none yet."""
    statement = (
        select(ReportRow).where(ReportRow.study_id == study_id).order_by(ReportRow.version.desc()).limit(1)
    )
    return session.scalar(statement)
