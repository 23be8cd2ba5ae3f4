"""Which waiting studies the queue should be told of again, and how much work there is."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, literal, select, update
from sqlalchemy.orm import Session

from shared.domain import Priority, Stage, StudyEvent, StudyId, next_status
from shared.studies import FIRST_HINT_AFTER, Hint
from shared.tables import StudyRow

LONGEST_INTERVAL: Final = timedelta(minutes=5)


def due_hints(session: Session, stage: Stage, priority: Priority, *, limit: int) -> list[Hint]:
    """Return studies that wait and were hinted at too long ago, and put off their next turn.

    The interval doubles from 10 seconds to 5 minutes, so that a long backlog is not multiplied.
    """
    due = (
        select(StudyRow.id)
        .where(
            StudyRow.status == stage.waiting,
            StudyRow.priority == priority,
            StudyRow.next_hint_at <= func.now(),
        )
        .order_by(StudyRow.next_hint_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    # 2 ** 10 intervals are well past the longest one; without the cap the power would overflow.
    interval = func.least(FIRST_HINT_AFTER * func.power(2, func.least(StudyRow.hints, 10)), LONGEST_INTERVAL)
    postponed = (
        update(StudyRow)
        .where(StudyRow.id.in_(due))
        .values(hints=StudyRow.hints + 1, next_hint_at=func.now() + interval)
        .returning(StudyRow.id)
    )
    return [Hint(StudyId(study_id), stage, priority) for study_id in session.scalars(postponed)]


def count_waiting(session: Session, stage: Stage, priority: Priority, *, most: int) -> int:
    """Count the studies that wait for a queue, up to `most`: a backlog of a million is not counted out."""
    some = (
        select(literal(1))
        .where(StudyRow.status == stage.waiting, StudyRow.priority == priority)
        .limit(most)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0


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
    """Return how long ago the oldest study that waits for a stage was sent in; nothing when none waits."""
    # By id, which is sorted by time: the index on status and id has the answer at its first entry.
    oldest = (
        select(func.now() - StudyRow.created_at)
        .where(StudyRow.status == stage.waiting)
        .order_by(StudyRow.id)
        .limit(1)
    )
    return session.scalar(oldest) or timedelta(0)
