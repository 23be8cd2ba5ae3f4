"""Tenants: whom studies, batches and keys belong to, by id; a name is for people, and may be changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.domain.studies import TenantId, new_id
from shared.errors import NameTakenError
from shared.records.tables import TenantRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """A hospital, a department."""

    id: TenantId
    name: str
    created_at: datetime


_RECORDS: Final = Values(TenantRecord, TenantRow)


def find_or_make(session: Session, name: str) -> TenantId:
    """Return the tenant of this name, made where there is none."""
    made = session.scalar(
        insert(TenantRow)
        .values(id=new_id(), name=name)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(TenantRow.id)
    )
    return TenantId(made or session.scalars(select(TenantRow.id).where(TenantRow.name == name)).one())


def everybody(session: Session) -> Sequence[TenantRecord]:
    """Return all tenants, the default one first, then as they were made."""
    return _RECORDS.all(session, _RECORDS.select().order_by(TenantRow.id))


def rename(session: Session, tenant_id: UUID, name: str) -> TenantRecord | None:
    """Give a tenant another name; all that it has stays its. None when there is no such tenant.

    Raises:
        NameTakenError: another tenant has that name.
    """
    renamed = (
        update(TenantRow).where(TenantRow.id == tenant_id).values(name=name).returning(*_RECORDS.columns)
    )
    try:
        with session.begin_nested():
            return _RECORDS.one(session, renamed)
    except IntegrityError as error:
        message = f"there is a tenant named {name!r} already"
        raise NameTakenError(message) from error


def is_there(session: Session, tenant_id: UUID) -> bool:
    """Tell whether there is such a tenant."""
    return session.get(TenantRow, tenant_id) is not None
