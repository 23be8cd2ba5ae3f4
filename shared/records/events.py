"""The timeline of a study: what clients see of its way, and the audit trail. It only ever grows.

This is the only place that writes it, for events that move a study (`moves.move`) and for those that
leave its status as it is (`add`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import CTE, Row, Text, cast, func, insert, literal, select, update
from sqlalchemy.orm import Session

from shared.domain.studies import Actor, IllegalTransitionError, StudyEvent, StudyId, statuses_before
from shared.records import outbox
from shared.records.tables import StudyEventRow, StudyRow

CHANNEL: Final = "study_events"
"""Postgres NOTIFY channel; the payload is the id of the study whose timeline grew."""


def add(
    session: Session,
    study_id: StudyId,
    event: StudyEvent,
    *,
    actor: Actor,
    detail: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Write down an event that leaves the study's status as it is.

    The study's row stays locked until the transaction ends, so its events stand in the order they happened.

    Args:
        values: further columns of the study.

    Raises:
        IllegalTransitionError: the event moves a study; `studies.py` writes it with the new status.
    """
    if statuses_before(event):
        message = f"{event} moves a study and cannot be added by itself"
        raise IllegalTransitionError(message)
    # What a client polls has its timeline in it, and is told apart by this time.
    touched = (
        update(StudyRow)
        .where(StudyRow.id == study_id)
        .values({"updated_at": func.now(), **(values or {})})
        .returning(StudyRow.id, StudyRow.status, StudyRow.tenant_id, StudyRow.priority)
        .cte("touched")
    )
    write(session, touched, event, actor=actor, detail=detail)


def write(
    session: Session, changed: CTE, event: StudyEvent, *, actor: Actor, detail: str | None
) -> Sequence[Row[Any]]:
    """Run a statement that changes studies, add the event to the timeline of each, and wake the listeners.

    One statement, so that a study's status, its timeline and what is owed of it can never disagree.

    Args:
        changed: returns at least each study's `id`, and its `status`, tenant and priority after the event.

    Returns:
        What `changed` returned.
    """
    entry = {
        "study_id": changed.c.id,
        "event": literal(event, StudyEventRow.event.type),
        "status": changed.c.status,
        "actor_kind": literal(actor.kind, StudyEventRow.actor_kind.type),
        "actor_id": literal(actor.id, StudyEventRow.actor_id.type),
        "detail": literal(detail, Text),
    }
    logged = (
        insert(StudyEventRow)
        .from_select(list(entry), select(*entry.values()))
        .returning(StudyEventRow.id, StudyEventRow.study_id)
        .cte("logged")
    )
    woken = func.pg_notify(CHANNEL, cast(changed.c.id, Text))
    owed = outbox.owed(changed.name, logged.name, event)
    if owed is None:
        return session.execute(select(changed, woken).add_cte(logged)).all()
    return session.execute(select(changed, woken, outbox.woken(owed)).add_cte(logged, owed)).all()
