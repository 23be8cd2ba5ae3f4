"""How much work there is: what waits for a stage, since when, and what is being done."""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.orm import Session

from shared.domain.studies import Priority, Stage, StudyEvent, next_status
from shared.records.tables import StudyEventRow, StudyRow

_HOUR: Final = timedelta(hours=1)
_RECENT_EVENTS: Final = 20_000
"""Of some six events a study: an hour's of three thousand studies, read in milliseconds."""

_OPEN_FOR_LONG: Final = 100
"""Of the studies that wait, how many may have been open when the one was sent that waits longest."""


def count_overdue(session: Session, stage: Stage, priority: Priority, *, since: timedelta, most: int) -> int:
    """Count the studies that could have been taken for as long as `since`, up to `most`.

    A backlog of a million is not counted out.
    """
    some = (
        select(literal(1))
        .where(*_could_be_taken(stage, since=since), StudyRow.priority == priority)
        .limit(most)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0


def is_overdue(session: Session, stage: Stage, *, since: timedelta) -> bool:
    """Tell whether any study of a stage could have been taken for as long as `since`."""
    return session.scalar(select(exists().where(*_could_be_taken(stage, since=since)))) or False


def count_all_waiting(session: Session) -> dict[tuple[Stage, Priority], int]:
    """Count the studies that wait for each queue."""
    waiting = [stage.waiting for stage in Stage]
    rows = session.execute(
        select(StudyRow.status, StudyRow.priority, func.count())
        .where(StudyRow.status.in_(waiting))
        .group_by(StudyRow.status, StudyRow.priority)
    )
    counted = {(status, priority): number for status, priority, number in rows}
    return {
        (stage, priority): counted.get((stage.waiting, priority), 0)
        for stage in Stage
        for priority in Priority
    }


def count_running(session: Session) -> dict[Stage, int]:
    """Count the studies that a worker holds."""
    statuses = {next_status(stage.waiting, StudyEvent.CLAIMED): stage for stage in Stage}
    rows = session.execute(
        select(StudyRow.status, func.count())
        .where(StudyRow.lease_expires_at.is_not(None))
        .group_by(StudyRow.status)
    )
    return dict.fromkeys(Stage, 0) | {statuses[status]: number for status, number in rows}


def longest_wait(session: Session, stage: Stage) -> timedelta:
    """Return how long ago the oldest study that waits for a stage was sent in; nothing when none waits.

    One that was open is sent in when it is closed.
    """
    # By id, which is sorted by time: the index on status and id has the answer among its first entries,
    # behind those that were open for long.
    first = (
        select(func.coalesce(StudyRow.closes_at, StudyRow.created_at).label("sent"))
        .where(StudyRow.status == stage.waiting)
        .order_by(StudyRow.id)
        .limit(_OPEN_FOR_LONG)
        .subquery()
    )
    return session.scalar(select(func.now() - func.min(first.c.sent))) or timedelta(0)


def completed_per_hour(session: Session) -> float:
    """Return how many studies are completed in an hour, going by the last one.

    Read off the newest events alone, by their key: where they reach back less far than an hour, by what they
    reach back.
    """
    newest = (
        select(StudyEventRow.event, StudyEventRow.at)
        .order_by(StudyEventRow.id.desc())
        .limit(_RECENT_EVENTS)
        .subquery()
    )
    began = func.greatest(func.now() - _HOUR, func.min(newest.c.at))
    seconds = func.extract("epoch", func.now() - began)
    completed = func.count().filter(newest.c.event == StudyEvent.REPORTED, newest.c.at >= func.now() - _HOUR)
    number, read, span = session.execute(select(completed, func.count(), seconds)).one()
    if not number:
        return 0.0
    # With fewer events than were asked for, these are all that there ever were.
    hours = float(span) / _HOUR.total_seconds() if read == _RECENT_EVENTS else 1.0
    return float(number / max(hours, 1 / 3600))


def _could_be_taken(stage: Stage, *, since: timedelta) -> tuple[ColumnElement[bool], ...]:
    then = func.now() - since
    return StudyRow.status == stage.waiting, StudyRow.not_before <= then, StudyRow.updated_at <= then
