"""What is sent by HTTP: a form becomes a `Submission` or an `Addition`, and what comes of it an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.auth import Caller
from api.backend import Backend
from api.bodies.study import Study, study_body
from api.opening import opening_of
from api.polling import view_of
from api.problem_kinds import Code
from api.problems import ContentError, Noun, ProblemError, not_found
from api.upload import Fields
from shared.dicom import foreign
from shared.domain.reports import Language
from shared.domain.studies import BatchId, StudyId
from shared.intake import open_studies, studies
from shared.intake.files import Checked
from shared.intake.submission import (
    Added,
    Addition,
    BatchClosed,
    Closed,
    Erased,
    NoBatch,
    NoImages,
    NoStudy,
    NotAdded,
    NotOpen,
    OtherPatient,
    Refusal,
    Refused,
    Replayed,
    SeveralPatients,
    Submission,
    Taken,
)
from shared.records.idempotency import InUse, Reused
from shared.records.reading import StudyView

LONGEST_KEY: Final = 255
PLAIN_LETTERS: Final = "^[ -~]*$"
"""What a key is made of: it is shown beside its item, and other letters of a header are read by guess."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A study that is in, now or since an earlier request with the same key."""

    study_id: StudyId
    body: Study
    replayed: bool


def take(
    backend: Backend,
    caller: Caller,
    fields: Fields,
    checked: Checked,
    *,
    language: Language,
    key: str | None,
    fingerprint: str,
) -> Accepted:
    """Take the study in, or give the first answer again. Blocks.

    Args:
        language: of the report, where the fields name none.

    Raises:
        ProblemError: the content is refused, the batch takes no more, the key is in use or reused, or its
            study was erased this moment.
        TryAgainError: the database or the object store is away; nothing was taken in.
    """
    submission = Submission(
        tenant_id=caller.tenant_id,
        actor=caller.actor,
        checked=checked,
        asked_priority=fields.priority,
        language=fields.language or language,
        typed=fields.typed,
        batch_id=BatchId(fields.batch_id) if fields.batch_id else None,
        path=fields.path,
        mixed=fields.mixed,
        key=key,
        fingerprint=fingerprint,
        opening=opening_of(fields, backend.settings),
    )
    match studies.take(backend.intake, submission, answer=_answer):
        case Taken(study_id, _, answer):
            return Accepted(study_id, Study.model_validate(answer), replayed=False)
        case Replayed(study_id, answer):
            return Accepted(study_id, Study.model_validate(answer), replayed=True)
        case refusal:
            raise _problem(refusal)


def announce(backend: Backend, caller: Caller, study_id: StudyId) -> None:
    """Keep an open study open while images for it are received. Blocks.

    Raises:
        ProblemError: the caller has no such study, or it was erased.
        TryAgainError: the database is away.
    """
    if refusal := open_studies.announce(backend.intake, study_id, sees=caller.sees):
        raise _problem(refusal)


def add(backend: Backend, caller: Caller, study_id: StudyId, checked: Checked) -> Study:
    """Add images to an open study. Blocks.

    Raises:
        ProblemError: the content is refused, or the study is closed, erased or not there.
        TryAgainError: the database or the object store is away; nothing was added.
    """
    addition = Addition(study_id, caller.sees, caller.actor, checked, most_images=backend.settings.max_files)
    match open_studies.add(backend.intake, addition):
        case Added():
            return study_body(view_of(backend, study_id, caller))
        case refusal:
            raise _problem(refusal)


def close(backend: Backend, caller: Caller, study_id: StudyId) -> Study:
    """Close an open study; one that is closed is left as it is. Blocks.

    Raises:
        ProblemError: the study has no image, was erased or is not there.
        TryAgainError: the database is away.
    """
    match open_studies.close(backend.intake, study_id, sees=caller.sees, actor=caller.actor):
        case Closed(view):
            return study_body(view)
        case refusal:
            raise _problem(refusal)


def _answer(view: StudyView) -> Mapping[str, Any]:
    return study_body(view).model_dump(mode="json")


def _problem(refusal: Refusal | NotAdded | NoImages) -> ProblemError:  # noqa: C901, PLR0911  one for each kind
    match refusal:
        case Refused(reason, set_aside):
            return ContentError(reason, set_aside=foreign.noted(set_aside))
        case SeveralPatients(differs, groups, positions):
            together = " / ".join(", ".join(names) for names in groups)
            message = f"the files are of several patients or studies, by {' and '.join(differs)}: {together}"
            return ProblemError(
                Code.SEVERAL_PATIENTS, message, differs=differs, groups=groups, positions=positions
            )
        case OtherPatient(names):
            message = f"the field patient_id names another patient than PatientID in {', '.join(names)}"
            return ProblemError(Code.OTHER_PATIENT, message, files=names)
        case NoBatch():
            return not_found(Noun.BATCH)
        case NoStudy():
            return not_found(Noun.STUDY)
        case NotOpen(status):
            message = f"the study is {status}"
            return ProblemError(Code.STUDY_CLOSED, message)
        case NoImages():
            message = "no image has come yet"
            return ProblemError(Code.NO_IMAGES, message)
        case Erased():
            message = "the study was erased"
            return ProblemError(Code.ERASED, message)
        case BatchClosed():
            message = "the batch was cancelled"
            return ProblemError(Code.BATCH_CLOSED, message)
        case InUse():
            message = "the first request with this Idempotency-Key is not answered yet"
            return ProblemError(Code.IDEMPOTENCY_KEY_IN_USE, message, headers={"Retry-After": "1"})
        case Reused():
            message = "this Idempotency-Key was sent before with other files or fields"
            return ProblemError(Code.IDEMPOTENCY_KEY_REUSED, message)
