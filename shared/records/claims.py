"""What a worker does with a study: claim, finish, reject, release, fail, give up; what it leaves expires.

A claim is a lease with a fencing token. Whoever writes an outcome shows the token: another worker's study is
written by nobody else, and a caller that comes too late gets a LeaseLostError. Leases are renewed in
`shared/records/leases.py`, waiting work is counted in `shared/records/waiting.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, case, func, select, update
from sqlalchemy.orm import Session

from shared.domain.reports import Language
from shared.domain.studies import (
    Actor,
    LeaseToken,
    Priority,
    Stage,
    StudyEvent,
    StudyId,
    StudyStatus,
    TenantId,
)
from shared.errors import BadInputError, DamagedOriginalError, LeaseLostError
from shared.records.moves import Hint, error_values, hint_of, last_error, move
from shared.records.tables import StudyEventRow, StudyRow

MAX_EXPIRED_ALONE: Final = 5
"""Leases that may run out while a study is tried alone; the last of them makes it FAILED.

More than the failures of the work itself that are allowed, since a worker may also be killed from outside:
once or twice at this very study, but hardly five times.
"""

MOST_TURNED_AWAY: Final = 5
"""Times that a server may fail at a study and answer others meanwhile; then it is not asked for it again.

With the pauses between, minutes: what ails one copy of a server, or its memory, is over by then.
"""

_LOOKED_THROUGH: Final = 1000
"""Of the studies that wait, how many a worker looks through for one that it has a place for."""

_DIED_EACH_TIME: Final = (
    "the worker that tried the study alone died each time: most likely the study takes more memory than the"
    " worker has. Send its images one by one to find the one, or give the worker more memory and retry"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a study until the lease runs out.

    Attributes:
        study_id: the study that was waiting longest.
        claims: so far, of both stages, this one included.
        alone: the last try did not end well, so this one runs in a process of its own.
        failures: how often the work itself has failed in this stage.
        turned_away: how often a server failed at this study, and answered others, in this stage.
        actor: whose claim it is, and so who did what comes of it.
    """

    study_id: StudyId
    token: LeaseToken
    tenant_id: TenantId
    priority: Priority
    language: Language
    claims: int
    alone: bool
    failures: int
    turned_away: int
    actor: Actor


@dataclass(frozen=True, slots=True)
class Later:
    """What a worker leaves waiting for now.

    Attributes:
        alone: studies that are to be tried alone.
        tenants: whose studies.
    """

    alone: bool = False
    tenants: frozenset[TenantId] = frozenset()


NOTHING: Final = Later()


def claim(
    session: Session,
    stage: Stage,
    priority: Priority,
    *,
    lease: timedelta,
    actor: Actor,
    later: Later = NOTHING,
) -> Claim | None:
    """Take the study that has waited longest, or return None when none waits; not one that is for `later`.

    Which study a hint was sent for does not matter: that one may have been taken by an earlier hint, and a
    hint that was lost must not let a study wait behind all that came after it.
    """
    waits = [
        StudyRow.status == stage.waiting,
        StudyRow.priority == priority,
        StudyRow.not_before <= func.now(),
    ]
    if later != NOTHING:
        first = select(StudyRow).where(*waits).order_by(StudyRow.id).limit(_LOOKED_THROUGH).subquery()
        fit = select(first.c.id).where(first.c.tenant_id.not_in(later.tenants))
        if later.alone:
            fit = fit.where(~first.c.alone)
        waits.append(StudyRow.id.in_(fit))
    # Ids are sorted by time. One that another worker is taking right now is not waited for.
    oldest = (
        select(StudyRow.id).where(*waits).order_by(StudyRow.id).limit(1).with_for_update(skip_locked=True)
    )
    return take(session, StudyRow.id == oldest.scalar_subquery(), lease=lease, actor=actor)


def take(session: Session, which: ColumnElement[bool], *, lease: timedelta, actor: Actor) -> Claim | None:
    """Take the one study that meets the condition, or return None when it does not wait."""
    rows = move(
        session,
        StudyEvent.CLAIMED,
        which,
        actor=actor,
        values={
            "lease_token": StudyRow.lease_token + 1,
            "lease_expires_at": func.now() + lease,
            "claims": StudyRow.claims + 1,
        },
    )
    if not rows:
        return None
    (row,) = rows
    return Claim(
        study_id=StudyId(row.id),
        token=LeaseToken(row.lease_token),
        tenant_id=TenantId(row.tenant_id),
        priority=row.priority,
        language=row.language,
        claims=row.claims,
        alone=row.alone,
        failures=row.failures,
        turned_away=row.turned_away,
        actor=actor,
    )


def finish(
    session: Session,
    claim: Claim,
    event: StudyEvent,
    *,
    values: Mapping[str, Any] | None = None,
) -> Hint | None:
    """Record the outcome of a claim, and return the hint that the next stage is owed, if there is one.

    The caller writes the findings or the report in the same transaction, after this call: when the
    lease is lost nothing of it stays.

    Args:
        event: CLASSIFIED or REPORTED.
        values: further columns of the study, such as the model's version.

    Raises:
        LeaseLostError: the study is no longer this worker's.
    """
    fresh = {"failures": 0, "expired_alone": 0, "turned_away": 0, "alone": False, **(values or {})}
    row = _write_under_lease(session, claim, event, values=fresh)
    return hint_of(row)


