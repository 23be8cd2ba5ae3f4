"""Studies, and all that is found and told of them; only `records/moves.py` writes a status."""

from datetime import date, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain.findings import AnalysisRole, FindingStatus, ViewPosition, ViewSource
from shared.domain.reports import Language, ReportStatus
from shared.domain.studies import ActorKind, Priority, StudyEvent, StudyStatus
from shared.records.database import Base, Moment, PatientText, Sha256, SystemText
from shared.records.marks import PATIENT, SYSTEM

UNSIGNED: Final = "report_status = 'preliminary' AND status = 'completed'"
"""The condition of the studies whose report waits for a person, word for word the indexes' own."""


class StudyRow(Base):
    """A study: where it stands, who holds it, from when on it may be taken."""

    __tablename__ = "studies"
    __table_args__ = (
        # Serves the sweeper: only the few rows under a lease, in the order they run out.
        Index("ix_studies_lease", "lease_expires_at", postgresql_where=text("lease_expires_at IS NOT NULL")),
        # Serves the claim, which takes the oldest that waits, and the count of waiting work.
        Index(
            "ix_studies_next",
            "status",
            "priority",
            "id",
            postgresql_where=text("status IN ('queued', 'classified')"),
        ),
        # Serves the sweeper: only the open studies, in the order in which they are to be closed.
        Index("ix_studies_closes_at", "closes_at", postgresql_where=text("status = 'open'")),
        # Serve the list of studies, newest first: a tenant's own, and everybody's for an administrator,
        # whole, of one status, of one priority and of one report's status.
        Index("ix_studies_tenant_id", "tenant_id", "id"),
        Index("ix_studies_tenant_status_id", "tenant_id", "status", "id"),
        Index("ix_studies_tenant_priority_id", "tenant_id", "priority", "id"),
        Index("ix_studies_status_id", "status", "id"),
        Index("ix_studies_priority_id", "priority", "id"),
        Index("ix_studies_tenant_report_status_id", "tenant_id", "report_status", "id"),
        Index("ix_studies_report_status_id", "report_status", "id"),
        # Serve whoever reads one report after the other: those that nobody has signed.
        Index("ix_studies_tenant_unsigned", "tenant_id", "priority", "id", postgresql_where=text(UNSIGNED)),
        Index("ix_studies_unsigned", "priority", "id", postgresql_where=text(UNSIGNED)),
        # Serves retention: what has had no event for long, the oldest first.
        Index(
            "ix_studies_tenant_updated_at",
            "tenant_id",
            "updated_at",
            postgresql_where=text(
                "erased_at IS NULL AND status IN ('completed', 'rejected', 'failed', 'cancelled')"
            ),
        ),
        # Serves a batch's results in order, and its counts by status.
        Index("ix_studies_batch_id_id", "batch_id", "id"),
        Index("ix_studies_batch_status", "batch_id", "status", postgresql_where=text("batch_id IS NOT NULL")),
        CheckConstraint("(lease_expires_at IS NOT NULL) = (status IN ('classifying', 'reporting'))", "lease"),
        # None stays open for ever.
        CheckConstraint("status <> 'open' OR (close_after IS NOT NULL AND closes_at IS NOT NULL)", "open"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id"))
    item_key: Mapped[str | None] = mapped_column(String(255), info=PATIENT)
    """In a batch: the client's own name of the item (its Idempotency-Key)."""
    status: Mapped[StudyStatus]
    priority: Mapped[Priority]
    language: Mapped[Language]
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    updated_at: Mapped[Moment] = mapped_column(server_default=func.now())
    erased_at: Mapped[Moment | None]

    lease_token: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Only ever grows: that is what makes it a fence against a worker that comes back late."""
    lease_expires_at: Mapped[Moment | None]
    claims: Mapped[int] = mapped_column(server_default=text("0"))
    """So far, of both stages."""
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    """Failures of the work itself, in the present stage; a killed worker adds none."""
    expired_alone: Mapped[int] = mapped_column(server_default=text("0"))
    """Leases that ran out while the study was tried alone, in the present stage."""
    turned_away: Mapped[int] = mapped_column(server_default=text("0"))
    """Times that a server failed at it and answered others meanwhile, in the present stage."""
    alone: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the next try runs in a process of its own, since the last one did not end well."""
    not_before: Mapped[Moment] = mapped_column(server_default=func.now())
    """No worker takes it sooner: what it needs was away at the last try."""

    closes_at: Mapped[Moment | None]
    """Of an open study: when it is closed if nothing more comes. Of one that was: when it was closed."""
    close_after: Mapped[timedelta | None] = mapped_column(info=SYSTEM)
    """Of a study that was opened: the quiet time after its newest image."""
    expected_images: Mapped[int | None]
    """With so many it is closed at once."""

    error_type: Mapped[str | None] = mapped_column(String(64), info=SYSTEM)
    error_detail: Mapped[PatientText | None]
    error_file: Mapped[PatientText | None]
    report_status: Mapped[ReportStatus | None]
    """Of the report in force; None until there is one, and once it is erased."""


class WorkitemClaimRow(Base):
    """By which Transaction UID a performer that is no worker of ours holds a study, or held it last."""

    __tablename__ = "workitem_claims"

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    lease_token: Mapped[int] = mapped_column(BigInteger)
    """Of its claim: once the study's own is another one, this is over."""
    transaction_uid: Mapped[str] = mapped_column(String(64), info=SYSTEM)


class OrderRow(Base):
    """Whose study it is and what was asked for (`Order`); gone once the study is erased."""

    __tablename__ = "orders"
    __table_args__ = (
        # Serves the search for a patient's earlier studies. A longer id than DICOM allows would not fit an
        # entry of an index.
        Index("ix_orders_patient", "tenant_id", text("left(patient_id, 64)")),
        # Serves whoever names a study as DICOM does.
        Index("ix_orders_study_instance_uid", "tenant_id", text("left(study_instance_uid, 64)")),
        # Serves an order that comes after its study, and whoever searches by it.
        Index("ix_orders_accession_number", "tenant_id", text("left(accession_number, 64)")),
        # Serve whoever searches as DICOM does: newest first, by day, by the beginning of a name.
        Index("ix_orders_tenant_id_study_id", "tenant_id", "study_id"),
        Index("ix_orders_study_date", "tenant_id", "study_date", "study_id"),
        Index("ix_orders_patient_name", "tenant_id", text("left(upper(patient_name), 64) text_pattern_ops")),
    )

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    """The study's own, here too since two tenants' patients may have one id."""
    accession_number: Mapped[PatientText | None]
    patient_id: Mapped[PatientText | None]
    patient_id_issuer: Mapped[PatientText | None]
    patient_name: Mapped[PatientText | None]
    patient_birth_date: Mapped[date | None] = mapped_column(info=PATIENT)
    patient_sex: Mapped[str | None] = mapped_column(String(1), info=PATIENT)
    patient_age_years: Mapped[float | None] = mapped_column(info=PATIENT)
    referring_physician: Mapped[PatientText | None]
    study_instance_uid: Mapped[PatientText | None]
    study_date: Mapped[date | None] = mapped_column(info=PATIENT)
    study_time: Mapped[time | None] = mapped_column(info=PATIENT)
    body_part: Mapped[PatientText | None]
    laterality: Mapped[str | None] = mapped_column(String(1), info=PATIENT)
    institution: Mapped[PatientText | None]
    indication: Mapped[PatientText | None]
    item_path: Mapped[PatientText | None]
    """In a batch: where in the client's archive the item lies, where the client says so."""
    set_aside: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"), info=PATIENT)
    """The files that are no images, each as its name and why."""


class ImageRow(Base):
    """One image of a study: where its original is, and what the CNN worker found out about it."""

    __tablename__ = "images"
    __table_args__ = (
        # Serves the collector: is this original still named by any image?
        Index("ix_images_sha256", "sha256"),
        # Serves whoever names an image as DICOM does. A longer UID than DICOM allows is none.
        Index("ix_images_sop_instance_uid", "sop_instance_uid"),
        Index("ix_images_series_instance_uid", "series_instance_uid"),
    )

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[PatientText]
    """The client's name of the file: patient data, never used as a path or a key."""
    sha256: Mapped[Sha256]
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(32), info=SYSTEM)
    width: Mapped[int]
    height: Mapped[int]
    sop_class_uid: Mapped[str | None] = mapped_column(String(64), info=PATIENT)
    sop_instance_uid: Mapped[str | None] = mapped_column(String(64), info=PATIENT)
    series_instance_uid: Mapped[str | None] = mapped_column(String(64), info=PATIENT)
    transfer_syntax_uid: Mapped[str | None] = mapped_column(String(64), info=SYSTEM)
    """These four as the file has them (`Identity`); None of a PNG or JPEG."""
    header: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"), info=PATIENT)
    """What else those who search are told of it, in the DICOM JSON Model."""
    used: Mapped[bool | None]
    """None until the CNN worker has looked at it."""
    view: Mapped[ViewPosition | None]
    view_source: Mapped[ViewSource | None]
    """None where the view is unknown."""
    error_type: Mapped[str | None] = mapped_column(String(64), info=SYSTEM)
    error_detail: Mapped[PatientText | None]
    warnings: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"), info=SYSTEM)
    """Codes of `shared/reporting/warnings.py`."""
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"), info=PATIENT)
    """The DICOM attributes that are needed downstream, by keyword."""


class AnalysisRow(Base):
    """One model's look at a study; its findings are under it."""

    __tablename__ = "analyses"
    __table_args__ = (
        # The same model reads the same images again in place of what it found before.
        UniqueConstraint("study_id", "model_digest", "images"),
        # Serves every reader, and is why no study can have two.
        Index("ux_analyses_primary", "study_id", unique=True, postgresql_where=text("role = 'primary'")),
        # Serves the list of the studies that are flagged, newest first.
        Index(
            "ix_analyses_critical", "study_id", postgresql_where=text("role = 'primary' AND critical <> '{}'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    model_id: Mapped[str] = mapped_column(String(128), info=SYSTEM)
    model_version: Mapped[str] = mapped_column(String(64), info=SYSTEM)
    model_digest: Mapped[Sha256]
    images: Mapped[int]
    """How many there were to look at: a study may grow afterwards."""
    role: Mapped[AnalysisRole]
    critical: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"), info=PATIENT)
    """The labels that were present and, by the configuration of that time, critical; the gravest first."""
    read_at: Mapped[Moment] = mapped_column(server_default=func.now())
    """When it looked last."""


class FindingRow(Base):
    """What one model says about one label of one image."""

    __tablename__ = "findings"
    __table_args__ = (CheckConstraint("probability BETWEEN 0 AND 1", "probability"),)

    analysis_id: Mapped[UUID] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True)
    image_index: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(64), primary_key=True, info=PATIENT)
    probability: Mapped[float] = mapped_column(info=PATIENT)
    threshold: Mapped[float] = mapped_column(info=PATIENT)
    uncertain_from: Mapped[float] = mapped_column(info=PATIENT)
    status: Mapped[FindingStatus]
    box: Mapped[list[float] | None] = mapped_column(JSONB(none_as_null=True), info=PATIENT)
    """Left, top, right, bottom as fractions of the image."""
    place: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), info=PATIENT)
    """A `Place`, by its own names."""
    heatmap: Mapped[bool]
    """Whether S3 holds a heatmap for it."""


