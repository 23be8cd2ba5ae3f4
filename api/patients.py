"""Whose study it is: files of several patients or studies, or an id not theirs, are taken only as meant."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from api.plain_text import without_unseen
from api.problems import Code, ProblemError
from api.upload import CheckedFile, Fields
from shared.dicom import patients
from shared.dicom.patients import Patient


def check(files: Sequence[CheckedFile], fields: Fields) -> None:
    """Refuse files that contradict each other, or the id that was typed, unless that is said to be meant.

    The answer goes to who sent the files; no header's value is in it.

    Raises:
        ProblemError: `groups` says which files belong together, `positions` where they are in the request.
    """
    if fields.mixed:
        return
    identities = [file.identity for file in files]
    if differs := patients.differing(identities):
        groups = [[files[index] for index in group] for group in patients.groups_of(identities)]
        names = [[file.name for file in group] for group in groups]
        together = " / ".join(", ".join(group) for group in names)
        message = f"the files are of several patients or studies, by {' and '.join(differs)}: {together}"
        positions = [sorted({file.position for file in group}) for group in groups]
        raise ProblemError(Code.SEVERAL_PATIENTS, message, differs=differs, groups=names, positions=positions)
    others = [
        file.name
        for file in files
        if fields.patient_id
        and file.identity.patient_id
        and not patients.same(fields.patient_id, file.identity.patient_id)
    ]
    if others:
        message = f"the field patient_id names another patient than PatientID in {', '.join(others)}"
        raise ProblemError(Code.OTHER_PATIENT, message, files=others)


def known(files: Sequence[CheckedFile], fields: Fields) -> tuple[Patient, date | None]:
    """Return what is known of the study's patient, and its date."""
    identities = [file.identity for file in files]
    patient, study_date = patients.patient_of(identities, typed_id=fields.patient_id)
    return replace(patient, id=without_unseen(patient.id or "") or None), study_date
