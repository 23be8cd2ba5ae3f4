"""What is sent out: the destinations, and the outbox with each attempt."""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain.deliveries import AttemptOutcome, DeliveryState, DestinationKind
from shared.records.database import Base, Moment, PatientText, SystemText
from shared.records.marks import SYSTEM


class DestinationRow(Base):
    """Where a tenant's results are sent, and which."""

    __tablename__ = "destinations"
    __table_args__ = (
        # Serves the outbox, and lets a name be used again once its destination is removed.
        Index(
            "ux_destinations_tenant_id_name",
            "tenant_id",
            "name",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        CheckConstraint(
            "CASE WHEN kind IN ('dicom', 'hl7') THEN host IS NOT NULL AND port IS NOT NULL AND url IS NULL"
            " ELSE url IS NOT NULL AND host IS NULL AND port IS NULL END",
            "address",
        ),
        CheckConstraint("kind <> 'dicom' OR ae_title IS NOT NULL", "ae_title"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[SystemText]
    kind: Mapped[DestinationKind]
    url: Mapped[SystemText | None]
    """Of dicomweb, fhir and webhook."""
    host: Mapped[SystemText | None]
    """Of dicom and hl7, as is the port."""
    port: Mapped[int | None]
    tls: Mapped[bool] = mapped_column(server_default=text("false"))
    ae_title: Mapped[str | None] = mapped_column(String(16), info=SYSTEM)
    application: Mapped[SystemText | None]
    """Of hl7: who receives the message (MSH-5), as is the facility (MSH-6)."""
    facility: Mapped[SystemText | None]
    username: Mapped[SystemText | None]
    secret: Mapped[SystemText | None]
    """A password where there is a user name, else a bearer token; of a webhook, what it is signed with."""
    formats: Mapped[list[str]] = mapped_column(ARRAY(String(16)), info=SYSTEM)
    events: Mapped[list[str]] = mapped_column(ARRAY(String(16)), info=SYSTEM)
    labels: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default=text("'{}'"), info=SYSTEM)
    """One of these is present, or anything where none is named."""
    priorities: Mapped[list[str]] = mapped_column(ARRAY(String(16)), server_default=text("'{}'"), info=SYSTEM)
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    paused_at: Mapped[Moment | None]
    """What is owed to it waits meanwhile."""
    removed_at: Mapped[Moment | None]
    """Its row stays, for what was delivered to it."""
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    """How often in a row it could not be reached; while there are any it is tried with one delivery."""
    hold_until: Mapped[Moment] = mapped_column(server_default=func.now())
    """It is not tried sooner."""
    last_error: Mapped[SystemText | None]
    """Why it could not be reached, in our own words."""
    test_asked_at: Mapped[Moment | None]
    tested_at: Mapped[Moment | None]
    test_passed: Mapped[bool | None]
    test_answer: Mapped[SystemText | None]
    """What the test found, in our own words."""


class DeliveryRow(Base):
    """What one destination is owed of one event: written in the statement of the event."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("destination_id", "event_id"),
        # Serves the courier: what is owed to a destination, and what else of the same study.
        Index(
            "ix_deliveries_due",
            "destination_id",
            "study_id",
            "event_id",
            postgresql_where=text("state IN ('waiting', 'sending')"),
        ),
        # Serves a study's page and its erasing.
        Index("ix_deliveries_study_id", "study_id", "id"),
        # Serve the lists, newest first, and the gauges.
        Index("ix_deliveries_tenant_id", "tenant_id", "id"),
        Index("ix_deliveries_tenant_state_id", "tenant_id", "state", "id"),
        Index("ix_deliveries_state_id", "state", "id"),
        Index("ix_deliveries_destination_state_id", "destination_id", "state", "id"),
        CheckConstraint("(lease_expires_at IS NOT NULL) = (state = 'sending')", "lease"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    """The study's own, here too for the lists."""
    destination_id: Mapped[UUID] = mapped_column(ForeignKey("destinations.id"))
    event_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("study_events.id"))
    """A study's events are numbered in their order."""
    event: Mapped[str] = mapped_column(String(16), info=SYSTEM)
    """A `StudyEvent`, here too for the lists."""
    state: Mapped[DeliveryState] = mapped_column(server_default=text("'waiting'"))
    lease_token: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Only ever grows, as a study's."""
    lease_expires_at: Mapped[Moment | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[Moment] = mapped_column(server_default=func.now())
    """It is not tried sooner."""
    give_up_at: Mapped[Moment]
    version: Mapped[int | None]
    """Of the report that was delivered."""
    error: Mapped[PatientText | None]
    """What keeps it, or kept it, from being delivered; a destination's own words may be in it."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    ended_at: Mapped[Moment | None]


class DeliveryAttemptRow(Base):
    """One attempt; without an outcome while it lasts, and for ever where its courier died in it."""

    __tablename__ = "delivery_attempts"

    delivery_id: Mapped[UUID] = mapped_column(
        ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[Moment] = mapped_column(server_default=func.now())
    ended_at: Mapped[Moment | None]
    outcome: Mapped[AttemptOutcome | None]
    answer: Mapped[PatientText | None]
    """What the destination answered."""
