"""A study's order, as a row and as a value; it is written by `studies.accept` and goes with the erasing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.domain import NO_ORDER, Order, StudyId
from shared.records.tables import OrderRow

COLUMNS: Final = tuple(field.name for field in fields(Order))
"""The columns that are an order's fields, by the same name."""


def row_for(study_id: StudyId, order: Order) -> OrderRow:
    """Write an order down as a row."""
    return OrderRow(study_id=study_id, **{**asdict(order), "set_aside": list(order.set_aside)})


def order_from(row: OrderRow | Mapping[str, Any] | None) -> Order:
    """Read an order; nothing is known once the study is erased."""
    if row is None:
        return NO_ORDER
    values = row if isinstance(row, Mapping) else {name: getattr(row, name) for name in COLUMNS}
    return Order(**{**values, "set_aside": values["set_aside"] or ()})


def orders_of(session: Session, study_ids: Sequence[UUID]) -> dict[UUID, Order]:
    """Return the orders of several studies; one that was erased has none."""
    rows = session.scalars(select(OrderRow).where(OrderRow.study_id.in_(study_ids)))
    return {row.study_id: order_from(row) for row in rows}
