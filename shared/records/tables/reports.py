"""Reports: their versions, none of which ever changes, what persons make of one, and what a shadow wrote."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain.reports import Act, AuthorKind, Language, Policy, ReportStatus
from shared.records.database import Base, Moment, PatientText
from shared.records.marks import PATIENT, SYSTEM


class ReportRow(Base):
    """One version of a study's report: a writer's, with how it was verified, or a person's act."""

    __tablename__ = "reports"
    __table_args__ = (
        # Serves the erasing of a study.
        Index("ix_reports_analysis_id", "analysis_id"),
        ForeignKeyConstraint(["study_id", "made_from"], ["reports.study_id", "reports.version"]),
        CheckConstraint("made_from < version", "made_from"),
        CheckConstraint(
            "(author_kind = 'person') = (author_name IS NOT NULL) AND num_nonnulls(writer_id, writer_version,"
            " verdict, attempts, fallback, policy) = CASE author_kind WHEN 'writer' THEN 6 ELSE 0 END",
            "author",
        ),
        CheckConstraint(
            "(author_kind = 'writer') = (act = 'written') AND (act = 'written') = (made_from IS NULL)"
            " AND status = CASE act WHEN 'signed' THEN 'final' WHEN 'amended' THEN 'amended'"
            " WHEN 'addendum' THEN 'amended' WHEN 'entered-in-error' THEN 'entered-in-error'"
            " ELSE 'preliminary' END AND (act = 'addendum') = (addendum IS NOT NULL)"
            " AND (act NOT IN ('amended', 'entered-in-error') OR reason IS NOT NULL)",
            "deed",
        ),
        CheckConstraint(
            "num_nonnulls(changed_words, changed_labels)"
            " = CASE WHEN status IN ('final', 'amended') THEN 2 ELSE 0 END",
            "changes",
        ),
    )

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    made_from: Mapped[int | None]
    """The version that a person did something to; None for what a writer wrote from the findings."""
    act: Mapped[Act]
    analysis_id: Mapped[UUID] = mapped_column(ForeignKey("analyses.id"))
    """Whose findings it was written from, and shows."""
    status: Mapped[ReportStatus]
    language: Mapped[Language]
    warnings: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), info=PATIENT)
    """Sentences, which the impression begins with."""
    indication: Mapped[PatientText | None]
    """In the sender's words; no writer has seen them."""
    technique: Mapped[PatientText]
    comparison: Mapped[PatientText] = mapped_column(server_default=text("''"))
    findings: Mapped[PatientText]
    impression: Mapped[PatientText]
    author_kind: Mapped[AuthorKind]
    author_name: Mapped[PatientText | None]
    """A person's: typed by a client, and so gone with the study."""
    writer_id: Mapped[str | None] = mapped_column(String(128), info=SYSTEM)
    writer_version: Mapped[str | None] = mapped_column(String(64), info=SYSTEM)
    verdict: Mapped[str | None] = mapped_column(String(16), info=SYSTEM)
    attempts: Mapped[int | None]
    fallback: Mapped[bool | None]
    failures: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"), info=PATIENT)
    policy: Mapped[Policy | None]
    """What the delivered text was held to."""
    sentences: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, info=PATIENT)
    """Every sentence with its section, its text, its grade and the labels that it speaks of."""
    reason: Mapped[PatientText | None]
    """Why a signed report was changed or withdrawn, in the person's words."""
    addendum: Mapped[PatientText | None]
    """What the person added below the report."""
    opened_at: Mapped[Moment | None]
    """When the person opened what this version was made from; None where no draft was kept."""
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"), info=PATIENT)
    """What the person decided on each sentence (`Line`); empty where nobody asked them."""
    changed_words: Mapped[int | None]
    """Of a signed text: words that are not as the writer had drafted it; `changes.py` counts them."""
    changed_labels: Mapped[int | None]
    """Likewise, the labels of which it says something else."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class ReportDraftRow(Base):
    """What one person has made of a report so far and has not sent; gone once they act on the report."""

    __tablename__ = "report_drafts"
    __table_args__ = (
        ForeignKeyConstraint(["study_id", "base_version"], ["reports.study_id", "reports.version"]),
    )

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    person: Mapped[PatientText] = mapped_column(primary_key=True)
    base_version: Mapped[int]
    """The version that the lines are made of."""
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, info=PATIENT)
    revision: Mapped[UUID]
    """Another one at each save: of two windows, the one that saves an older one is told."""
    opened_at: Mapped[Moment] = mapped_column(server_default=func.now())
    saved_at: Mapped[Moment] = mapped_column(server_default=func.now())


class ShadowReportRow(Base):
    """What the shadow writer wrote beside a writer's version, of the same findings; no reader is shown it."""

    __tablename__ = "shadow_reports"
    __table_args__ = (ForeignKeyConstraint(["study_id", "version"], ["reports.study_id", "reports.version"]),)

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    """The report that stands in its place; it says which analysis, and in which language."""
    writer_id: Mapped[str] = mapped_column(String(128), info=SYSTEM)
    writer_version: Mapped[str] = mapped_column(String(64), info=SYSTEM)
    attempts: Mapped[int]
    fallback: Mapped[bool]
    """Whether all its own texts were refused: the text is the template's then, and compared with nothing."""
    failures: Mapped[list[str]] = mapped_column(ARRAY(String), info=PATIENT)
    policy: Mapped[Policy]
    findings: Mapped[PatientText]
    impression: Mapped[PatientText]
    sentences: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, info=PATIENT)
    """As a report's."""
    compared: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), info=PATIENT)
    """How it stands to the report and both to the findings (`shadow_reports.Comparisons`)."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