class StudyEventRow(Base):
    """One thing that happened to a study: the timeline that clients see, and the audit trail."""

    __tablename__ = "study_events"
    __table_args__ = (
        # Serves the timeline of a study, and an event stream that goes on after the last id seen.
        Index("ix_study_events_study_id_id", "study_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id"))
    event: Mapped[StudyEvent]
    status: Mapped[StudyStatus]
    """The status after the event."""
    actor_kind: Mapped[ActorKind]
    actor_id: Mapped[str] = mapped_column(String(64), info=SYSTEM)
    at: Mapped[Moment] = mapped_column(server_default=func.now())
    detail: Mapped[PatientText | None]


class BatchRow(Base):
    """An archive's studies, counted and cancelled together."""

    __tablename__ = "batches"
    __table_args__ = (Index("ix_batches_tenant_id", "tenant_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[SystemText | None]
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    cancelled_at: Mapped[Moment | None]


class ProcedureStepRow(Base):
    """What a modality says of a performed procedure step, maybe before anything of its study comes."""

    __tablename__ = "dicom_procedure_steps"
    __table_args__ = (
        # Serves who asks how many images a study is to have.
        Index("ix_dicom_procedure_steps_study_instance_uid", "tenant_id", "study_instance_uid"),
        # Serves the erasing of a study.
        Index("ix_dicom_procedure_steps_study_id", "study_id"),
        # Serves the forgetting.
        Index("ix_dicom_procedure_steps_updated_at", "updated_at"),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    uid: Mapped[str] = mapped_column(String(64), primary_key=True, info=PATIENT)
    study_instance_uid: Mapped[str] = mapped_column(String(64), info=PATIENT)
    study_id: Mapped[UUID | None] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    """Once there is the study."""
    status: Mapped[str] = mapped_column(String(16), info=SYSTEM)
    """A `StepStatus`."""
    images: Mapped[int]
    """How many were made in it, once it has ended."""
    updated_at: Mapped[Moment] = mapped_column(server_default=func.now())
