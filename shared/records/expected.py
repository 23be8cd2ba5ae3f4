"""Orders that the hospital announced: kept until they expire, found by the study that comes of them.

A study looks for its order (`of_study`) and an order for its studies (`studies_of`). They meet whichever
comes first: both lock the numbers (`lock`), the study while it looks, the order while it is written down.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, text, true, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.domain.expected_orders import ExpectedOrder, OrderStatus
from shared.domain.orders import Order
from shared.domain.studies import StudyId, StudyStatus, TenantId, new_id
from shared.records.tables import ExpectedOrderRow, OrderRow, StudyRow
from shared.records.tables.expected import NUMBER
from shared.records.values import Values

_INDEXED: Final = 64
"""Letters of a number that the indexes hold; more than DICOM allows an accession number, or a UID."""
_MOST_ORDERS: Final = 100
"""Of one number: an accession number may stand for several procedures."""
_ORDERS: Final = Values(ExpectedOrder, ExpectedOrderRow)
_SETTLED: Final = frozenset({StudyStatus.COMPLETED, StudyStatus.CANCELLED})


def lock(session: Session, tenant_id: TenantId, order: Order, *, shared: bool) -> None:
    """Hold a study's numbers until the transaction ends: shared to look for its order, alone to write it."""
    take = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
    for number in sorted({order.accession_number, order.study_instance_uid} - {None}, key=str):
        session.execute(select(take(func.hashtextextended(f"order/{tenant_id}/{number}", 0))))


def record(session: Session, tenant_id: TenantId, order: ExpectedOrder, *, keep: timedelta) -> ExpectedOrder:
    """Write an order down, or what has changed of one; return it as it is now.

    An order of another patient takes the place of one with its number. One that is cancelled before anybody
    heard of it is not kept.

    Args:
        keep: for how long, from now or from when it is scheduled.
    """
    lock(session, tenant_id, order.as_known, shared=False)
    found = session.execute(
        select(ExpectedOrderRow.id, *_ORDERS.columns)
        .where(ExpectedOrderRow.tenant_id == tenant_id, or_(*_same_order(order)))
        .order_by(case(*((which, rank) for rank, which in enumerate(_same_order(order)))))
        .limit(1)
        .with_for_update()
    ).mappings()
    known = found.one_or_none()
    if known is None and order.status is OrderStatus.CANCELLED:
        return order
    before = None if known is None else _ORDERS.of({name: known[name] for name in _ORDERS.names})
    if before is not None and order.patient_id in (None, before.patient_id, *before.other_patient_ids):
        order = before.changed_by(order)
    scheduled = func.coalesce(order.scheduled_date, func.current_date())
    values = {**asdict(order), "expires_at": func.greatest(func.now(), scheduled) + keep}
    if known is None:
        session.add(ExpectedOrderRow(id=new_id(), tenant_id=tenant_id, **values))
        session.flush()
    else:
        session.execute(update(ExpectedOrderRow).where(ExpectedOrderRow.id == known["id"]).values(values))
    return order


def of_study(session: Session, tenant_id: TenantId, order: Order) -> Sequence[ExpectedOrder]:
    """Return the orders that have the numbers of a study and are not cancelled, the newest first."""
    which = _with_numbers(order)
    if which is None:
        return ()
    lock(session, tenant_id, order, shared=True)
    live = ExpectedOrderRow.status != OrderStatus.CANCELLED
    statement = _ORDERS.select().where(ExpectedOrderRow.tenant_id == tenant_id, which, live)
    return _ORDERS.all(session, statement.order_by(ExpectedOrderRow.id.desc()).limit(_MOST_ORDERS))


def studies_of(session: Session, tenant_id: TenantId, order: ExpectedOrder) -> Sequence[StudyId]:
    """Return the studies that have an order's number or UID and no report yet."""
    known = order.as_known
    which = [
        _is(OrderRow.accession_number, known.accession_number),
        _is(OrderRow.study_instance_uid, known.study_instance_uid),
    ]
    statement = (
        select(StudyRow.id)
        .join(OrderRow, OrderRow.study_id == StudyRow.id)
        .where(
            OrderRow.tenant_id == tenant_id,
            or_(*which),
            StudyRow.status.not_in(_SETTLED),
            StudyRow.erased_at.is_(None),
        )
        .order_by(StudyRow.id)
        .limit(_MOST_ORDERS)
    )
    return [StudyId(study_id) for study_id in session.scalars(statement)]


