"""The modality worklist: radiographs that are to be taken, as the orders announce them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.domain.expected_orders import ExpectedOrder, OrderStatus
from shared.domain.studies import TenantId
from shared.records.tables import ExpectedOrderRow
from shared.records.values import Values

_ORDERS: Final = Values(ExpectedOrder, ExpectedOrderRow)


@dataclass(frozen=True, slots=True)
class WorklistQuery:
    """What a modality asks for; None matches anything, also what is not known.

    Texts may hold DICOM's wildcards * and ? (PS3.4 C.2.2.2.4); letters' case tells no names apart.

    Attributes:
        scheduled_from: with `scheduled_until` a range of days, either end of it open.
    """

    patient_name: str | None = None
    patient_id: str | None = None
    accession_number: str | None = None
    requested_procedure_id: str | None = None
    modality: str | None = None
    station_ae_title: str | None = None
    scheduled_from: date | None = None
    scheduled_until: date | None = None


def find_worklist(
    session: Session, tenant_id: TenantId, query: WorklistQuery, *, limit: int = 1000
) -> Sequence[ExpectedOrder]:
    """Return the orders that are scheduled and match, in the order in which they are to be taken."""
    row = ExpectedOrderRow
    number = func.coalesce(row.accession_number, row.filler_number, row.placer_number)
    which = [row.tenant_id == tenant_id, row.status == OrderStatus.SCHEDULED]
    for column, asked in (
        (row.patient_name, query.patient_name),
        (row.patient_id, query.patient_id),
        (number, query.accession_number),
        (row.requested_procedure_id, query.requested_procedure_id),
        (row.modality, query.modality),
        (row.station_ae_title, query.station_ae_title),
    ):
        if asked is not None:
            which.append(_matches(column, asked))
    if query.scheduled_from is not None:
        which.append(row.scheduled_date >= query.scheduled_from)
    if query.scheduled_until is not None:
        which.append(row.scheduled_date <= query.scheduled_until)
    in_turn = (row.scheduled_date.asc().nulls_last(), row.scheduled_time.asc().nulls_last(), row.id)
    statement = select(*_ORDERS.columns).where(*which).order_by(*in_turn).limit(limit)
    return _ORDERS.all(session, statement)


def _matches(
    column: InstrumentedAttribute[str | None] | ColumnElement[str], asked: str
) -> ColumnElement[bool]:
    pattern = asked.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.ilike(pattern.replace("*", "%").replace("?", "_"), escape="\\")
