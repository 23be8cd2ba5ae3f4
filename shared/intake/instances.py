"""DICOM instances brought one by one, as C-STORE, STOW and a pull bring them: UIDs say where each belongs.

    receive: find or open the study of its Study Instance UID, note its original -> open_studies.finish
    set_aside: what is none of its images, and comes with them

It is in once its caller is told so. The same instance is taken once, however often it comes. A study that was
closed, or read already, opens again for another.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from pydicom.uid import UID

from shared.dicom import foreign
from shared.domain.orders import NO_ORDER, Order
from shared.domain.reports import Language
from shared.domain.studies import Actor, Priority, StudyId, TenantId, new_id
from shared.errors import BrokenImageError, ForeignObjectError, OwnObjectError
from shared.intake import open_studies as gathering
from shared.intake.files import Checked
from shared.intake.studies import Intake
from shared.intake.submission import Added, Addition, NotAdded, Refused
from shared.records import open_studies, procedure_steps, pulling, studies
from shared.records.database import Session
from shared.records.studies import NewStudy, Opening


@dataclass(frozen=True, slots=True)
class Arrival:
    """An instance as it is brought to any of the doors, its file checked.

    Attributes:
        actor: who brings it.
        checked: of one file.
        close_after: quiet time after which its study is closed.
        most_images: of a study.
        priority: of a study that begins with it.
        typed: what is known of the order otherwise, of a study that begins with it.
    """

    tenant_id: TenantId
    actor: Actor
    checked: Checked
    close_after: timedelta
    most_images: int
    priority: Priority = Priority.ROUTINE
    language: Language = Language.ENGLISH
    typed: Order = NO_ORDER


def receive(intake: Intake, arrival: Arrival) -> Added | NotAdded:
    """Take an instance into the study that it belongs to, or say why not. Blocks.

    Raises:
        TryAgainError: the database or the object store is away; it was not taken.
    """
    checked = arrival.checked
    if refusal := gathering.refused(checked):
        return refusal
    (file,) = checked.files
    uid = file.order.study_instance_uid
    named = file.identity is not None and file.identity.sop_instance_uid is not None
    if uid is None or not UID(uid).is_valid or not named:
        message = "the DICOM file lacks a valid SOP Instance UID or Study Instance UID, by which it is filed"
        return Refused(BrokenImageError(message, file=file.name), checked.set_aside)
    with intake.database.session() as session:
        study_id = open_studies.of_uid(session, arrival.tenant_id, uid) or _begin(session, arrival, uid)
        addition = Addition(
            study_id,
            arrival.tenant_id,
            arrival.actor,
            checked,
            most_images=arrival.most_images,
            reopens=arrival.close_after,
        )
        known = gathering.begin(session, addition)
    return known or gathering.finish(intake, addition)


def set_aside(
    intake: Intake, tenant_id: TenantId, study_instance_uid: str | None, reason: ForeignObjectError
) -> None:
    """Note with the study that an object came that is none of its images; nothing where there is no study.

    Raises:
        TryAgainError: the database is away.
    """
    if study_instance_uid is None or isinstance(reason, OwnObjectError):
        return
    with intake.database.session() as session:
        study_id = open_studies.of_uid(session, tenant_id, study_instance_uid)
        if study_id is not None:
            open_studies.note_aside(session, study_id, foreign.noted([reason]))


def _begin(session: Session, arrival: Arrival, uid: str) -> StudyId:
    """Open a study for an instance that is stored next; without any image its quiet time rejects it."""
    study = NewStudy(
        id=StudyId(new_id()),
        tenant_id=arrival.tenant_id,
        priority=pulling.priority_of(session, arrival.tenant_id, uid) or arrival.priority,
        language=arrival.language,
        images=(),
        order=replace(arrival.typed, study_instance_uid=uid),
        opening=Opening(arrival.close_after),
    )
    studies.accept(session, study, actor=arrival.actor)
    expected = procedure_steps.expected_images(session, arrival.tenant_id, uid, study_id=study.id)
    if expected is not None:
        open_studies.expect(session, study.id, expected, here=0, actor=arrival.actor)
    return study.id
