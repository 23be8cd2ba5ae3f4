"""API keys: made once, shown once, kept as a digest, revoked at once.

A key is 256 random bits, so its plain SHA-256 cannot be guessed backwards and needs no salt; the
lookup goes by that digest, so how long it takes says nothing about a key.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from shared.domain.studies import DEFAULT_TENANT, KeyId, TenantId, new_id
from shared.records import tenants
from shared.records.tables import ApiKeyRow, TenantRow

PREFIX: Final = "cxr_"
"""What every key starts with, so that a leaked one is found by secret scanners."""

CHANNEL: Final = "api_keys"
"""Postgres NOTIFY channel: something about the keys changed, so what was remembered is void."""

USE_RECORDED_EVERY: Final = timedelta(minutes=1)


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    WRITE = "write"
    REVIEW = "review"
    """To change and sign reports, in the name that the key has: it is a person's."""
    ADMIN = "admin"
    """Everything, on everybody's studies, and the keys themselves: of the installation, not of a tenant."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its administrators see it: all but the key itself.

    Attributes:
        tenant: its tenant's name; None for an administrator's key, as is `tenant_id`.
    """

    id: KeyId
    tenant_id: TenantId | None
    tenant: str | None
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    last_used_at: datetime | None


def create(
    session: Session, *, name: str, scopes: Collection[Scope], tenant: str | None = None
) -> tuple[ApiKey, str]:
    """Make a key, and return it with its secret, which nobody can read again.

    Args:
        tenant: whose it is, by name; a new name makes a new tenant. None for the default tenant's, and for an
            administrator's, which is nobody's.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    owner = None
    if Scope.ADMIN not in scopes:
        owner = DEFAULT_TENANT if tenant is None else tenants.find_or_make(session, tenant)
    row = ApiKeyRow(
        id=new_id(),
        tenant_id=owner,
        name=name,
        digest=digest_of(secret),
        scopes=sorted(scope.value for scope in scopes),
    )
    session.add(row)
    session.flush()
    session.refresh(row, ["created_at"])
    its_name = session.scalar(select(TenantRow.name).where(TenantRow.id == owner))
    return _key_of(row, its_name), secret


def find(session: Session, digest: str) -> ApiKey | None:
    """Return the live key with this digest, and record that it was used (once a minute at most)."""
    found = session.execute(_live().where(ApiKeyRow.digest == digest)).one_or_none()
    if found is None:
        return None
    row, tenant = found
    stale = or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at < func.now() - USE_RECORDED_EVERY)
    session.execute(
        update(ApiKeyRow)
        .where(ApiKeyRow.id == row.id, stale)
        .values(last_used_at=func.now())
        .execution_options(synchronize_session=False)
    )
    return _key_of(row, tenant)


def live_keys(session: Session) -> Sequence[ApiKey]:
    """Return all keys that are not revoked, oldest first."""
    return [_key_of(row, tenant) for row, tenant in session.execute(_live().order_by(ApiKeyRow.id))]


def revoke(session: Session, key_id: UUID) -> bool:
    """Take a key's power away, in every process; return whether there was such a live key."""
    revoked = session.scalar(
        update(ApiKeyRow)
        .where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(ApiKeyRow.id)
    )
    session.execute(select(func.pg_notify(CHANNEL, "")))
    return revoked is not None


def digest_of(secret: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _live() -> Select[ApiKeyRow, str]:
    # The name is None where there is no tenant, which the types of an outer join do not say.
    with_tenant = select(ApiKeyRow, TenantRow.name).outerjoin(TenantRow, TenantRow.id == ApiKeyRow.tenant_id)
    return with_tenant.where(ApiKeyRow.revoked_at.is_(None))


def _key_of(row: ApiKeyRow, tenant: str | None) -> ApiKey:
    return ApiKey(
        id=KeyId(row.id),
        tenant_id=None if row.tenant_id is None else TenantId(row.tenant_id),
        tenant=tenant,
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
