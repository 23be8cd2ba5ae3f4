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

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from shared.domain import KeyId, new_id
from shared.records.tables import ApiKeyRow

PREFIX: Final = "cxr_"
"""What every key starts with, so that a leaked one is found by secret scanners."""

CHANNEL: Final = "api_keys"
"""Postgres NOTIFY channel: something about the keys changed, so what was remembered is void."""

USE_RECORDED_EVERY: Final = timedelta(minutes=1)


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    """Everything, on everybody's studies, and the keys themselves."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its administrators see it: all but the key itself."""

    id: KeyId
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    last_used_at: datetime | None


def create(session: Session, *, name: str, scopes: Collection[Scope]) -> tuple[ApiKey, str]:
    """Make a key, and return it with its secret, which nobody can read again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    row = ApiKeyRow(
        id=new_id(), name=name, digest=digest_of(secret), scopes=sorted(scope.value for scope in scopes)
    )
    session.add(row)
    session.flush()
    session.refresh(row, ["created_at"])
    return _key_of(row), secret


def find(session: Session, digest: str) -> ApiKey | None:
    """Return the live key with this digest, and record that it was used (once a minute at most)."""
    row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.digest == digest, ApiKeyRow.revoked_at.is_(None)))
    if row is None:
        return None
    stale = or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at < func.now() - USE_RECORDED_EVERY)
    session.execute(
        update(ApiKeyRow)
        .where(ApiKeyRow.id == row.id, stale)
        .values(last_used_at=func.now())
        .execution_options(synchronize_session=False)
    )
    return _key_of(row)


def live_keys(session: Session) -> Sequence[ApiKey]:
    """Return all keys that are not revoked, oldest first."""
    rows = session.scalars(select(ApiKeyRow).where(ApiKeyRow.revoked_at.is_(None)).order_by(ApiKeyRow.id))
    return [_key_of(row) for row in rows]


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


def _key_of(row: ApiKeyRow) -> ApiKey:
    scopes = frozenset(Scope(scope) for scope in row.scopes)
    return ApiKey(KeyId(row.id), row.name, scopes, row.created_at, row.last_used_at)
