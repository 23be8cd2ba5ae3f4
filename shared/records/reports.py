"""A study's reports: each edit is a new version, the newest one is the report.

A version is added by whoever holds the study's row, so that they are numbered without a gap whoever adds
them at once: a worker by `store`, which moves the study, a person by `add_version`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.domain.reports import (
    Author,
    AuthorKind,
    EditedReport,
    GradedSentence,
    Language,
    Person,
    Policy,
    Report,
    ReportSections,
    ReportStatus,
    Verification,
    WriterVersion,
)
from shared.domain.studies import Actor, StudyEvent, StudyId
from shared.errors import ConflictError
from shared.records import analyses, events
from shared.records.claims import Claim, finish
from shared.records.tables import OrderRow, ReportRow, StudyRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One version of a study's report; a new column is a field here, as `reading.py` says."""

    study_id: StudyId
    version: int
    made_from: int | None
    analysis_id: UUID
    status: ReportStatus
    language: Language
    warnings: tuple[str, ...]
    indication: str | None
    technique: str
    comparison: str
    findings: str
    impression: str
    author_kind: AuthorKind
    author_name: str | None
    writer_id: str | None
    writer_version: str | None
    verdict: str | None
    attempts: int | None
    fallback: bool | None
    failures: tuple[str, ...]
    policy: Policy | None
    sentences: tuple[GradedSentence, ...]
    created_at: datetime

    @property
    def sections(self) -> ReportSections:
        """What it says."""
        return ReportSections(self.technique, self.findings, self.impression, self.comparison)

    @property
    def author(self) -> Author:
        """Who wrote it."""
        return self.writer or Person(self.author_name or "")

    @property
    def writer(self) -> WriterVersion | None:
        """The writer of ours that wrote it; None of a person's version."""
        if self.writer_id is None or self.writer_version is None:
            return None
        return WriterVersion(self.writer_id, self.writer_version)

    @property
    def verification(self) -> Verification | None:
        """How it was held against the findings before it was let out; a person's is held back by nothing."""
        if self.verdict is None or self.attempts is None or self.policy is None:
            return None
        return Verification(self.verdict, self.attempts, bool(self.fallback), self.failures, self.policy)


_RECORDS: Final = Values(ReportRecord, ReportRow)
_SENTENCES: Final = TypeAdapter(tuple[GradedSentence, ...])


def store(session: Session, claim: Claim, report: Report) -> None:
    """Write the report and make the study COMPLETED, in the caller's transaction.

    The indication goes from the study's order to the report's: the writer has no part in it.

    Raises:
        LeaseLostError: another worker holds the study; nothing is written.
    """
    finish(session, claim, StudyEvent.REPORTED)
    indication = session.scalar(select(OrderRow.indication).where(OrderRow.study_id == claim.study_id))
    last = session.scalar(select(func.max(ReportRow.version)).where(ReportRow.study_id == claim.study_id))
    verification = report.verification
    session.add(
        ReportRow(
            study_id=claim.study_id,
            version=(last or 0) + 1,
            # The one that was read: under the lease no worker writes another.
            analysis_id=analyses.primary_id(claim.study_id),
            indication=indication,
            author_kind=AuthorKind.WRITER,
            writer_id=report.writer.id,
            writer_version=report.writer.version,
            verdict=verification.verdict,
            attempts=verification.attempts,
            fallback=verification.fallback,
            failures=list(verification.failures),
            policy=verification.policy,
            **_text_of(report),
        )
    )


def add_version(
    session: Session, study_id: StudyId, report: EditedReport, *, made_from: int, actor: Actor
) -> int:
    """Add the version that a person made of an earlier one, in the caller's transaction; return its number.

    The study stays as it is. The indication and the findings behind it go on from version to version.

    Raises:
        ConflictError: `made_from` is not the newest version, or the study was erased; nothing is written.
    """
    session.execute(select(StudyRow.id).where(StudyRow.id == study_id).with_for_update())
    earlier = newest(session, study_id)
    if earlier is None:
        message = f"there is no version {made_from} any more"
        raise ConflictError(message)
    if earlier.version != made_from:
        message = f"the change is of version {made_from}, and the newest one is {earlier.version}"
        raise ConflictError(message)
    session.add(
        ReportRow(
            study_id=study_id,
            version=made_from + 1,
            made_from=made_from,
            analysis_id=earlier.analysis_id,
            indication=earlier.indication,
            author_kind=AuthorKind.PERSON,
            author_name=report.author.name,
            **_text_of(report),
        )
    )
    events.add(session, study_id, StudyEvent.EDITED, actor=actor, detail=f"version {made_from + 1}")
    return made_from + 1


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


def newest_writer(session: Session, study_id: StudyId) -> WriterVersion | None:
    """Return the writer that wrote last, whoever has changed its report since; None when none has written."""
    by_writers = (ReportRow.study_id == study_id, ReportRow.author_kind == AuthorKind.WRITER)
    statement = _RECORDS.select().where(*by_writers).order_by(ReportRow.version.desc()).limit(1)
    report = _RECORDS.one(session, statement)
    return None if report is None else report.writer


def _text_of(report: Report | EditedReport) -> dict[str, Any]:
    return {
        "status": ReportStatus.PRELIMINARY,
        "language": report.language,
        "warnings": list(report.warnings),
        "technique": report.sections.technique,
        "comparison": report.sections.comparison,
        "findings": report.sections.findings,
        "impression": report.sections.impression,
        "sentences": _SENTENCES.dump_python(report.sentences, mode="json"),
    }
