"""Reading the outbox: a study's deliveries with each attempt, lists by keyset, and how much there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from shared.domain.deliveries import UNFINISHED, AttemptOutcome, DeliveryState, DestinationKind
from shared.domain.studies import StudyEvent, StudyId, TenantId
from shared.records.tables import DeliveryAttemptRow, DeliveryRow, DestinationRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt; without an outcome while it lasts, and where its courier died in it."""

    delivery_id: UUID
    number: int
    began_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """What a destination is owed of an event, and how that stands."""

    id: UUID
    study_id: StudyId
    tenant_id: TenantId
    destination_id: UUID
    destination: str
    kind: DestinationKind
    event: StudyEvent
    state: DeliveryState
    attempts: int
    next_at: datetime
    give_up_at: datetime
    version: int | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None


_RECORDS: Final = Values(
    DeliveryRecord, DeliveryRow, destination=DestinationRow.name, kind=DestinationRow.kind
)
_ATTEMPTS: Final = Values(AttemptRecord, DeliveryAttemptRow)


def of_study(session: Session, study_id: StudyId) -> Sequence[DeliveryRecord]:
    """Return a study's deliveries in the order of their events."""
    return _read(session, DeliveryRow.study_id == study_id, order=(DeliveryRow.event_id, DestinationRow.name))


def find(session: Session, delivery_id: UUID) -> DeliveryRecord | None:
    """Return a delivery; None when there is no such one."""
    found = _read(session, DeliveryRow.id == delivery_id)
    return found[0] if found else None


def page(
    session: Session,
    *,
    limit: int,
    before: UUID | None = None,
    tenant_id: TenantId | None = None,
    state: DeliveryState | None = None,
    destination_id: UUID | None = None,
) -> Sequence[DeliveryRecord]:
    """Return a page of deliveries, newest first, that starts after the id `before`.

    Args:
        tenant_id: whose; None means everybody's.
    """
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in (
        (DeliveryRow.tenant_id, tenant_id),
        (DeliveryRow.state, state),
        (DeliveryRow.destination_id, destination_id),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if before is not None:
        conditions.append(DeliveryRow.id < before)
    return _read(session, *conditions, order=(DeliveryRow.id.desc(),), limit=limit)


def attempts_of_each(session: Session, records: Sequence[DeliveryRecord]) -> dict[UUID, list[AttemptRecord]]:
    """Return the attempts of several deliveries, by the delivery, oldest first."""
    found: dict[UUID, list[AttemptRecord]] = {record.id: [] for record in records}
    these = DeliveryAttemptRow.delivery_id.in_(list(found))
    statement = _ATTEMPTS.select().where(these).order_by(DeliveryAttemptRow.number)
    for attempt in _ATTEMPTS.all(session, statement):
        found[attempt.delivery_id].append(attempt)
    return found


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is owed to the destinations of one kind.

    Attributes:
        oldest: since when the oldest of it has waited.
    """

    waiting: int
    dead: int
    oldest: timedelta


def backlog(session: Session) -> dict[DestinationKind, Backlog]:
    """Count what waits and what was given up, for each kind of destination; what is paused waits too."""
    waits = DeliveryRow.state.in_(UNFINISHED)
    statement = (
        select(
            DestinationRow.kind,
            func.count().filter(waits),
            func.count().filter(DeliveryRow.state == DeliveryState.DEAD),
            func.min(DeliveryRow.created_at).filter(waits),
            func.now(),
        )
        .join(DestinationRow, DestinationRow.id == DeliveryRow.destination_id)
        .where(
            DestinationRow.removed_at.is_(None),
            DeliveryRow.state.in_((*UNFINISHED, DeliveryState.DEAD)),
        )
        .group_by(DestinationRow.kind)
    )
    none = dict.fromkeys(DestinationKind, Backlog(0, 0, timedelta(0)))
    counted = {
        kind: Backlog(waiting, dead, now - since if since else timedelta(0))
        for kind, waiting, dead, since, now in session.execute(statement)
    }
    return none | counted


def _read(
    session: Session,
    *which: ColumnElement[bool],
    order: Sequence[ColumnElement[Any] | Any] = (),
    limit: int | None = None,
) -> Sequence[DeliveryRecord]:
    statement = (
        _RECORDS.select()
        .join(DestinationRow, DestinationRow.id == DeliveryRow.destination_id)
        .where(*which)
        .order_by(*order)
        .limit(limit)
    )
    return _RECORDS.all(session, statement)
