"""A study's reports: each edit is a new version, the newest one is the report."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.domain import LeaseToken, Report, StudyEvent, StudyId
from shared.records.studies import finish
from shared.records.tables import OrderRow, ReportRow


def store(session: Session, study_id: StudyId, token: LeaseToken, report: Report) -> None:
    """Write the report and make the study COMPLETED, in the caller's transaction.

    The indication goes from the study's order to the report's: the writer has no part in it.

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
        )
    )


def newest(session: Session, study_id: StudyId) -> ReportRow | None:
    """Return the report as it stands, or None when there is none yet."""
    statement = (
        select(ReportRow).where(ReportRow.study_id == study_id).order_by(ReportRow.version.desc()).limit(1)
    )
    return session.scalar(statement)
