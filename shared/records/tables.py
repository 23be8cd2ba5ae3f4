"""The rows: one class a table. What may be written to `studies.status` is `studies.py`'s business.

studies 1─n images 1─n findings        studies 1─n reports (versions)        studies 1─n study_events
batches 1─n studies                    tenants 1─n studies, batches, api_keys, idempotency_keys
discarded_… stand alone
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain import (
    ActorKind,
    FindingStatus,
    Language,
    Priority,
    ReportStatus,
    StudyEvent,
    StudyStatus,
    ViewPosition,
    ViewSource,
)
from shared.records.database import Base, Moment, Prose, Sha256


class TenantRow(Base):
    """Whom studies, batches and keys belong to: a hospital, a department."""

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[Prose] = mapped_column(unique=True)
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


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
        # Serve the list of studies, newest first: a tenant's own, and everybody's for an administrator,
        # whole, of one status and of one priority.
        Index("ix_studies_tenant_id", "tenant_id", "id"),
        Index("ix_studies_tenant_status_id", "tenant_id", "status", "id"),
        Index("ix_studies_tenant_priority_id", "tenant_id", "priority", "id"),
        Index("ix_studies_status_id", "status", "id"),
        Index("ix_studies_priority_id", "priority", "id"),
        # Serves a batch's results in order, and its counts by status.
        Index("ix_studies_batch_id_id", "batch_id", "id"),
        Index("ix_studies_batch_status", "batch_id", "status", postgresql_where=text("batch_id IS NOT NULL")),
        CheckConstraint("(lease_expires_at IS NOT NULL) = (status IN ('classifying', 'reporting'))", "lease"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id"))
    item_key: Mapped[str | None] = mapped_column(String(255))
    """In a batch: the client's own name of the item (its Idempotency-Key)."""
    item_path: Mapped[Prose | None]
    """In a batch: where in the client's archive the item lies, where the client says so."""
    status: Mapped[StudyStatus]
    priority: Mapped[Priority]
    language: Mapped[Language]
    indication: Mapped[Prose | None]
    patient_id: Mapped[Prose | None]
    """As it was typed, else as the files have it; this and the next three are erased with the study."""
    patient_sex: Mapped[str | None] = mapped_column(String(1))
    patient_age_years: Mapped[float | None]
    study_date: Mapped[date | None]
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
    alone: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the next try runs in a process of its own, since the last one did not end well."""
    not_before: Mapped[Moment] = mapped_column(server_default=func.now())
    """No worker takes it sooner: what it needs was away at the last try."""

    set_aside: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """The files that are no images, each as its name and why; erased with the study."""
    error_type: Mapped[str | None] = mapped_column(String(64))
    error_detail: Mapped[Prose | None]
    error_file: Mapped[Prose | None]
    model_id: Mapped[str | None] = mapped_column(String(128))
    model_version: Mapped[str | None] = mapped_column(String(64))
    model_digest: Mapped[str | None] = mapped_column(String(64))


class ImageRow(Base):
    """One image of a study: where its original is, and what the CNN worker found out about it."""

    __tablename__ = "images"
    __table_args__ = (
        # Serves the collector: is this original still named by any image?
        Index("ix_images_sha256", "sha256"),
    )

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[Prose]
    """The client's name of the file: patient data, never used as a path or a key."""
    sha256: Mapped[Sha256]
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(32))
    width: Mapped[int]
    height: Mapped[int]
    used: Mapped[bool | None]
    """None until the CNN worker has looked at it."""
    view: Mapped[ViewPosition | None]
    view_source: Mapped[ViewSource | None]
    """None where the view is unknown."""
    error_type: Mapped[str | None] = mapped_column(String(64))
    error_detail: Mapped[Prose | None]
    warnings: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"))
    """Codes of `shared/reporting/warnings.py`."""
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """The DICOM attributes that are needed downstream, by keyword."""


class FindingRow(Base):
    """What the classifier says about one label of one image."""

    __tablename__ = "findings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "image_index"], ["images.study_id", "images.index"], ondelete="CASCADE"
        ),
        CheckConstraint("probability BETWEEN 0 AND 1", "probability"),
    )

    study_id: Mapped[UUID] = mapped_column(primary_key=True)
    image_index: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(64), primary_key=True)
    probability: Mapped[float]
    threshold: Mapped[float]
    uncertain_from: Mapped[float]
    status: Mapped[FindingStatus]
    box: Mapped[list[float] | None] = mapped_column(JSONB(none_as_null=True))
    """Left, top, right, bottom as fractions of the image."""
    heatmap: Mapped[bool]
    """Whether S3 holds a heatmap for it."""


class ReportRow(Base):
    """One version of a study's report."""

    __tablename__ = "reports"

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[ReportStatus]
    language: Mapped[Language]
    warnings: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Sentences, which the impression begins with."""
    indication: Mapped[Prose | None]
    """In the sender's words; no writer has seen them."""
    technique: Mapped[Prose]
    findings: Mapped[Prose]
    impression: Mapped[Prose]
    writer_id: Mapped[str] = mapped_column(String(128))
    writer_version: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    fallback: Mapped[bool]
    failures: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


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
    actor_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[Moment] = mapped_column(server_default=func.now())
    detail: Mapped[Prose | None]


class BatchRow(Base):
    """An archive's studies, counted and cancelled together."""

    __tablename__ = "batches"
    __table_args__ = (Index("ix_batches_tenant_id", "tenant_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[Prose | None]
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    cancelled_at: Mapped[Moment | None]


class ApiKeyRow(Base):
    """A client's key; only its digest is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("tenant_id IS NOT NULL OR 'admin' = ANY (scopes)", "tenant"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenants.id"))
    """None for an administrator's, which belongs to the installation."""
    name: Mapped[Prose]
    digest: Mapped[Sha256] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(16)))
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    last_used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]


class IdempotencyRow(Base):
    """The first answer to a request that carried an Idempotency-Key, or the promise of one."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        # Serves the daily forgetting; items of a batch are kept, and need no place in it.
        Index("ix_idempotency_keys_created_at", "created_at", postgresql_where=text("scope = ''")),
        # Serves the erasing of a study.
        Index("ix_idempotency_keys_study_id", "study_id"),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    scope: Mapped[str] = mapped_column(String(64), primary_key=True, server_default=text("''"))
    """A batch's id, or nothing: an item's key is unique within its batch."""
    fingerprint: Mapped[Sha256 | None]
    """SHA-256 of what was sent; None while the first request is still being read."""
    token: Mapped[UUID]
    """Of the request that holds the key; one that was taken over may not finish."""
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    status_code: Mapped[int | None]
    body: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """None for an item of a batch: there may be a million, and each answers with its study as it is."""
    study_id: Mapped[UUID | None] = mapped_column(ForeignKey("studies.id"))
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class DiscardedOriginalRow(Base):
    """An original that perhaps no image names: its study was erased, or is not accepted yet."""

    __tablename__ = "discarded_originals"
    __table_args__ = (Index("ix_discarded_originals_collect_from", "collect_from"),)

    sha256: Mapped[Sha256] = mapped_column(primary_key=True)
    collect_from: Mapped[Moment]


class DiscardedStudyRow(Base):
    """An erased study whose pictures are erased once no worker can be storing more of them."""

    __tablename__ = "discarded_studies"
    __table_args__ = (Index("ix_discarded_studies_collect_from", "collect_from"),)

    study_id: Mapped[UUID] = mapped_column(primary_key=True)
    collect_from: Mapped[Moment]
