"""The one statement that moves studies along `TRANSITIONS`, with the rows of their timelines.

Nothing else writes a status but the insert in `shared/records/studies.py`. A conditional UPDATE takes its
targets from the table of states; `events.write` runs it together with the row that it adds to the timeline.
A caller that lost (another worker has the study, or it is cancelled) moves no row, and writes nothing.

The clock is Postgres' own: workers on machines whose clocks differ still agree on a lease.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, literal, update
from sqlalchemy.orm import Session

from shared.domain.studies import (
    TRANSITIONS,
    Actor,
    Priority,
    Stage,
    StudyEvent,
    next_status,
    statuses_before,
)
from shared.errors import BadInputError, DamagedOriginalError
from shared.records import events
from shared.records.tables import StudyRow


@dataclass(frozen=True, slots=True)
class Hint:
    """What the queue is told: one more study waits for this stage with this priority."""

    stage: Stage
    priority: Priority


def move(
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
            StudyRow.turned_away,
        )
        .cte("moved")
    )
    return events.write(session, moved, event, actor=actor, detail=detail)


def hint_of(row: Row[Any]) -> Hint | None:
    """Return the hint that a moved study is owed; None when it waits for no stage."""
    for stage in Stage:
        if row.status == stage.waiting:
            return Hint(stage, row.priority)
    return None


def last_error(detail: str) -> dict[str, Any]:
    """Return the values of a study that was given up."""
    return {"error_type": "failed", "error_detail": detail, "error_file": None}


def error_values(reason: BadInputError | DamagedOriginalError) -> dict[str, Any]:
    """Return the values of a study whose file is to blame."""
    return {"error_type": reason.code, "error_detail": reason.detail, "error_file": reason.file}
