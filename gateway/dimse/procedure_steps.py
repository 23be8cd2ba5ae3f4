"""Modality Performed Procedure Step (PS3.4 annex F): a modality says when a study has all its images."""

from collections.abc import Callable
from typing import Final

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import evt

from gateway.backend import Backend
from gateway.dimse.contexts import is_image
from gateway.dimse.door import Door
from gateway.dimse.store import GATEWAY
from shared.errors import TryAgainError
from shared.intake import procedure_steps
from shared.records.procedure_steps import StepStatus

log = structlog.get_logger()

Answer = tuple[int, Dataset | None]

_SUCCESS: Final = 0x0000
_INVALID_VALUE, _FAILED, _DUPLICATE, _NO_SUCH_INSTANCE, _MISSING, _NO_ROOM = (
    0x0106,
    0x0110,
    0x0111,
    0x0112,
    0x0120,
    0x0213,
)


class ProcedureSteps:
    """Hears of steps."""

    def __init__(self, backend: Backend, door: Door) -> None:
        self._backend, self._door = backend, door

    def create(self, event: evt.Event) -> Answer:
        """Take down that a step has begun (N-CREATE)."""
        return self._guarded(self._create, event, event.attribute_list)

    def set(self, event: evt.Event) -> Answer:
        """Take down how it goes on, and how it ended (N-SET)."""
        return self._guarded(self._set, event, event.modification_list)

    def _guarded(
        self, act: Callable[[evt.Event, Dataset], Answer], event: evt.Event, said: Dataset
    ) -> Answer:
        try:
            status, answer = act(event, said)
        except TryAgainError:
            status, answer = _NO_ROOM, None
        except Exception:
            log.exception("procedure_step.failed")
            status, answer = _FAILED, None
        return status, answer

    def _create(self, event: evt.Event, said: Dataset) -> Answer:
        scheduled = said.get("ScheduledStepAttributesSequence") or [Dataset()]
        study = scheduled[0].get("StudyInstanceUID")
        if not study:
            return _MISSING, None
        if said.get("PerformedProcedureStepStatus") != StepStatus.IN_PROGRESS or not UID(study).is_valid:
            return _INVALID_VALUE, None
        named = event.request.AffectedSOPInstanceUID
        uid = str(named or generate_uid(prefix=None))
        if not UID(uid).is_valid:
            return _INVALID_VALUE, None
        tenant_id = self._door.peer(event.assoc).tenant_id
        begun = procedure_steps.begin(self._backend.intake, tenant_id, uid, str(study), actor=GATEWAY)
        answer = None
        if named is None:
            answer = Dataset()
            answer.AffectedSOPInstanceUID = uid
        return (_SUCCESS, answer) if begun else (_DUPLICATE, None)

    def _set(self, event: evt.Event, said: Dataset) -> Answer:
        uid, tenant_id = str(event.request.RequestedSOPInstanceUID), self._door.peer(event.assoc).tenant_id
        try:
            status = StepStatus(said.get("PerformedProcedureStepStatus", StepStatus.IN_PROGRESS))
        except ValueError:
            return _INVALID_VALUE, None
        before = procedure_steps.end(
            self._backend.intake, tenant_id, uid, status, images=_images_of(said), actor=GATEWAY
        )
        if before is None:
            return _NO_SUCH_INSTANCE, None
        # One that has ended may no longer be changed.
        return _SUCCESS if before is StepStatus.IN_PROGRESS else _FAILED, None


def _images_of(said: Dataset) -> int:
    """Return how many images of the kinds that are read were made; what else was made is set aside here."""
    return sum(
        is_image(image.get("ReferencedSOPClassUID"))
        for series in said.get("PerformedSeriesSequence", ())
        for image in series.get("ReferencedImageSequence", ())
    )
