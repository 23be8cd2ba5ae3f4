"""The order in which persons read reports: which study is next."""

from collections.abc import Collection
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


def _is_open_elsewhere(person: Person | None) -> ColumnElement[bool]:
    theirs = (ReportDraftRow.study_id == StudyRow.id, ReportDraftRow.saved_at > func.now() - OPEN_FOR)
    return exists().where(*theirs, ReportDraftRow.person != person.name if person else true())
