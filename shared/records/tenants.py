"""Tenants: whom studies, batches and keys belong to."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.studies import TenantId, new_id
from shared.records.tables import TenantRow


def find_or_make(session: Session, name: str) -> TenantId:
    """Return the tenant of this name, made where there is none."""
    made = session.scalar(
        insert(TenantRow)
        .values(id=new_id(), name=name)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(TenantRow.id)
    )
    return TenantId(made or session.scalars(select(TenantRow.id).where(TenantRow.name == name)).one())
