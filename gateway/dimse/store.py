"""C-STORE: an instance is in before its sender is told so, or it is told in a few words why not.

What is no radiograph but travels with a study is set aside with success, and nothing is made of it: a PACS
that routes studies here would send it for ever otherwise. Nobody is told that it is kept: storage commitment
says it is not.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Final, cast

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt

from gateway.backend import Backend
from gateway.dimse.answers import (
    SET_ASIDE,
    TAKEN,
    Answer,
    no_room,
    not_allowed,
    not_matching,
    not_taken,
    not_usable,
)
from gateway.dimse.contexts import is_storage
from gateway.dimse.door import Door
from gateway.dimse.messages import DataSet
from shared.dicom.attributes import value_of
from shared.dicom.files import open_dicom
from shared.domain.studies import Actor, ActorKind, TenantId
from shared.errors import ForeignObjectError, TryAgainError
from shared.intake import files, instances
from shared.intake.files import SentFile
from shared.intake.instances import Arrival
from shared.intake.submission import (
    Added,
    Erased,
    NoStudy,
    NotAdded,
    NotOpen,
    OtherPatient,
    Refused,
    SeveralPatients,
)
from shared.operations import telemetry

log = structlog.get_logger()

GATEWAY: Final = Actor(ActorKind.SERVICE, "gateway")
_AWAY: Final = "the archive cannot be reached: send it again later"
_UNEXPECTED: Final = "it could not be processed"


def storing(backend: Backend, door: Door) -> Callable[[evt.Event], Dataset]:
    """Return what answers a C-STORE."""

    def store(event: evt.Event) -> Dataset:
        peer = door.peer(event.assoc)
        data_set = cast(DataSet, event.request.DataSet)
        with closing(data_set):
            try:
                answer = not_allowed("this peer may not store") if not peer.may_store else None
                answer = answer or data_set.refusal or _receive(backend, peer.tenant_id, event, data_set)
            except TryAgainError:
                answer = no_room(_AWAY)
            except Exception:
                log.exception("instance.failed")
                answer = not_usable(_UNEXPECTED)
        telemetry.INSTANCES.labels(answer.outcome).inc()
        return answer.as_dataset()

    return store


def _receive(backend: Backend, tenant_id: TenantId, event: evt.Event, data_set: DataSet) -> Answer:
    """Take an instance in, or say why not.

    Raises:
        TryAgainError: the database or the object store is away.
    """
    named = (event.request.AffectedSOPClassUID, event.request.AffectedSOPInstanceUID)
    if event.context.abstract_syntax != named[0] or not is_storage(named[0]):
        return not_taken("another SOP class was agreed on for this")
    # The name tells people which of a study's images is meant; it is no path and no key.
    checked = files.check([SentFile(f"{named[1]}.dcm", data_set.file)], backend.limits)
    if isinstance(checked.refusal, ForeignObjectError):
        return _set_aside(backend, tenant_id, named, data_set, checked.refusal)
    if checked.refusal is not None:
        return _answer_to(Refused(checked.refusal, ()))
    identity = checked.files[0].identity
    if identity is None or (identity.sop_class_uid, identity.sop_instance_uid) != named:
        return not_matching("SOP Class or SOP Instance UID are not the command's")
    outcome = instances.receive(
        backend.intake,
        Arrival(
            tenant_id,
            GATEWAY,
            checked,
            close_after=backend.settings.close_after,
            most_images=backend.limits.images,
        ),
    )
    return TAKEN if isinstance(outcome, Added) else _answer_to(outcome)


def _set_aside(
    backend: Backend,
    tenant_id: TenantId,
    named: tuple[UID, UID],
    data_set: DataSet,
    reason: ForeignObjectError,
) -> Answer:
    header = open_dicom(data_set.file, name=reason.file or "").dataset
    if (value_of(header, "SOPClassUID"), value_of(header, "SOPInstanceUID")) != named:
        return not_matching("SOP Class or SOP Instance UID are not the command's")
    study = value_of(header, "StudyInstanceUID")
    instances.set_aside(backend.intake, tenant_id, None if study is None else str(study), reason)
    return SET_ASIDE


def _answer_to(outcome: NotAdded) -> Answer:
    """Return what its sender is told of an instance that is not in."""
    match outcome:
        case Refused(reason):
            log.info("instance.refused", code=reason.code)
            return not_usable(reason.detail)
        case SeveralPatients() | OtherPatient():
            return not_usable(f"contradicts its study: {_differing(outcome)}")
        case NoStudy() | Erased() | NotOpen():
            # Cancelled or erased this very moment; sent again it begins another.
            return no_room("its study was taken away meanwhile: send it again")


def _differing(outcome: SeveralPatients | OtherPatient) -> str:
    return ", ".join(outcome.differs) if isinstance(outcome, SeveralPatients) else "PatientID"
