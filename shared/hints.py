"""Which waiting studies the queue should be told of again, and how many wait for each queue."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.domain import Priority, Stage, StudyId
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


def count_waiting(session: Session) -> dict[tuple[Stage, Priority], int]:
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
