"""Archive work: a batch's studies are counted, read out and cancelled together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.domain import (
    NO_ORDER,
    BatchId,
    Finding,
    Order,
    StudyEvent,
    StudyId,
    StudyStatus,
    new_id,
    statuses_before,
    study_findings,
)
from shared.records import findings, studies
from shared.records.orders import orders_of
from shared.records.tables import BatchRow, FindingRow, ImageRow, ReportRow, StudyRow
from shared.reporting import warnings

_CANCELLED_AT_ONCE: Final = 5000
"""Rows of one statement: an archive of a million studies is not held in memory to be cancelled."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One study of a batch, with all that its line of the results says.

    Attributes:
        files: the names of its images, in their order.
        digests: the SHA-256 of each, in the same order.
        warnings: what to know of its images, in the study's language.
    """

    study: StudyRow
    order: Order
    files: Sequence[str]
    digests: Sequence[str]
    warnings: Sequence[str]
    findings: Sequence[Finding]
    report: ReportRow | None


def create(session: Session, *, owner: str, name: str | None) -> BatchRow:
    """Open a batch."""
    row = BatchRow(id=new_id(), owner=owner, name=name)
    session.add(row)
    session.flush()
    session.refresh(row, ["created_at"])
    return row


def find(session: Session, batch_id: BatchId, *, owner: str | None) -> BatchRow | None:
    """Return the batch, unless it is not `owner`'s (None: everybody's)."""
    row = session.get(BatchRow, batch_id)
    return row if row is not None and owner in (None, row.owner) else None


def join(session: Session, batch_id: BatchId, *, owner: str | None) -> BatchRow | None:
    """Return the batch and keep it as it is until the transaction ends, so that an item may be added.

    Without the lock an item could slip in beside the transaction that cancels the batch, and run on.
    """
    statement = select(BatchRow).where(BatchRow.id == batch_id).with_for_update(read=True)
    row = session.scalar(statement)
    return row if row is not None and owner in (None, row.owner) else None


def page(
    session: Session, *, limit: int, before: BatchId | None = None, owner: str | None = None
) -> Sequence[BatchRow]:
    """Return a page of batches, newest first, that starts after the id `before`.

    Args:
        owner: whose batches; None means everybody's.
    """
    statement = select(BatchRow).order_by(BatchRow.id.desc()).limit(limit)
    if owner is not None:
        statement = statement.where(BatchRow.owner == owner)
    if before is not None:
        statement = statement.where(BatchRow.id < before)
    return session.scalars(statement).all()


def counts(session: Session, batch_id: BatchId) -> dict[StudyStatus, int]:
    """Count the batch's studies by status; every status is named."""
    return counts_of_each(session, [batch_id])[batch_id]


def counts_of_each(session: Session, batch_ids: Sequence[BatchId]) -> dict[BatchId, dict[StudyStatus, int]]:
    """Count the studies of several batches by status; every status is named."""
    rows = session.execute(
        select(StudyRow.batch_id, StudyRow.status, func.count())
        .where(StudyRow.batch_id.in_(batch_ids))
        .group_by(StudyRow.batch_id, StudyRow.status)
    )
    counted = {batch_id: dict.fromkeys(StudyStatus, 0) for batch_id in batch_ids}
    for of, status, number in rows:
        if of is not None:
            counted[BatchId(of)][status] = number
    return counted


def cancel(session: Session, batch_id: BatchId) -> int:
    """Close the batch, and cancel what still runs of it; return how many studies that were."""
    session.execute(
        update(BatchRow)
        .where(BatchRow.id == batch_id, BatchRow.cancelled_at.is_(None))
        .values(cancelled_at=func.now())
    )
    running = StudyRow.status.in_(statuses_before(StudyEvent.CANCELLED))
    some = select(StudyRow.id).where(StudyRow.batch_id == batch_id, running).limit(_CANCELLED_AT_ONCE)
    cancelled = 0
    while number := studies.cancel(session, StudyRow.id.in_(some)):
        cancelled += number
    return cancelled


def items_after(
    session: Session, batch_id: BatchId, after: StudyId | None, *, limit: int
) -> Sequence[BatchItem]:
    """Return the next items in order of creation: read by keyset, so that a slow reader holds nothing."""
    statement = select(StudyRow).where(StudyRow.batch_id == batch_id)
    if after is not None:
        statement = statement.where(StudyRow.id > after)
    rows = session.scalars(statement.order_by(StudyRow.id).limit(limit)).all()
    ids = [row.id for row in rows]
    if not ids:
        return ()
    orders = orders_of(session, ids)
    images, found, reports = _images(session, ids), _findings(session, ids), _reports(session, ids)
    return [
        BatchItem(
            study=row,
            order=orders.get(row.id, NO_ORDER),
            files=[image.file for image in images[row.id]],
            digests=[image.sha256 for image in images[row.id]],
            warnings=warnings.of_study(images[row.id], row.language),
            findings=found[row.id],
            report=reports.get(row.id),
        )
        for row in rows
    ]


def labels(session: Session, batch_id: BatchId) -> Sequence[str]:
    """Return the labels that the batch's findings have: those of one study of each classifier's version."""
    examples = (
        select(StudyRow.id)
        .where(
            StudyRow.batch_id == batch_id,
            # An erased study still says which model saw it, and has no findings.
            exists().where(FindingRow.study_id == StudyRow.id),
        )
        .ext(distinct_on(StudyRow.model_digest))
    )
    statement = select(FindingRow.label).where(FindingRow.study_id.in_(examples)).distinct()
    return session.scalars(statement.order_by(FindingRow.label)).all()


def _images(session: Session, ids: Sequence[UUID]) -> defaultdict[UUID, list[ImageRow]]:
    images: defaultdict[UUID, list[ImageRow]] = defaultdict(list)
    statement = select(ImageRow).where(ImageRow.study_id.in_(ids))
    for image in session.scalars(statement.order_by(ImageRow.study_id, ImageRow.index)):
        images[image.study_id].append(image)
    return images


def _findings(session: Session, ids: Sequence[UUID]) -> defaultdict[UUID, Sequence[Finding]]:
    rows: defaultdict[UUID, defaultdict[int, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    statement = select(FindingRow).where(FindingRow.study_id.in_(ids))
    for row in session.scalars(statement.order_by(FindingRow.image_index, FindingRow.label)):
        rows[row.study_id][row.image_index].append(findings.finding_of(row))
    return defaultdict(
        tuple, {study_id: study_findings(images.values()) for study_id, images in rows.items()}
    )


def _reports(session: Session, ids: Sequence[UUID]) -> dict[UUID, ReportRow]:
    newest = (
        select(ReportRow)
        .where(ReportRow.study_id.in_(ids))
        .ext(distinct_on(ReportRow.study_id))
        .order_by(ReportRow.study_id, ReportRow.version.desc())
    )
    return {row.study_id: row for row in session.scalars(newest)}
