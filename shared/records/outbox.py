"""What the destinations are owed of an event: rows that the event's own statement writes, or none of both."""

from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    TableClause,
    Text,
    and_,
    any_,
    cast,
    column,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    table,
)

from shared.domain.deliveries import GIVE_UP_AFTER, NOTICE_EVENTS
from shared.domain.findings import AnalysisRole, FindingStatus
from shared.domain.studies import StudyEvent
from shared.records.tables import AnalysisRow, DeliveryRow, DestinationRow, FindingRow

CHANNEL: Final = "deliveries"
"""Postgres NOTIFY channel: something may be sent, or is to be tested."""

# A UUIDv7, as `new_id` makes it: the time in milliseconds over the first six bytes, and the version's bits.
_NEW_ID: Final[ColumnElement[Any]] = literal_column(
    "encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing substring(int8send(floor(extract("
    "epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid"
)


@cache
def owed(changed: str, logged: str, event: StudyEvent) -> CTE | None:
    """Return the part of an event's statement that writes what is owed of it; None where nothing can be.

    It is the same for every study, so it is made once: the parts that it reads are named, not given.

    Args:
        changed: the studies, with `id`, `tenant_id` and `priority` as they are after the event.
        logged: the rows of the timeline, with `id` and `study_id`.
    """
    if event not in NOTICE_EVENTS:
        return None
    study = table(changed, column("id"), column("tenant_id"), column("priority"))
    entry = table(logged, column("id"), column("study_id"))
    rules = and_(
        DestinationRow.tenant_id == study.c.tenant_id,
        DestinationRow.removed_at.is_(None),
        literal(event.value) == any_(DestinationRow.events),
        or_(
            DestinationRow.priorities == literal_column("'{}'"),
            cast(study.c.priority, Text) == any_(DestinationRow.priorities),
        ),
        or_(DestinationRow.labels == literal_column("'{}'"), _has_a_label(study)),
    )
    row = {
        "id": _NEW_ID,
        "study_id": study.c.id,
        "tenant_id": study.c.tenant_id,
        "destination_id": DestinationRow.id,
        "event_id": entry.c.id,
        "event": literal(event.value),
        "give_up_at": func.now() + GIVE_UP_AFTER,
    }
    found = (
        select(*row.values())
        .select_from(study)
        .join(entry, entry.c.study_id == study.c.id)
        .join(DestinationRow, rules)
    )
    return insert(DeliveryRow).from_select(list(row), found).returning(DeliveryRow.id).cte("owed")


@cache
def woken(rows: CTE) -> ColumnElement[int]:
    """Return what wakes the couriers, and counts the rows."""
    told = select(func.count(cast(func.pg_notify(CHANNEL, ""), Text))).select_from(rows)
    return told.scalar_subquery().label("owed")


def _has_a_label(study: TableClause) -> ColumnElement[bool]:
    """Tell whether a label that the destination asks for is present, by the findings that readers see."""
    return (
        select(literal(1))
        .select_from(AnalysisRow)
        .join(FindingRow, FindingRow.analysis_id == AnalysisRow.id)
        .where(
            AnalysisRow.study_id == study.c.id,
            AnalysisRow.role == AnalysisRole.PRIMARY,
            FindingRow.status == FindingStatus.PRESENT,
            FindingRow.label == any_(DestinationRow.labels),
        )
        .correlate(study, DestinationRow)
        .exists()
    )
