"""Whom things belong to, and who may ask for them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.records.database import Base, Moment, Sha256, SystemText
from shared.records.marks import PATIENT, SYSTEM


class TenantRow(Base):
    """Whom studies, batches and keys belong to: a hospital, a department."""

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[SystemText] = mapped_column(unique=True)
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class ApiKeyRow(Base):
    """A client's key; only its digest is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("tenant_id IS NOT NULL OR 'admin' = ANY (scopes)", "tenant"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenants.id"))
    """None for an administrator's, which belongs to the installation."""
    name: Mapped[SystemText]
    digest: Mapped[Sha256] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(16)), info=SYSTEM)
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    last_used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]


class DicomPeerRow(Base):
    """A DICOM application entity that may call us, or that we call."""

    __tablename__ = "dicom_peers"
    __table_args__ = (
        # Who calls is known by title and host; one without a host may be anywhere, once.
        Index("ux_dicom_peers_ae_title_host", "ae_title", text("coalesce(host, '')"), unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    ae_title: Mapped[str] = mapped_column(String(16), info=SYSTEM)
    host: Mapped[str | None] = mapped_column(String(255), info=SYSTEM)
    port: Mapped[int | None]
    tls: Mapped[bool] = mapped_column(server_default=text("false"))
    may_store: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


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
    key: Mapped[str] = mapped_column(String(255), primary_key=True, info=PATIENT)
    scope: Mapped[str] = mapped_column(String(64), primary_key=True, server_default=text("''"), info=SYSTEM)
    """A batch's id, or nothing: an item's key is unique within its batch."""
    fingerprint: Mapped[Sha256 | None]
    """SHA-256 of what was sent; None while the first request is still being read."""
    token: Mapped[UUID]
    """Of the request that holds the key; one that was taken over may not finish."""
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    body: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), info=PATIENT)
    """None for an item of a batch: there may be a million, and each answers with its study as it is."""
    study_id: Mapped[UUID | None] = mapped_column(ForeignKey("studies.id"))
    """What came of the request; None while it is served."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
