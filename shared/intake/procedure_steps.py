"""What a modality says of its work (MPPS): a study is closed once it has the images that were made of it."""

from shared.domain.studies import Actor, TenantId
from shared.intake.studies import Intake
from shared.records import open_studies, procedure_steps
from shared.records.database import Session
from shared.records.moves import Hint
from shared.records.procedure_steps import StepStatus


def begin(intake: Intake, tenant_id: TenantId, uid: str, study_instance_uid: str, *, actor: Actor) -> bool:
    """Note that a step goes on; return False where there is one of this UID.

    Raises:
        TryAgainError: the database is away.
    """
    with intake.database.session() as session:
        begun = procedure_steps.begin(session, tenant_id, uid, study_instance_uid)
        # While it goes on its study has not all its images, whatever an earlier step said.
        hints = _expect(session, tenant_id, study_instance_uid, actor) if begun else []
    for hint in hints:
        intake.send_hint(hint)
    return begun


def end(
    intake: Intake, tenant_id: TenantId, uid: str, status: StepStatus, *, images: int, actor: Actor
) -> StepStatus | None:
    """Note how a step ended and how many images were made in it, if it was in progress.

    Returns:
        How it stood before; None where there is no such step.

    Raises:
        TryAgainError: the database is away.
    """
    hints: list[Hint] = []
    with intake.database.session() as session:
        held = procedure_steps.hold(session, tenant_id, uid)
        if held is None:
            return None
        before, study_instance_uid = held
        if before is StepStatus.IN_PROGRESS:
            procedure_steps.end(session, tenant_id, uid, status, images=images)
            hints = _expect(session, tenant_id, study_instance_uid, actor)
    for hint in hints:
        intake.send_hint(hint)
    return before


def _expect(session: Session, tenant_id: TenantId, study_instance_uid: str, actor: Actor) -> list[Hint]:
    """Say of the study, if it is there, how many images it is to have by what its steps tell."""
    study_id = open_studies.of_uid(session, tenant_id, study_instance_uid)
    view = None if study_id is None else open_studies.hold(session, study_id)
    if study_id is None or view is None:
        return []
    images = procedure_steps.expected_images(session, tenant_id, study_instance_uid, study_id=study_id)
    return open_studies.expect(session, study_id, images, here=len(view.images), actor=actor)
