"""Every change of a study: accept, close, claim, finish, reject, release, fail, cancel, retry, expire.

All of them go through `_move`, one conditional UPDATE that takes its targets from
`domain.TRANSITIONS`; `events.write` runs it together with the row that it adds to the timeline. A caller
that lost (another worker has the study, or it is cancelled) gets None or a LeaseLostError and writes
nothing. Studies are read in `shared/records/reading.py`, leases
renewed in `shared/records/leases.py`, waiting work is counted in `shared/records/waiting.py`.

The clock is Postgres' own: workers on machines whose clocks differ still agree on a lease.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    case,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from shared.domain import (
    NO_ORDER,
    TRANSITIONS,
    Actor,
    BatchId,
    Language,
    LeaseToken,
    Order,
    Priority,
    Stage,
    StudyEvent,
    StudyId,
    StudyStatus,
    TenantId,
    next_status,
    statuses_before,
)
from shared.errors import BadInputError, DamagedOriginalError, LeaseLostError
from shared.records import events
from shared.records.tables import ImageRow, OrderRow, StudyRow

MAX_EXPIRED_ALONE: Final = 5
"""Leases that may run out while a study is tried alone; the last of them makes it FAILED.

More than the failures of the work itself that are allowed, since a worker may also be killed from outside:
once or twice at this very study, but hardly five times.
"""

_LOOKED_THROUGH: Final = 1000
"""Of the studies that wait, how many a worker looks through for one that it has a place for."""

_DIED_EACH_TIME: Final = (
    "the worker that tried the study alone died each time: most likely the study takes more memory than the"
    " worker has. Send its images one by one to find the one, or give the worker more memory and retry"
)


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image whose original is in the object store already."""

    file: str
    sha256: str
    size: int
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Opening:
    """That a study gathers images until it is closed.

    Attributes:
        close_after: the quiet time after the newest image that closes it.
        expected_images: with so many it is closed at once.
    """

    close_after: timedelta
    expected_images: int | None = None


@dataclass(frozen=True, slots=True)
class NewStudy:
    """What a client asks for, checked."""

    id: StudyId
    tenant_id: TenantId
    priority: Priority
    language: Language
    images: Sequence[StoredImage]
    order: Order = NO_ORDER
    batch_id: BatchId | None = None
    item_key: str | None = None
    opening: Opening | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a study until the lease runs out.

    Attributes:
        study_id: the study that was waiting longest.
        claims: so far, of both stages, this one included.
        alone: the last try did not end well, so this one runs in a process of its own.
        failures: how often the work itself has failed in this stage.
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


@dataclass(frozen=True, slots=True)
class Hint:
    """What the queue is told: one more study waits for this stage with this priority."""

    stage: Stage
    priority: Priority


def accept(session: Session, study: NewStudy, *, actor: Actor, refusal: BadInputError | None = None) -> None:
    """Write down a study whose originals are stored; QUEUED or OPEN, or REJECTED where `refusal` says why.

    A refusal is for an item of a batch, which accounts for every item that was sent to it.
    """
    opening = study.opening
    session.add(
        StudyRow(
            id=study.id,
            tenant_id=study.tenant_id,
            batch_id=study.batch_id,
            item_key=study.item_key,
            status=StudyStatus.OPEN if opening else StudyStatus.QUEUED,
            priority=study.priority,
            language=study.language,
            closes_at=func.now() + opening.close_after if opening else None,
            close_after=opening.close_after if opening else None,
            expected_images=opening.expected_images if opening else None,
        ),
    )
    session.flush()
    session.add(OrderRow(study_id=study.id, **asdict(study.order)))
    session.add_all(image_rows(study.id, study.images))
    aside = len(study.order.set_aside)
    detail = f"{aside} set aside: no images" if aside else None
    session.flush()
    created = select(StudyRow.id, StudyRow.status).where(StudyRow.id == study.id).cte("created")
    events.write(session, created, StudyEvent.RECEIVED, actor=actor, detail=detail)
    if refusal is not None:
        values = _error_values(refusal)
        _move(session, StudyEvent.REJECTED, StudyRow.id == study.id, actor=actor, values=values)


def image_rows(study_id: StudyId, images: Sequence[StoredImage], *, first: int = 0) -> list[ImageRow]:
    """Return the rows of a study's images, of which nothing is known yet; the first has the index `first`."""
    return [
        ImageRow(
            study_id=study_id,
            index=index,
            file=image.file,
            sha256=image.sha256,
            size=image.size,
            media_type=image.media_type,
            width=image.width,
            height=image.height,
            warnings=[],
            attributes={},
        )
        for index, image in enumerate(images, first)
    ]


