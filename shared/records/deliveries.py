"""What a courier does with the outbox: claim, hold, finish; and the sending again that a person asks for.

A claim is a lease with a fencing token, as a study's is. Of a study, a destination is sent one thing at a
time, and reports not in the order of their events but as they are: what is sent is the report in force, so of
several events that wait the newest stands for all. Notices go one by one, in their order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from shared.domain.deliveries import (
    GIVE_UP_AFTER,
    UNFINISHED,
    AttemptOutcome,
    DeliveryState,
    DestinationKind,
)
from shared.domain.studies import StudyEvent, StudyId
from shared.records import outbox
from shared.records.tables import DeliveryAttemptRow, DeliveryRow, DestinationRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one thing until the lease runs out.

    Attributes:
        attempts: so far, this one included.
        token: what every write of an outcome shows.
    """

    id: UUID
    study_id: StudyId
    destination_id: UUID
    event_id: int
    event: StudyEvent
    attempts: int
    lease_token: int
    created_at: datetime
    give_up_at: datetime


_CLAIMS: Final = Values(Claim, DeliveryRow)
_NEWER: Final = "a newer version of the report is sent instead"
_AWAY: Final = "the destination was away all the time"
_GIVEN_UP: Final = 1000
"""Of deliveries that have waited too long, how many are given up at once."""


def due(session: Session) -> Sequence[tuple[UUID, int]]:
    """Return the destinations that may be sent something now, each with how often it could not be reached."""
    mine = DeliveryRow.destination_id == DestinationRow.id
    statement = (
        select(DestinationRow.id, DestinationRow.failures)
        .where(
            DestinationRow.removed_at.is_(None),
            DestinationRow.paused_at.is_(None),
            DestinationRow.hold_until <= func.now(),
            exists().where(mine, _free(DeliveryRow), DeliveryRow.next_at <= func.now()),
        )
        # Whoever has waited longest for a courier goes first.
        .order_by(DestinationRow.hold_until, DestinationRow.id)
    )
    return [(row.id, row.failures) for row in session.execute(statement)]


def claim(session: Session, destination_id: UUID, *, most: int, lease: timedelta) -> Sequence[Claim]:
    """Take what a destination is to be sent next; nothing while another courier takes."""
    # Couriers that take at once would not see each other's, and send one study's versions side by side.
    this = select(DestinationRow.kind).where(
        DestinationRow.id == destination_id, DestinationRow.paused_at.is_(None)
    )
    kind = session.scalar(this.with_for_update(skip_locked=True))
    if kind is None:
        return ()
    other = aliased(DeliveryRow)
    of_the_study = and_(
        other.destination_id == DeliveryRow.destination_id,
        other.study_id == DeliveryRow.study_id,
        other.state.in_(UNFINISHED),
    )
    free = [DeliveryRow.destination_id == destination_id, _free(DeliveryRow)]
    if kind is DestinationKind.WEBHOOK:
        free.append(~exists().where(of_the_study, other.event_id < DeliveryRow.event_id))
    else:
        newer = exists().where(of_the_study, other.event_id > DeliveryRow.event_id)
        _end(session, *free, newer, state=DeliveryState.SKIPPED, error=_NEWER)
        free.append(~exists().where(of_the_study, other.id != DeliveryRow.id, ~_free(other)))
    ids = (
        select(DeliveryRow.id)
        .where(*free, DeliveryRow.next_at <= func.now())
        # What has failed before goes behind: the destination may break over that very one.
        .order_by(DeliveryRow.attempts, DeliveryRow.event_id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(ids))
        .values(
            state=DeliveryState.SENDING,
            lease_token=DeliveryRow.lease_token + 1,
            lease_expires_at=func.now() + lease,
            attempts=DeliveryRow.attempts + 1,
        )
        .returning(*_CLAIMS.columns)
    )
    claims = sorted(_CLAIMS.all(session, taken), key=lambda one: one.event_id)
    if claims:
        begun = [{"delivery_id": one.id, "number": one.attempts} for one in claims]
        session.execute(insert(DeliveryAttemptRow), begun)
    return claims


def renew(session: Session, held: Collection[Claim], *, lease: timedelta) -> None:
    """Renew the leases that are still ours."""
    if held:
        these = tuple_(DeliveryRow.id, DeliveryRow.lease_token).in_(
            [(one.id, one.lease_token) for one in held]
        )
        renewed = update(DeliveryRow).where(these, DeliveryRow.state == DeliveryState.SENDING)
        session.execute(renewed.values(lease_expires_at=func.now() + lease))


def is_held(session: Session, claim: Claim) -> bool:
    """Tell whether the claim holds: not of a study that was erased, nor once another courier took it."""
    return session.scalar(select(exists().where(*_held_by(claim)))) or False


