"""A patient's studies, by the id that their orders bear, and the erasing of all of them.

An id belongs to a tenant and to whoever gave it: one id of two issuers, or of two tenants, is two patients.
Case, padding and forms of the same letters are no difference, as in `shared/dicom/patients.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, delete, exists, func, literal, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from shared.domain.studies import Actor, StudyId, TenantId
from shared.records import erasure
from shared.records.database import Database
from shared.records.tables import ExpectedOrderRow, OrderRow, StudyRow

_AT_ONCE: Final = 100
"""Studies of one transaction: a patient may have thousands, and others wait for their rows."""


@dataclass(frozen=True, slots=True)
class PatientId:
    """A patient's name in a tenant.

    Attributes:
        issuer: who gave the id; None where nobody is said to have, and such studies alone are meant.
    """

    tenant_id: TenantId
    id: str
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class PatientStudies:
    """What there is of a patient.

    Attributes:
        studies: theirs.
        others: studies that bear the same id of another issuer, or of nobody: perhaps another patient's.
    """

    studies: Sequence[StudyId]
    others: int


def studies_of(database: Database, patient: PatientId) -> PatientStudies:
    """Return a patient's studies that are not erased."""
    with database.session() as session:
        ids = session.scalars(
            _bearing(patient, _is_issuer(OrderRow, patient.issuer)).order_by(OrderRow.study_id)
        ).all()
        others = _bearing(patient, ~_is_issuer(OrderRow, patient.issuer)).subquery()
        counted = session.scalar(select(func.count()).select_from(others))
    return PatientStudies([StudyId(study_id) for study_id in ids], counted or 0)


def erase(database: Database, patient: PatientId, *, actor: Actor) -> PatientStudies:
    """Erase a patient's studies and orders; return the studies erased now, and what else bears the id.

    Done again it erases what has come since, or what a crash left over, and else nothing.
    """
    found = studies_of(database, patient)
    with database.session() as session:
        announced = (
            ExpectedOrderRow.tenant_id == patient.tenant_id,
            _bears(ExpectedOrderRow, patient.id) | _has_other_id(patient.id),
            _is_issuer(ExpectedOrderRow, patient.issuer),
        )
        session.execute(delete(ExpectedOrderRow).where(*announced))
    erased: list[StudyId] = []
    for first in range(0, len(found.studies), _AT_ONCE):
        with database.session() as session:
            erased += [
                study_id
                for study_id in found.studies[first : first + _AT_ONCE]
                if erasure.erase(session, study_id, actor=actor)
            ]
    return PatientStudies(erased, found.others)


def _bearing(patient: PatientId, *conditions: ColumnElement[bool]) -> Select[Any]:
    # No index on the plain form: the tenant's orders are read, some seconds of a million, as is rarely done.
    same_id = _bears(OrderRow, patient.id)
    statement: Select[Any] = select(OrderRow.study_id).join(StudyRow, StudyRow.id == OrderRow.study_id)
    of_the_tenant = OrderRow.tenant_id == patient.tenant_id
    return statement.where(of_the_tenant, same_id, StudyRow.erased_at.is_(None), *conditions)


def _bears(row: type[OrderRow] | type[ExpectedOrderRow], patient_id: str) -> ColumnElement[bool]:
    return _plain(row.patient_id) == _plain(literal(patient_id))


def _has_other_id(patient_id: str) -> ColumnElement[bool]:
    """Return the condition that an order bore the id before its patient was given another one."""
    other = func.unnest(ExpectedOrderRow.other_patient_ids).column_valued("other")
    return exists(select(other).where(_plain(other) == _plain(literal(patient_id))))


def _is_issuer(row: type[OrderRow] | type[ExpectedOrderRow], issuer: str | None) -> ColumnElement[bool]:
    said = func.coalesce(_plain(row.patient_id_issuer), "")
    return said == _plain(literal(issuer or ""))


def _plain(text: InstrumentedAttribute[str | None] | ColumnElement[str]) -> ColumnElement[str]:
    spaced = func.regexp_replace(func.normalize(text, literal_column("NFKC")), r"\s+", " ", "g")
    return func.lower(func.btrim(spaced))
