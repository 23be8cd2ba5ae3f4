"""The order in which persons read reports: which study is next, and how many wait."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Boolean, ColumnElement, and_, exists, func, literal_column, select, true
from sqlalchemy.orm import Session

from shared.domain.reports import Person
from shared.domain.studies import Priority, StudyId, TenantId
from shared.records.analyses import has_critical
from shared.records.tables import ReportDraftRow, StudyRow
from shared.records.tables.studies import UNSIGNED

OPEN_FOR: Final = timedelta(minutes=15)
"""Whoever saved a draft within it is at the study; later they have left it."""


MOST_COUNTED: Final = 1000
"""Who has more than that unsigned need not know how many more, and counting would take longer with each."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many reports wait to be signed, as far as they are counted."""

    unsigned: int
    critical: int


def next_study(
    session: Session,
    *,
    tenant_id: TenantId | None,
    person: Person | None,
    skip: Collection[StudyId] = (),
) -> StudyId | None:
    """Return the study whose report a person is to read next; None when none waits.

    Critical findings first, then by priority, then the oldest; none that somebody else has open.

    Args:
        tenant_id: whose studies; None means everybody's.
        person: who reads, and whose own drafts do not count; None where nobody says.
        skip: those that they want to leave for later.
    """
    waiting = [literal_column(UNSIGNED, Boolean), ~_is_open_elsewhere(person)]
    if skip:
        waiting.append(StudyRow.id.not_in(skip))
    if tenant_id is not None:
        waiting.append(StudyRow.tenant_id == tenant_id)
    # One probe of the index each: sorted by rank, all that wait would be read for the first of them. Critical
    # findings make a study urgent (`findings.store`).
    critical = and_(StudyRow.priority == Priority.URGENT, has_critical())
    for turn in (critical, *(StudyRow.priority == priority for priority in Priority)):
        found = session.scalar(select(StudyRow.id).where(*waiting, turn).order_by(StudyRow.id).limit(1))
        if found is not None:
            return StudyId(found)
    return None


def count_waiting(session: Session, *, tenant_id: TenantId | None) -> Waiting:
    """Count the reports that wait to be signed, and those of them with a critical finding.

    Args:
        tenant_id: whose studies; None means everybody's.
    """
    unsigned = select(StudyRow.id).where(literal_column(UNSIGNED, Boolean)).limit(MOST_COUNTED)
    if tenant_id is not None:
        unsigned = unsigned.where(StudyRow.tenant_id == tenant_id)
    critical = unsigned.where(StudyRow.priority == Priority.URGENT, has_critical())
    counts = [
        session.scalar(select(func.count()).select_from(ids.subquery())) for ids in (unsigned, critical)
    ]
    return Waiting(*(count or 0 for count in counts))


def _is_open_elsewhere(person: Person | None) -> ColumnElement[bool]:
    theirs = (ReportDraftRow.study_id == StudyRow.id, ReportDraftRow.saved_at > func.now() - OPEN_FOR)
    return exists().where(*theirs, ReportDraftRow.person != person.name if person else true())
