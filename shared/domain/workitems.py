"""The queue as a DICOM worklist (PS3.4 CC, Unified Procedure Step): each study has a workitem for each stage.

A workitem's UID is its study's id with the stage written over the id's version: each leads to the other.
"""

import re
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.domain.studies import Stage, StudyId, StudyStatus

_ROOT: Final = "2.25."
_VERSION_AT: Final = 76
"""The lowest of the four bits of a UUID that hold its version (RFC 9562, 4.2)."""
_VERSION: Final = 7
_STAGES: Final = {Stage.CNN: 8, Stage.LLM: 9}


class WorkState(StrEnum):
    """Procedure Step State."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


_STATES: Final[dict[StudyStatus, dict[Stage, WorkState]]] = {
    StudyStatus.QUEUED: {Stage.CNN: WorkState.SCHEDULED},
    StudyStatus.CLASSIFYING: {Stage.CNN: WorkState.IN_PROGRESS},
    StudyStatus.CLASSIFIED: {Stage.CNN: WorkState.COMPLETED, Stage.LLM: WorkState.SCHEDULED},
    StudyStatus.REPORTING: {Stage.CNN: WorkState.COMPLETED, Stage.LLM: WorkState.IN_PROGRESS},
    StudyStatus.COMPLETED: {Stage.CNN: WorkState.COMPLETED, Stage.LLM: WorkState.COMPLETED},
}
_ENDED_CLASSIFIED: Final = {Stage.CNN: WorkState.COMPLETED, Stage.LLM: WorkState.CANCELED}
_ENDED_BEFORE: Final = {Stage.CNN: WorkState.CANCELED}


def state_of(status: StudyStatus, stage: Stage, *, classified: bool) -> WorkState | None:
    """Return the state of a study's workitem; None where there is no such work yet.

    Args:
        classified: whether the study has findings, which tells where one ended that did not complete.
    """
    if status.is_final and status is not StudyStatus.COMPLETED:
        return (_ENDED_CLASSIFIED if classified else _ENDED_BEFORE).get(stage)
    return _STATES.get(status, {}).get(stage)


def uid_of(study_id: StudyId, stage: Stage) -> str:
    """Return the UID of a study's workitem."""
    return f"{_ROOT}{_with_version(study_id.int, _STAGES[stage])}"


def item_of(uid: str) -> tuple[StudyId, Stage] | None:
    """Return which study's and which stage's workitem a UID is; None where it is none."""
    number = uid.removeprefix(_ROOT)
    if not uid.startswith(_ROOT) or re.fullmatch(r"[1-9][0-9]{0,38}", number) is None:
        return None
    whole = int(number)
    stage = next((stage for stage, code in _STAGES.items() if whole >> _VERSION_AT & 15 == code), None)
    if whole.bit_length() > 128 or stage is None:
        return None
    return StudyId(UUID(int=_with_version(whole, _VERSION))), stage


def _with_version(number: int, version: int) -> int:
    return number & ~(15 << _VERSION_AT) | version << _VERSION_AT
