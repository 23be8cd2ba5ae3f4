"""Reading studies: one with all that its page needs, and lists by keyset."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from shared.domain import NO_ORDER, BatchId, Order, Priority, StudyId, StudyStatus
from shared.records.orders import orders_of
from shared.records.tables import ImageRow, StudyEventRow, StudyRow


@dataclass(frozen=True, slots=True)
class StudyView:
    """A study with its order, its images and its timeline."""

    study: StudyRow
    order: Order
    images: Sequence[ImageRow]
    events: Sequence[StudyEventRow]


def row_of(session: Session, study_id: StudyId) -> StudyRow | None:
    """Return the study's row alone: what a status poll and a worker need."""
    return session.get(StudyRow, study_id)


def images_of(session: Session, study_id: StudyId) -> Sequence[ImageRow]:
    """Return the study's images in the order they were sent."""
    statement = select(ImageRow).where(ImageRow.study_id == study_id).order_by(ImageRow.index)
    return session.scalars(statement).all()


def events_of(session: Session, study_id: StudyId, *, after: int = 0) -> Sequence[StudyEventRow]:
    """Return the timeline, or what of it came after an event's id."""
    statement = (
        select(StudyEventRow)
        .where(StudyEventRow.study_id == study_id, StudyEventRow.id > after)
        .order_by(StudyEventRow.id)
    )
    return session.scalars(statement).all()


def view(session: Session, study_id: StudyId) -> StudyView | None:
    """Return one study whole, or None when there is no such study."""
    views = _views(session, [row for row in [row_of(session, study_id)] if row])
    return views[0] if views else None


def page(
    session: Session,
    *,
    limit: int,
    before: StudyId | None = None,
    owner: str | None = None,
    status: StudyStatus | None = None,
    priority: Priority | None = None,
    batch_id: BatchId | None = None,
) -> list[StudyView]:
    """Return a page of studies, newest first, that starts after the id `before`.

    Args:
        owner: whose studies; None means everybody's.
    """
    conditions: list[ColumnElement[bool]] = [StudyRow.erased_at.is_(None)]
    for column, wanted in (
        (StudyRow.owner, owner),
        (StudyRow.status, status),
        (StudyRow.priority, priority),
        (StudyRow.batch_id, batch_id),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if before is not None:
        conditions.append(StudyRow.id < before)
    statement = select(StudyRow).where(*conditions).order_by(StudyRow.id.desc()).limit(limit)
    return _views(session, session.scalars(statement).all())


def _views(session: Session, studies: Sequence[StudyRow]) -> list[StudyView]:
    ids = [study.id for study in studies]
    images: dict[object, list[ImageRow]] = {study_id: [] for study_id in ids}
    events: dict[object, list[StudyEventRow]] = {study_id: [] for study_id in ids}
    orders = orders_of(session, ids) if ids else {}
    if ids:
        of_these = select(ImageRow).where(ImageRow.study_id.in_(ids))
        for image in session.scalars(of_these.order_by(ImageRow.study_id, ImageRow.index)):
            images[image.study_id].append(image)
        timeline = select(StudyEventRow).where(StudyEventRow.study_id.in_(ids))
        for event in session.scalars(timeline.order_by(StudyEventRow.study_id, StudyEventRow.id)):
            events[event.study_id].append(event)
    return [
        StudyView(study, orders.get(study.id, NO_ORDER), images[study.id], events[study.id])
        for study in studies
    ]
