"""Performed procedure steps (PS3.4 annex F): how many images a modality says it made of a study.

It says so in N-CREATE and N-SET, mostly before the images come.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.studies import StudyId, TenantId
from shared.records.tables import ProcedureStepRow

KEPT: Final = timedelta(days=7)
"""How long after its last word a step is known: its images have come by then, or will not."""


class StepStatus(StrEnum):
    """Performed Procedure Step Status (0040,0252), as DICOM writes it."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


def begin(session: Session, tenant_id: TenantId, uid: str, study_instance_uid: str) -> bool:
    """Write a step down that is in progress; return False where there is one of this UID."""
    session.execute(delete(ProcedureStepRow).where(ProcedureStepRow.updated_at < func.now() - KEPT))
    step = {
        "tenant_id": tenant_id,
        "uid": uid,
        "study_instance_uid": study_instance_uid,
        "status": StepStatus.IN_PROGRESS,
        "images": 0,
    }
    statement = insert(ProcedureStepRow).values(step).on_conflict_do_nothing()
    return session.scalar(statement.returning(ProcedureStepRow.uid)) is not None


def hold(session: Session, tenant_id: TenantId, uid: str) -> tuple[StepStatus, str] | None:
    """Keep a step as it is until the transaction ends; return how it stands, and its Study Instance UID."""
    statement = select(ProcedureStepRow.status, ProcedureStepRow.study_instance_uid)
    row = session.execute(statement.where(*_is(tenant_id, uid)).with_for_update()).one_or_none()
    return None if row is None else (StepStatus(row.status), row.study_instance_uid)


def end(session: Session, tenant_id: TenantId, uid: str, status: StepStatus, *, images: int) -> None:
    """Write down how a step ended and how many images were made in it."""
    ended: dict[str, Any] = {"status": status, "images": images, "updated_at": func.now()}
    session.execute(update(ProcedureStepRow).where(*_is(tenant_id, uid)).values(ended))


def expected_images(
    session: Session, tenant_id: TenantId, study_instance_uid: str, *, study_id: StudyId
) -> int | None:
    """Return how many images a study is to have, and note that its steps are of it, to be erased with it.

    Returns:
        None while a step goes on, and where none tells.
    """
    of_the_study = (
        ProcedureStepRow.tenant_id == tenant_id,
        ProcedureStepRow.study_instance_uid == study_instance_uid,
    )
    steps = session.execute(
        update(ProcedureStepRow)
        .where(*of_the_study)
        .values(study_id=study_id)
        .returning(ProcedureStepRow.status, ProcedureStepRow.images)
    ).all()
    if any(step.status == StepStatus.IN_PROGRESS for step in steps):
        return None
    return sum(step.images for step in steps if step.status == StepStatus.COMPLETED) or None


def _is(tenant_id: TenantId, uid: str) -> tuple[ColumnElement[bool], ...]:
    return ProcedureStepRow.tenant_id == tenant_id, ProcedureStepRow.uid == uid