def delivered_version(session: Session, claim: Claim) -> int | None:
    """Return the version of the report that the destination was given last; None where it has none."""
    return session.scalar(
        select(DeliveryRow.version)
        .where(
            DeliveryRow.study_id == claim.study_id,
            DeliveryRow.destination_id == claim.destination_id,
            DeliveryRow.state == DeliveryState.DELIVERED,
        )
        .order_by(DeliveryRow.ended_at.desc())
        .limit(1)
    )


def delivered(session: Session, claim: Claim, *, answer: str, version: int | None) -> bool:
    """Record that the destination has acknowledged it; False when the claim was lost."""
    return _finish(session, claim, AttemptOutcome.DELIVERED, answer, DeliveryState.DELIVERED, version=version)


def skipped(session: Session, claim: Claim, *, why: str) -> bool:
    """Record that there is nothing to send; False when the claim was lost."""
    return _finish(session, claim, AttemptOutcome.SKIPPED, why, DeliveryState.SKIPPED, error=why)


def failed(
    session: Session, claim: Claim, outcome: AttemptOutcome, *, answer: str, again_after: timedelta | None
) -> bool:
    """Record that it was not taken, and leave it to be tried again, or give it up; False when it was lost.

    Args:
        again_after: when at the soonest; None where no further try would help.
    """
    if again_after is None or claim.give_up_at <= _now(session):
        return _finish(session, claim, outcome, answer, DeliveryState.DEAD, error=answer)
    later = {"next_at": func.now() + again_after, "error": answer}
    return _finish(session, claim, outcome, answer, DeliveryState.WAITING, **later)


def give_up(session: Session) -> int:
    """Give up what has waited too long for destinations that are away; return how much.

    What waits because no courier ran, or its destination is paused, has had no chance yet.
    """
    away = (
        DestinationRow.removed_at.is_(None)
        & DestinationRow.paused_at.is_(None)
        & (DestinationRow.failures > 0)
    )
    old = (
        select(DeliveryRow.id)
        .join(DestinationRow, DestinationRow.id == DeliveryRow.destination_id)
        .where(away, _free(DeliveryRow), DeliveryRow.give_up_at <= func.now())
        .limit(_GIVEN_UP)
        .with_for_update(of=DeliveryRow, skip_locked=True)
    )
    return _end(session, DeliveryRow.id.in_(old), state=DeliveryState.DEAD, error=_AWAY)


def retry(session: Session, delivery_id: UUID) -> bool:
    """Have a dead delivery sent again, for another three days; False when it is not dead."""
    return _retry(session, DeliveryRow.id == delivery_id) > 0


def retry_all(session: Session, destination_id: UUID) -> int:
    """Have all dead deliveries of a destination sent again; return how many there are."""
    return _retry(session, DeliveryRow.destination_id == destination_id)


def _retry(session: Session, which: ColumnElement[bool]) -> int:
    again = {
        "state": DeliveryState.WAITING,
        "next_at": func.now(),
        "give_up_at": func.now() + GIVE_UP_AFTER,
        "ended_at": None,
    }
    live = select(DestinationRow.id).where(DestinationRow.removed_at.is_(None))
    dead = (DeliveryRow.state == DeliveryState.DEAD) & DeliveryRow.destination_id.in_(live)
    rows = session.scalars(
        update(DeliveryRow).where(which, dead).values(again).returning(DeliveryRow.id)
    ).all()
    session.execute(select(func.pg_notify(outbox.CHANNEL, "")))
    return len(rows)


def _finish(
    session: Session,
    claim: Claim,
    outcome: AttemptOutcome,
    answer: str,
    state: DeliveryState,
    **values: object,
) -> bool:
    ended = None if state is DeliveryState.WAITING else func.now()
    new = {"state": state, "lease_expires_at": None, "ended_at": ended, "error": None, **values}
    mine = update(DeliveryRow).where(*_held_by(claim)).values(new).returning(DeliveryRow.id)
    if session.scalar(mine) is None:
        return False
    session.execute(
        update(DeliveryAttemptRow)
        .where(DeliveryAttemptRow.delivery_id == claim.id, DeliveryAttemptRow.number == claim.attempts)
        .values(ended_at=func.now(), outcome=outcome, answer=answer)
    )
    return True


def _end(session: Session, *which: ColumnElement[bool], state: DeliveryState, error: str) -> int:
    ended = {"state": state, "error": error, "lease_expires_at": None, "ended_at": func.now()}
    return len(
        session.scalars(update(DeliveryRow).where(*which).values(ended).returning(DeliveryRow.id)).all()
    )


def _free(row: type[DeliveryRow]) -> ColumnElement[bool]:
    """Return whether nobody holds it: it waits, or its courier died."""
    return or_(
        row.state == DeliveryState.WAITING,
        and_(row.state == DeliveryState.SENDING, row.lease_expires_at < func.now()),
    )


def _held_by(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        DeliveryRow.id == claim.id,
        DeliveryRow.lease_token == claim.lease_token,
        DeliveryRow.state == DeliveryState.SENDING,
    )


def _now(session: Session) -> datetime:
    return session.scalars(select(func.now())).one()