def reject(session: Session, claim: Claim, reason: BadInputError) -> None:
    """End the study as REJECTED, with the reason that its client sees.

    Raises:
        LeaseLostError: the study is no longer this worker's.
    """
    _write_under_lease(session, claim, StudyEvent.REJECTED, values=error_values(reason))


def release(session: Session, claim: Claim, *, after: timedelta, why: str) -> None:
    """Give the study back unharmed, to be taken again `after` a while; no attempt is used up.

    Raises:
        LeaseLostError: the study is no longer this worker's.
    """
    values = {"not_before": func.now() + after}
    _write_under_lease(session, claim, StudyEvent.RELEASED, values=values, detail=why)


def turn_away(
    session: Session, claim: Claim, *, after: timedelta, why: str, answered_ago: timedelta | None
) -> StudyStatus:
    """Give back a study that a server failed at, and return where that leaves it.

    It counts where the server has answered others since the study was given back last: else it may fail at
    all of them. After MOST_TURNED_AWAY a study without findings ends as FAILED, since none are made up; one
    that has them waits for its report by rule.

    Args:
        answered_ago: how long ago the server gave a good answer; None where none is known.

    Raises:
        LeaseLostError: the study is no longer this worker's.
    """
    if answered_ago is not None:
        last = select(func.max(StudyEventRow.at)).where(
            StudyEventRow.study_id == claim.study_id, StudyEventRow.event == StudyEvent.RELEASED
        )
        counted = (
            update(StudyRow)
            .where(*_held_by(claim), last.scalar_subquery() < func.now() - answered_ago)
            .values(turned_away=StudyRow.turned_away + 1)
            .returning(StudyRow.status, StudyRow.turned_away)
        )
        row = session.execute(counted).one_or_none()
        if row and row.status is StudyStatus.CLASSIFYING and row.turned_away >= MOST_TURNED_AWAY:
            detail = (
                f"{why}; so it did {MOST_TURNED_AWAY} times, and answered others meanwhile: retry the study"
                " once the server is mended"
            )
            values = last_error(detail)
            given_up = _write_under_lease(session, claim, StudyEvent.GAVE_UP, values=values, detail=detail)
            return StudyStatus(given_up.status)
    values = {"not_before": func.now() + after}
    released = _write_under_lease(session, claim, StudyEvent.RELEASED, values=values, detail=why)
    return StudyStatus(released.status)


def fail(session: Session, claim: Claim, *, error: str, max_failures: int) -> StudyStatus:
    """Record that the work itself failed, and return where that leaves the study.

    A failure beside other studies only sends the study on to be tried alone, since a neighbour may be to
    blame; a failure alone counts, and the last allowed one makes the study FAILED.

    Raises:
        LeaseLostError: the study is no longer this worker's.
    """
    if claim.alone:
        counted = (
            update(StudyRow)
            .where(*_held_by(claim))
            .values(failures=StudyRow.failures + 1)
            .returning(StudyRow.failures)
        )
        if (session.scalar(counted) or 0) >= max_failures:
            last = last_error(error)
            row = _write_under_lease(session, claim, StudyEvent.GAVE_UP, values=last, detail=error)
            return StudyStatus(row.status)
    values = {"alone": True}
    row = _write_under_lease(session, claim, StudyEvent.ATTEMPT_FAILED, values=values, detail=error)
    return StudyStatus(row.status)


def give_up(session: Session, claim: Claim, reason: DamagedOriginalError) -> None:
    """End the study as FAILED: no further try would help before its original is put right.

    Raises:
        LeaseLostError: the study is no longer this worker's.
    """
    values = error_values(reason)
    _write_under_lease(session, claim, StudyEvent.GAVE_UP, values=values, detail=reason.detail)


def expire_leases(session: Session, *, actor: Actor, limit: int = 500) -> list[Hint]:
    """Take studies back from workers that stopped renewing; each is owed a hint, and a try alone.

    A lease that ran out in a worker with other studies is nobody's fault. One that ran out alone counts: a
    study that takes its worker along each time ends as FAILED, and does not go round for ever.
    """
    expired = (
        select(StudyRow.id)
        .where(StudyRow.lease_expires_at < func.now())
        .order_by(StudyRow.lease_expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(expired).all()
    last_chance = and_(StudyRow.alone, StudyRow.expired_alone + 1 >= MAX_EXPIRED_ALONE)
    given_up = last_error(_DIED_EACH_TIME)
    move(
        session,
        StudyEvent.GAVE_UP,
        StudyRow.id.in_(ids),
        last_chance,
        actor=actor,
        values=given_up,
        detail=_DIED_EACH_TIME,
    )
    counted = StudyRow.expired_alone + case((StudyRow.alone, 1), else_=0)
    values = {"alone": True, "expired_alone": counted}
    rows = move(session, StudyEvent.LEASE_EXPIRED, StudyRow.id.in_(ids), actor=actor, values=values)
    return [hint for hint in map(hint_of, rows) if hint is not None]


def _write_under_lease(
    session: Session,
    claim: Claim,
    event: StudyEvent,
    *,
    values: Mapping[str, Any],
    detail: str | None = None,
) -> Row[Any]:
    rows = move(session, event, *_held_by(claim), actor=claim.actor, values=values, detail=detail)
    if not rows:
        message = f"the lease was lost before {event} could be written"
        raise LeaseLostError(message)
    return rows[0]


def _held_by(claim: Claim) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return StudyRow.id == claim.study_id, StudyRow.lease_token == claim.token