def fill_in(session: Session, study_id: StudyId, order: Order) -> None:
    """Write what is known of a study now, whose row the caller holds."""
    session.execute(update(OrderRow).where(OrderRow.study_id == study_id).values(**asdict(order)))


def change_patient(session: Session, tenant_id: TenantId, patient: ExpectedOrder) -> int:
    """Write what is said of a patient, who has an id, into their orders; return how many there are."""
    said = {name: getattr(patient, name) for name in ("patient_name", "patient_birth_date", "patient_sex")}
    values = {name: value for name, value in said.items() if value is not None}
    if not values:
        return 0
    which = _of_a_patient(tenant_id, patient.patient_id, patient.patient_id_issuer)
    changed = update(ExpectedOrderRow).where(*which).values(values).returning(ExpectedOrderRow.id)
    return len(session.scalars(changed).all())


def merge_patient(session: Session, tenant_id: TenantId, *, old: str, new: str, issuer: str | None) -> int:
    """Give a patient's orders the id that outlives theirs, of the same issuer; return how many there are."""
    values: dict[str, Any] = {
        "patient_id": new,
        "patient_id_issuer": func.coalesce(issuer, ExpectedOrderRow.patient_id_issuer),
        "other_patient_ids": func.array_append(ExpectedOrderRow.other_patient_ids, old),
    }
    which = (*_of_a_patient(tenant_id, old, issuer), ExpectedOrderRow.patient_id != new)
    merged = update(ExpectedOrderRow).where(*which).values(values).returning(ExpectedOrderRow.id)
    return len(session.scalars(merged).all())


def erase_of_study(session: Session, study_id: StudyId) -> None:
    """Erase the orders that have a study's numbers, whosever they are."""
    numbers = select(OrderRow.tenant_id, OrderRow.accession_number, OrderRow.study_instance_uid)
    found = session.execute(numbers.where(OrderRow.study_id == study_id)).one_or_none()
    if found is None:
        return
    tenant_id, accession_number, uid = found
    which = _with_numbers(Order(accession_number=accession_number, study_instance_uid=uid))
    if which is not None:
        session.execute(delete(ExpectedOrderRow).where(ExpectedOrderRow.tenant_id == tenant_id, which))


def forget_expired(session: Session) -> int:
    """Erase the orders whose time is over; return how many there were."""
    expired = delete(ExpectedOrderRow).where(ExpectedOrderRow.expires_at < func.now())
    return len(session.scalars(expired.returning(ExpectedOrderRow.id)).all())


def _same_order(order: ExpectedOrder) -> list[ColumnElement[bool]]:
    """Return the conditions that a row is of this order, the surest first: numbers that both have agree."""
    row = ExpectedOrderRow
    no_accession = _may_be(row.accession_number, order.accession_number)
    no_filler = _may_be(row.filler_number, order.filler_number)
    return [
        _is(row.accession_number, order.accession_number),
        and_(_is(row.filler_number, order.filler_number), no_accession),
        and_(_is(row.placer_number, order.placer_number), no_accession, no_filler),
    ]


def _with_numbers(order: Order) -> ColumnElement[bool] | None:
    which = []
    if number := order.accession_number:
        whole = func.coalesce(
            ExpectedOrderRow.accession_number, ExpectedOrderRow.filler_number, ExpectedOrderRow.placer_number
        )
        which.append(and_(text(f"{NUMBER} = left(:number, 64)").bindparams(number=number), whole == number))
    if uid := order.study_instance_uid:
        which.append(_is(ExpectedOrderRow.study_instance_uid, uid))
    return or_(*which) if which else None


def _of_a_patient(
    tenant_id: TenantId, patient_id: str | None, issuer: str | None
) -> tuple[ColumnElement[bool], ...]:
    row = ExpectedOrderRow
    return (
        row.tenant_id == tenant_id,
        _is(row.patient_id, patient_id),
        _may_be(row.patient_id_issuer, issuer),
    )


def _is(column: InstrumentedAttribute[str | None], value: str | None) -> ColumnElement[bool]:
    """Return the condition that a column holds a value, written as its index wants it; never without one."""
    if value is None:
        return ~true()
    return and_(func.left(column, _INDEXED) == value[:_INDEXED], column == value)


def _may_be(column: InstrumentedAttribute[str | None], value: str | None) -> ColumnElement[bool]:
    return or_(column.is_(None), column == value) if value is not None else true()
