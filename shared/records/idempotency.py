"""Requests that may be sent twice: an Idempotency-Key belongs to one request and one answer.

begin -> Begun    -> (work) -> finish, in the transaction of the work itself, or release
      -> Replayed    the work is done: give the first answer again
      -> InUse       another request is at it; when that one dies, its lock runs out and we may take over
      -> Reused      the key belongs to other content

Of an item of a batch the study is kept, not the answer: a replay answers with the study as it is then. An
erased study takes its key along, which may name a patient: who sends it again sends it in anew.

The token is a fence: a request that was taken over cannot finish, so its work is rolled back with it.
Source: Stripe's description of idempotent requests; draft-ietf-httpapi-idempotency-key-header-07.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.studies import StudyId, TenantId, new_id
from shared.errors import LeaseLostError
from shared.records.tables import IdempotencyRow

KEPT: Final = timedelta(hours=24)
"""How long an answer can be replayed; an item's of a batch as long as the batch."""

LOCK: Final = timedelta(seconds=30)
"""How long a request may work without `renew` before another may take its place."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a client calls its request: unique for its tenant, and within a batch."""

    tenant_id: TenantId
    key: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """The request is ours to serve."""

    token: UUID


@dataclass(frozen=True, slots=True)
class Replayed:
    """It was served before, with this answer; the body of an item is its study's."""

    body: Mapping[str, Any] | None
    study_id: StudyId


@dataclass(frozen=True, slots=True)
class InUse:
    """Another request with this key is being served."""


@dataclass(frozen=True, slots=True)
class Reused:
    """The key was used for other content."""


def begin(
    session: Session, request: RequestKey, *, fingerprint: str, lock: timedelta = LOCK
) -> Begun | Replayed | InUse | Reused:
    """Take the key for this request, or say why not.

    Args:
        fingerprint: SHA-256 of the request's content.
    """
    if (token := _take(session, request, fingerprint, lock)) is not None:
        return Begun(token)
    row = session.get(IdempotencyRow, (request.tenant_id, request.key, request.scope))
    if row is None:
        return InUse()  # given up this very moment: the client's next try will have it
    if row.fingerprint != fingerprint:
        return Reused()
    if row.study_id is None:
        return InUse()
    return Replayed(row.body, StudyId(row.study_id))


def renew(session: Session, request: RequestKey, token: UUID, *, lock: timedelta = LOCK) -> None:
    """Hold the key for longer: the work goes on."""
    session.execute(
        update(IdempotencyRow).where(_held(request, token)).values(locked_until=func.now() + lock)
    )


def finish(
    session: Session,
    request: RequestKey,
    token: UUID,
    *,
    body: Mapping[str, Any] | None,
    study_id: StudyId,
) -> None:
    """Keep the answer, in the transaction of the work that it reports; of a batch's item without its body.

    Raises:
        LeaseLostError: another request took the key over; the caller's work must not stay either.
    """
    finished = session.scalar(
        update(IdempotencyRow)
        .where(_held(request, token))
        .values(body=body, study_id=study_id, locked_until=None)
        .returning(IdempotencyRow.token)
    )
    if finished is None:
        message = "another request took the idempotency key over"
        raise LeaseLostError(message)


def release(session: Session, request: RequestKey, token: UUID) -> None:
    """Give the key back unused: nothing was done, so the client may try again, with anything."""
    session.execute(delete(IdempotencyRow).where(_held(request, token)))


def forget_old(session: Session) -> None:
    """Drop the keys that are no longer kept; those of a batch's items stay as long as the batch."""
    old = func.now() - KEPT
    session.execute(delete(IdempotencyRow).where(IdempotencyRow.created_at < old, IdempotencyRow.scope == ""))


def _take(session: Session, request: RequestKey, fingerprint: str, lock: timedelta) -> UUID | None:
    """Insert the key, or take it over from a request that died with it or was forgotten; one statement."""
    mine = {
        "fingerprint": fingerprint,
        "token": new_id(),
        "locked_until": func.now() + lock,
        "created_at": func.now(),
        "body": None,
        "study_id": None,
    }
    died = and_(
        IdempotencyRow.study_id.is_(None),
        IdempotencyRow.locked_until < func.now(),
        IdempotencyRow.fingerprint == fingerprint,
    )
    forgotten = and_(IdempotencyRow.scope == "", IdempotencyRow.created_at < func.now() - KEPT)
    statement = insert(IdempotencyRow).values(
        tenant_id=request.tenant_id, key=request.key, scope=request.scope, **mine
    )
    return session.scalar(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "key", "scope"], set_=mine, where=or_(died, forgotten)
        ).returning(IdempotencyRow.token)
    )


def _held(request: RequestKey, token: UUID) -> ColumnElement[bool]:
    return and_(
        IdempotencyRow.tenant_id == request.tenant_id,
        IdempotencyRow.key == request.key,
        IdempotencyRow.scope == request.scope,
        IdempotencyRow.token == token,
        IdempotencyRow.study_id.is_(None),
    )
