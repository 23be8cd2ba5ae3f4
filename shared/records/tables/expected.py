"""What a hospital announces before its studies come: orders, who sends them, and messages that were taken."""

from datetime import date, time
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain.expected_orders import OrderStatus
from shared.domain.studies import Priority
from shared.records.database import Base, Moment, PatientText, Sha256, SystemText
from shared.records.marks import EXPIRES, PATIENT

NUMBER: Final = "left(coalesce(accession_number, filler_number, placer_number), 64)"
"""`ExpectedOrder.number` as the index holds it."""


class ExpectedOrderRow(Base):
    """An order of which a study may come (`ExpectedOrder`); gone with that study, and when it expires."""

    __tablename__ = "expected_orders"
    __table_args__ = (
        # Serve the study that comes of it: by the accession number and by the study's UID.
        Index("ix_expected_orders_number", "tenant_id", text(NUMBER)),
        Index("ix_expected_orders_study", "tenant_id", text("left(study_instance_uid, 64)")),
        # Serve the next message of the same order.
        Index("ix_expected_orders_filler", "tenant_id", text("left(filler_number, 64)")),
        Index("ix_expected_orders_placer", "tenant_id", text("left(placer_number, 64)")),
        # Serves the patient's changes and the erasing.
        Index("ix_expected_orders_patient", "tenant_id", text("left(patient_id, 64)")),
        # Serves the modality worklist.
        Index("ix_expected_orders_scheduled", "tenant_id", "scheduled_date"),
        Index("ix_expected_orders_expires_at", "expires_at"),
        EXPIRES,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    received_at: Mapped[Moment] = mapped_column(server_default=func.now())
    expires_at: Mapped[Moment]
    accession_number: Mapped[PatientText | None]
    placer_number: Mapped[PatientText | None]
    filler_number: Mapped[PatientText | None]
    study_instance_uid: Mapped[PatientText | None]
    patient_id: Mapped[PatientText | None]
    patient_id_issuer: Mapped[PatientText | None]
    other_patient_ids: Mapped[list[str]] = mapped_column(
        ARRAY(String), server_default=text("'{}'"), info=PATIENT
    )
    patient_name: Mapped[PatientText | None]
    patient_birth_date: Mapped[date | None] = mapped_column(info=PATIENT)
    patient_sex: Mapped[str | None] = mapped_column(String(1), info=PATIENT)
    indication: Mapped[PatientText | None]
    referring_physician: Mapped[PatientText | None]
    priority: Mapped[Priority | None]
    procedure_code: Mapped[PatientText | None]
    procedure: Mapped[PatientText | None]
    requested_procedure_id: Mapped[PatientText | None]
    procedure_step_id: Mapped[PatientText | None]
    modality: Mapped[PatientText | None]
    station_ae_title: Mapped[PatientText | None]
    scheduled_date: Mapped[date | None] = mapped_column(info=PATIENT)
    scheduled_time: Mapped[time | None] = mapped_column(info=PATIENT)
    status: Mapped[OrderStatus]


class Hl7SenderRow(Base):
    """A system that sends HL7 messages, by the names that it gives itself (MSH-3, MSH-4)."""

    __tablename__ = "hl7_senders"
    __table_args__ = (UniqueConstraint("application", "facility"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    application: Mapped[SystemText]
    """MSH-3; empty: any application of the facility."""
    facility: Mapped[SystemText]
    """MSH-4."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class Hl7MessageRow(Base):
    """A message that was taken, by its digest: sent once more, it changes nothing."""

    __tablename__ = "hl7_messages"
    __table_args__ = (Index("ix_hl7_messages_received_at", "received_at"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    digest: Mapped[Sha256] = mapped_column(primary_key=True)
    received_at: Mapped[Moment] = mapped_column(server_default=func.now())
