"""Drafts: what one person has made of a report so far, saved again and again; gone once they act on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.reports import Line, Person
from shared.domain.studies import StudyId, new_id
from shared.errors import ConflictError
from shared.records.tables import ReportDraftRow, StudyRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class DraftRecord:
    """One person's draft.

    Attributes:
        base_version: the version that its lines are made of.
        revision: another one at each save.
        opened_at: when it was saved first.
    """

    person: str
    base_version: int
    lines: tuple[Line, ...]
    revision: UUID
    opened_at: datetime
    saved_at: datetime


_RECORDS: Final = Values(DraftRecord, ReportDraftRow)
LINES: Final = TypeAdapter(tuple[Line, ...])
"""As a draft and a version keep them."""


def find(session: Session, study_id: StudyId, person: Person) -> DraftRecord | None:
    """Return a person's draft; None without one."""
    return _RECORDS.one(session, _RECORDS.select().where(*_of(study_id, person)))


def of_others(session: Session, study_id: StudyId, person: Person) -> Sequence[DraftRecord]:
    """Return the drafts of everybody else, by name."""
    theirs = (ReportDraftRow.study_id == study_id, ReportDraftRow.person != person.name)
    return _RECORDS.all(session, _RECORDS.select().where(*theirs).order_by(ReportDraftRow.person))


def save(
    session: Session,
    study_id: StudyId,
    person: Person,
    lines: Sequence[Line],
    *,
    base_version: int,
    replaces: UUID | None,
) -> DraftRecord:
    """Keep a person's draft in place of the one that they had.

    Args:
        base_version: there is such a version of the report.
        replaces: the revision that the person saw; None where they saw no draft.

    Raises:
        ConflictError: there is another, or none any more, or the study was erased; nothing is written.
    """
    # Or an erasure could take the version away that the draft is of.
    alive = select(StudyRow.id).where(StudyRow.id == study_id, StudyRow.erased_at.is_(None))
    if session.scalar(alive.with_for_update(read=True, key_share=True)) is None:
        message = "the study was erased"
        raise ConflictError(message)
    values: dict[str, Any] = {
        "base_version": base_version,
        "lines": LINES.dump_python(tuple(lines), mode="json"),
        "revision": new_id(),
        "saved_at": func.now(),
    }
    if replaces is None:
        new = insert(ReportDraftRow).values(study_id=study_id, person=person.name, **values)
        saved = _RECORDS.one(session, new.on_conflict_do_nothing().returning(*_RECORDS.columns))
        message = "you have a draft of this report already, begun in another window or on another computer"
    else:
        this = (*_of(study_id, person), ReportDraftRow.revision == replaces)
        later = update(ReportDraftRow).where(*this).values(values)
        saved = _RECORDS.one(session, later.returning(*_RECORDS.columns))
        message = "your draft was saved, discarded or signed in another window since this one read it"
    if saved is None:
        raise ConflictError(message)
    return saved


def take(session: Session, study_id: StudyId, person: Person) -> datetime | None:
    """Remove a person's draft, and return when it was begun; None without one."""
    removed = delete(ReportDraftRow).where(*_of(study_id, person)).returning(ReportDraftRow.opened_at)
    return session.scalar(removed)


def _of(study_id: StudyId, person: Person) -> tuple[Any, Any]:
    return ReportDraftRow.study_id == study_id, ReportDraftRow.person == person.name
