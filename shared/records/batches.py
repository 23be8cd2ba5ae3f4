"""Archive work: a batch's studies are counted, read out and cancelled together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.domain.findings import AnalysisRole, Finding, study_findings
from shared.domain.orders import Order
from shared.domain.reports import Addendum
from shared.domain.studies import (
    Actor,
    BatchId,
    StudyEvent,
    StudyId,
    StudyStatus,
    TenantId,
    new_id,
    statuses_before,
)
from shared.domain.versions import History, Version
from shared.records import findings, reading, reports, studies
from shared.records.reading import StudyRecord
from shared.records.reports import ReportRecord
from shared.records.tables import AnalysisRow, BatchRow, FindingRow, StudyRow
from shared.records.values import Values
from shared.reporting import warnings

_CANCELLED_AT_ONCE: Final = 5000
"""Rows of one statement: an archive of a million studies is not held in memory to be cancelled."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch: whose it is, and whether it takes more items."""

    id: BatchId
    tenant_id: TenantId
    name: str | None
    created_at: datetime
    cancelled_at: datetime | None


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One study of a batch, with all that its line of the results says.

    Attributes:
        files: the names of its images, in their order.
        digests: the SHA-256 of each, in the same order.
        critical: the labels of its critical findings.
        warnings: what to know of its images, in the study's language.
        report: as it stands.
        addenda: what persons added below it.
    """

    study: StudyRecord
    order: Order
    files: Sequence[str]
    digests: Sequence[str]
    critical: Sequence[str]
    warnings: Sequence[str]
    findings: Sequence[Finding]
    report: ReportRecord | None
    addenda: Sequence[Addendum] = ()


_RECORDS: Final = Values(BatchRecord, BatchRow)


def create(session: Session, *, tenant_id: TenantId, name: str | None) -> BatchRecord:
    """Open a batch."""
    statement = (
        insert(BatchRow).values(id=new_id(), tenant_id=tenant_id, name=name).returning(*_RECORDS.columns)
    )
    return _RECORDS.of(session.execute(statement).mappings().one())


def find(session: Session, batch_id: BatchId, *, tenant_id: TenantId | None) -> BatchRecord | None:
    """Return the batch, unless it is not this tenant's (None: everybody's)."""
    return _only_own(session, _RECORDS.select().where(BatchRow.id == batch_id), tenant_id)


def join(session: Session, batch_id: BatchId, *, tenant_id: TenantId | None) -> BatchRecord | None:
    """Return the batch and keep it as it is until the transaction ends, so that an item may be added.

    Without the lock an item could slip in beside the transaction that cancels the batch, and run on.
    """
    statement = _RECORDS.select().where(BatchRow.id == batch_id).with_for_update(read=True)
    return _only_own(session, statement, tenant_id)


def page(
    session: Session, *, limit: int, before: BatchId | None = None, tenant_id: TenantId | None = None
) -> Sequence[BatchRecord]:
    """Return a page of batches, newest first, that starts after the id `before`.

    Args:
        tenant_id: whose batches; None means everybody's.
    """
    statement = _RECORDS.select().order_by(BatchRow.id.desc()).limit(limit)
    if tenant_id is not None:
        statement = statement.where(BatchRow.tenant_id == tenant_id)
    if before is not None:
        statement = statement.where(BatchRow.id < before)
    return _RECORDS.all(session, statement)


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


def cancel(session: Session, batch_id: BatchId, *, actor: Actor) -> int:
    """Close the batch, and cancel what still runs of it; return how many studies that were."""
    session.execute(
        update(BatchRow)
        .where(BatchRow.id == batch_id, BatchRow.cancelled_at.is_(None))
        .values(cancelled_at=func.now())
    )
    running = StudyRow.status.in_(statuses_before(StudyEvent.CANCELLED))
    some = select(StudyRow.id).where(StudyRow.batch_id == batch_id, running).limit(_CANCELLED_AT_ONCE)
    cancelled = 0
    while number := studies.cancel_all(session, StudyRow.id.in_(some), actor=actor):
        cancelled += number
    return cancelled


def items_after(
    session: Session, batch_id: BatchId, after: StudyId | None, *, limit: int
) -> Sequence[BatchItem]:
    """Return the next items in order of creation: read by keyset, so that a slow reader holds nothing."""
    statement = select(StudyRow.id).where(StudyRow.batch_id == batch_id)
    if after is not None:
        statement = statement.where(StudyRow.id > after)
    ids = [StudyId(one) for one in session.scalars(statement.order_by(StudyRow.id).limit(limit))]
    found = findings.of_each(session, ids)
    versions = reports.versions_of_each(session, ids)
    written = reports.in_force_of_each(session, versions)
    return [
        BatchItem(
            study=view.study,
            order=view.order,
            files=[image.file for image in view.images],
            digests=[image.sha256 for image in view.images],
            critical=view.analysis.critical if view.analysis else (),
            warnings=warnings.of_study(view.images, view.study.language),
            findings=study_findings(found[view.study.id].values()),
            report=written.get(view.study.id),
            addenda=_addenda(versions[view.study.id], written.get(view.study.id)),
        )
        for view in reading.views_of(session, ids)
    ]


def labels(session: Session, batch_id: BatchId) -> Sequence[str]:
    """Return the labels that the batch's findings have: those of one study of each classifier's version."""
    examples = (
        select(AnalysisRow.id)
        .join(StudyRow, StudyRow.id == AnalysisRow.study_id)
        .where(StudyRow.batch_id == batch_id, AnalysisRow.role == AnalysisRole.PRIMARY)
        .ext(distinct_on(AnalysisRow.model_digest))
    )
    statement = select(FindingRow.label).where(FindingRow.analysis_id.in_(examples)).distinct()
    return session.scalars(statement.order_by(FindingRow.label)).all()


def _addenda(versions: Sequence[Version], report: ReportRecord | None) -> Sequence[Addendum]:
    return History(versions, report.version).addenda if report else ()


def _only_own(session: Session, statement: Select[Any], tenant_id: TenantId | None) -> BatchRecord | None:
    batch = _RECORDS.one(session, statement)
    return batch if batch is not None and tenant_id in (None, batch.tenant_id) else None
