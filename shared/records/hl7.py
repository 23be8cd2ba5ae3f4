"""Who may send HL7 messages, and which were taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.domain.studies import TenantId, new_id
from shared.errors import NameTakenError
from shared.records import tenants
from shared.records.tables import Hl7MessageRow, Hl7SenderRow, TenantRow
from shared.records.values import Values

REMEMBERED: Final = timedelta(days=7)
"""For how long a message that comes once more is known; an engine that was away repeats its last in hours."""


@dataclass(frozen=True, slots=True)
class Hl7Sender:
    """A system that sends HL7 messages.

    Attributes:
        tenant: whose orders it sends, a name.
        application: MSH-3 of its messages; empty: any of the facility.
        facility: MSH-4.
    """

    id: UUID
    tenant: str
    application: str
    facility: str
    created_at: datetime


_TENANT: Final = select(TenantRow.name).where(TenantRow.id == Hl7SenderRow.tenant_id).scalar_subquery()
_SENDERS: Final = Values(Hl7Sender, Hl7SenderRow, tenant=_TENANT)


def add_sender(session: Session, *, application: str, facility: str, tenant: str) -> Hl7Sender:
    """Let a system send for a tenant, who is made where there is none of the name.

    Raises:
        NameTakenError: there is such a sender.
    """
    tenant_id = tenants.find_or_make(session, tenant)
    row = Hl7SenderRow(id=new_id(), tenant_id=tenant_id, application=application, facility=facility)
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as error:
        message = f"there is a sender {application!r} of the facility {facility!r} already"
        raise NameTakenError(message) from error
    made = _SENDERS.one(session, _SENDERS.select().where(Hl7SenderRow.id == row.id))
    assert made is not None  # noqa: S101  written above, in this transaction
    return made


def senders(session: Session) -> Sequence[Hl7Sender]:
    """Return all senders, as they were made."""
    return _SENDERS.all(session, _SENDERS.select().order_by(Hl7SenderRow.id))


def remove_sender(session: Session, sender_id: UUID) -> bool:
    """Take nothing more of a sender; return whether there was one."""
    removed = delete(Hl7SenderRow).where(Hl7SenderRow.id == sender_id).returning(Hl7SenderRow.id)
    return session.scalar(removed) is not None


def has_senders(session: Session) -> bool:
    """Tell whether any sender was made."""
    return bool(session.scalar(select(exists(select(Hl7SenderRow.id)))))


def tenant_of(session: Session, *, application: str, facility: str) -> TenantId | None:
    """Return for whom a system sends that calls itself so; None where nobody made it a sender."""
    found = session.scalar(
        select(Hl7SenderRow.tenant_id)
        .where(Hl7SenderRow.facility == facility, Hl7SenderRow.application.in_([application, ""]))
        .order_by(Hl7SenderRow.application.desc())
        .limit(1)
    )
    return None if found is None else TenantId(found)


def was_taken(session: Session, tenant_id: TenantId, digest: str) -> bool:
    """Tell whether this very message was taken before."""
    same = (Hl7MessageRow.tenant_id == tenant_id, Hl7MessageRow.digest == digest)
    return bool(session.scalar(select(exists().where(*same))))


def note_taken(session: Session, tenant_id: TenantId, digest: str) -> None:
    """Note that a message was taken, with all that it led to."""
    session.execute(insert(Hl7MessageRow).values(tenant_id=tenant_id, digest=digest).on_conflict_do_nothing())


def forget_old(session: Session) -> None:
    """Forget the messages that nobody sends once more."""
    session.execute(delete(Hl7MessageRow).where(Hl7MessageRow.received_at < func.now() - REMEMBERED))