def close(session: Session, *which: ColumnElement[bool], actor: Actor) -> list[Hint]:
    """Let every open study that meets the conditions and has an image wait for its first worker."""
    has_image = exists().where(ImageRow.study_id == StudyRow.id)
    # It waits from now on, however long it was open.
    values = {"closes_at": func.now(), "not_before": func.now()}
    rows = _move(session, StudyEvent.CLOSED, has_image, *which, actor=actor, values=values)
    return [hint for hint in map(_hint_of, rows) if hint is not None]


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
    rows = _move(
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
    fresh = {"failures": 0, "expired_alone": 0, "alone": False, **(values or {})}
    row = _write_under_lease(session, claim, event, values=fresh)
    return _hint_of(row)


def reject(session: Session, claim: Claim, reason: BadInputError) -> None:
    """End the study as REJECTED, with the reason that its client sees.

    Raises:
        LeaseLostError: the study is no longer this worker's.
    """
    _write_under_lease(session, claim, StudyEvent.REJECTED, values=_error_values(reason))


def reject_empty(session: Session, *which: ColumnElement[bool], reason: BadInputError, actor: Actor) -> int:
    """End every open study that meets the conditions and has no image as REJECTED; return how many."""
    empty = (StudyRow.status == StudyStatus.OPEN) & ~exists().where(ImageRow.study_id == StudyRow.id)
    values = _error_values(reason)
    return len(_move(session, StudyEvent.REJECTED, empty, *which, actor=actor, values=values))


def release(session: Session, claim: Claim, *, after: timedelta, why: str) -> None:
    """Give the study back unharmed, to be taken again `after` a while; no attempt is used up.

    Raises:
        LeaseLostError: the study is no longer this worker's.
    """
    values = {"not_before": func.now() + after}
    _write_under_lease(session, claim, StudyEvent.RELEASED, values=values, detail=why)


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
            last = _last_error(error)
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
    values = _error_values(reason)
    _write_under_lease(session, claim, StudyEvent.GAVE_UP, values=values, detail=reason.detail)


def cancel(session: Session, study_id: StudyId, *, actor: Actor) -> bool:
    """Cancel the study; return whether it still ran."""
    return cancel_all(session, StudyRow.id == study_id, actor=actor) > 0


def cancel_all(session: Session, *which: ColumnElement[bool], actor: Actor) -> int:
    """Cancel every study that meets the conditions and still runs; return how many there were."""
    return len(_move(session, StudyEvent.CANCELLED, *which, actor=actor))


def retry(session: Session, study_id: StudyId, *, actor: Actor) -> Hint | None:
    """Start a FAILED study again from the beginning; None when it has not failed."""
    no_error = {"error_type": None, "error_detail": None, "error_file": None}
    values = {**no_error, "failures": 0, "expired_alone": 0, "alone": True}
    rows = _move(session, StudyEvent.RETRIED, StudyRow.id == study_id, actor=actor, values=values)
    return _hint_of(rows[0]) if rows else None


def reread(session: Session, study_id: StudyId, *, actor: Actor) -> Hint | None:
    """Have a COMPLETED study read again from the beginning; None when it is not completed.

    Its findings and its report stay what readers see, until there are others.
    """
    rows = _move(session, StudyEvent.REREAD, StudyRow.id == study_id, actor=actor)
    return _hint_of(rows[0]) if rows else None


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
    given_up = _last_error(_DIED_EACH_TIME)
    _move(
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
    rows = _move(session, StudyEvent.LEASE_EXPIRED, StudyRow.id.in_(ids), actor=actor, values=values)
    return [hint for hint in map(_hint_of, rows) if hint is not None]


def _write_under_lease(
    session: Session,
    claim: Claim,
    event: StudyEvent,
    *,
    values: Mapping[str, Any],
    detail: str | None = None,
) -> Row[Any]:
    rows = _move(session, event, *_held_by(claim), actor=claim.actor, values=values, detail=detail)
    if not rows:
        message = f"the lease was lost before {event} could be written"
        raise LeaseLostError(message)
    return rows[0]


def _held_by(claim: Claim) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return StudyRow.id == claim.study_id, StudyRow.lease_token == claim.token


def _move(
    session: Session,
    event: StudyEvent,
    *which: ColumnElement[bool],
    actor: Actor,
    values: Mapping[str, Any] | None = None,
    detail: str | None = None,
) -> Sequence[Row[Any]]:
    """Move every study that meets the conditions and may move; log it and wake the listeners."""
    sources = statuses_before(event)
    targets = {source: next_status(source, event) for source in sources}
    leases = {TRANSITIONS[pair] for pair in TRANSITIONS if pair[1] is StudyEvent.CLAIMED}
    changes: dict[str, Any] = {
        "status": case(
            *((StudyRow.status == old, literal(new, StudyRow.status.type)) for old, new in targets.items())
        ),
        "updated_at": func.now(),
    }
    if leases.isdisjoint(targets.values()):
        changes["lease_expires_at"] = None
    moved = (
        update(StudyRow)
        .where(StudyRow.status.in_(sources), *which)
        .values({**changes, **(values or {})})
        .returning(
            StudyRow.id,
            StudyRow.status,
            StudyRow.tenant_id,
            StudyRow.priority,
            StudyRow.language,
            StudyRow.lease_token,
            StudyRow.claims,
            StudyRow.alone,
            StudyRow.failures,
        )
        .cte("moved")
    )
    return events.write(session, moved, event, actor=actor, detail=detail)


def _hint_of(row: Row[Any]) -> Hint | None:
    for stage in Stage:
        if row.status == stage.waiting:
            return Hint(stage, row.priority)
    return None


def _last_error(detail: str) -> dict[str, Any]:
    return {"error_type": "failed", "error_detail": detail, "error_file": None}


def _error_values(reason: BadInputError | DamagedOriginalError) -> dict[str, Any]:
    return {"error_type": reason.code, "error_detail": reason.detail, "error_file": reason.file}
