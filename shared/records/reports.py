"""A study's reports: what writers wrote, and every version since.

`shared/domain/versions.py` says which version is the report. One is added by whoever holds the study's row,
so that they are numbered without a gap whoever adds them at once: a worker by `store`, which moves the study,
a person by `acts.add`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from shared.domain import versions
from shared.domain.reports import (
    Act,
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
from shared.domain.studies import StudyEvent, StudyId
from shared.domain.versions import Version
from shared.records import analyses
from shared.records.claims import Claim, finish
from shared.records.tables import OrderRow, ReportRow, StudyRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One version of a study's report; a new column is a field here, as `reading.py` says."""

    study_id: StudyId
    version: int
    made_from: int | None
    act: Act
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
        """Who wrote it, or signed what another wrote."""
        return self.writer or Person(self.author_name or "")

    @property
    def writer(self) -> WriterVersion | None:
        """The writer of ours that wrote it; None of a person's version."""
        return _writer(self.writer_id, self.writer_version)

    @property
    def verification(self) -> Verification | None:
        """How it was held against the findings before it was let out; a person's is held back by nothing."""
        if self.verdict is None or self.attempts is None or self.policy is None:
            return None
        return Verification(self.verdict, self.attempts, bool(self.fallback), self.failures, self.policy)


@dataclass(frozen=True, slots=True)
class _VersionRecord:
    study_id: StudyId
    version: int
    act: Act
    status: ReportStatus
    made_from: int | None
    author_name: str | None
    writer_id: str | None
    writer_version: str | None
    created_at: datetime
    reason: str | None
    addendum: str | None

    def plain(self) -> Version:
        return Version(
            version=self.version,
            act=self.act,
            status=self.status,
            made_from=self.made_from,
            author=_writer(self.writer_id, self.writer_version) or Person(self.author_name or ""),
            created_at=self.created_at,
            reason=self.reason,
            addendum=self.addendum,
        )


_RECORDS: Final = Values(ReportRecord, ReportRow)
_VERSIONS: Final = Values(_VersionRecord, ReportRow)
_SENTENCES: Final = TypeAdapter(tuple[GradedSentence, ...])


def store(session: Session, claim: Claim, report: Report) -> int:
    """Write the report and make the study COMPLETED, in the caller's transaction; return its version.

    The indication goes from the study's order to the report's: the writer has no part in it.

    Raises:
        LeaseLostError: another worker holds the study; nothing is written.
    """
    # What a person signed stays in force, whatever a writer writes after it.
    status = func.coalesce(StudyRow.report_status, ReportStatus.PRELIMINARY)
    finish(session, claim, StudyEvent.REPORTED, values={"report_status": status})
    indication = session.scalar(select(OrderRow.indication).where(OrderRow.study_id == claim.study_id))
    verification = report.verification
    number = next_number(session, claim.study_id)
    session.add(
        ReportRow(
            study_id=claim.study_id,
            version=number,
            act=Act.WRITTEN,
            status=ReportStatus.PRELIMINARY,
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
            **text_of(report),
        )
    )
    return number


def in_force(session: Session, study_id: StudyId) -> ReportRecord | None:
    """Return the report as it stands, or None when there is none yet."""
    return in_force_of_each(session, {study_id: versions_of(session, study_id)}).get(study_id)


def in_force_of_each(
    session: Session, history: Mapping[StudyId, Sequence[Version]]
) -> dict[StudyId, ReportRecord]:
    """Return the reports of several studies as they stand, by all versions of each; none of one without."""
    stand = ((study_id, versions.in_force(own)) for study_id, own in history.items())
    these = [(study_id, version.version) for study_id, version in stand if version is not None]
    return {report.study_id: report for report in texts(session, these)}


def version(session: Session, study_id: StudyId, number: int) -> ReportRecord | None:
    """Return one version of a report; None when there is no such version."""
    this = (ReportRow.study_id == study_id, ReportRow.version == number)
    return _RECORDS.one(session, _RECORDS.select().where(*this))


def texts(session: Session, wanted: Collection[tuple[StudyId, int]]) -> Sequence[ReportRecord]:
    """Return versions of several studies' reports by their numbers; those that there are."""
    these = tuple_(ReportRow.study_id, ReportRow.version).in_(wanted)
    return _RECORDS.all(session, _RECORDS.select().where(these))


def versions_of(session: Session, study_id: StudyId) -> list[Version]:
    """Return all versions of a study's report without their texts, oldest first."""
    return versions_of_each(session, [study_id])[study_id]


def versions_of_each(session: Session, study_ids: Sequence[StudyId]) -> dict[StudyId, list[Version]]:
    """Return the same of several studies."""
    found: dict[StudyId, list[Version]] = {study_id: [] for study_id in study_ids}
    statement = _VERSIONS.select().where(ReportRow.study_id.in_(study_ids)).order_by(ReportRow.version)
    for row in _VERSIONS.all(session, statement):
        found[row.study_id].append(row.plain())
    return found


def newest_writer(session: Session, study_id: StudyId) -> WriterVersion | None:
    """Return the writer that wrote last, whoever has changed its report since; None when none has written."""
    by_writers = (ReportRow.study_id == study_id, ReportRow.author_kind == AuthorKind.WRITER)
    statement = _RECORDS.select().where(*by_writers).order_by(ReportRow.version.desc()).limit(1)
    report = _RECORDS.one(session, statement)
    return None if report is None else report.writer


def next_number(session: Session, study_id: StudyId) -> int:
    """Return the number of the version that is added next; the caller holds the study's row."""
    last = session.scalar(select(func.max(ReportRow.version)).where(ReportRow.study_id == study_id))
    return (last or 0) + 1


def text_of(report: Report | EditedReport | ReportRecord) -> dict[str, Any]:
    """Return the columns that hold what a version says."""
    return {
        "language": report.language,
        "warnings": list(report.warnings),
        "technique": report.sections.technique,
        "comparison": report.sections.comparison,
        "findings": report.sections.findings,
        "impression": report.sections.impression,
        "sentences": _SENTENCES.dump_python(report.sentences, mode="json"),
    }


def _writer(writer_id: str | None, writer_version: str | None) -> WriterVersion | None:
    if writer_id is None or writer_version is None:
        return None
    return WriterVersion(writer_id, writer_version)
