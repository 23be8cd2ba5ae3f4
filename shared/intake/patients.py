"""Whose study it is: files of several patients or studies, or an id not theirs, are taken only as meant."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from shared.dicom import patients
from shared.dicom.patients import Patient
from shared.intake.files import CheckedFile
from shared.intake.submission import Contradiction, OtherPatient, SeveralPatients, Submission
from shared.plain_text import without_unseen


def contradiction(files: Sequence[CheckedFile], submission: Submission) -> Contradiction | None:
    """Return how files contradict each other, or the id that was typed, unless that is said to be meant.

    It goes to who sent the files; no header's value is in it.
    """
    if submission.mixed:
        return None
    identities = [file.identity for file in files]
    if differs := patients.differing(identities):
        groups = [[files[index] for index in group] for group in patients.groups_of(identities)]
        return SeveralPatients(
            differs=differs,
            groups=[[file.name for file in group] for group in groups],
            positions=[sorted({file.position for file in group}) for group in groups],
        )
    others = [
        file.name
        for file in files
        if submission.patient_id
        and file.identity.patient_id
        and not patients.same(submission.patient_id, file.identity.patient_id)
    ]
    return OtherPatient(others) if others else None


def known(files: Sequence[CheckedFile], *, typed_id: str | None) -> tuple[Patient, date | None]:
    """Return what is known of the study's patient, and its date."""
    identities = [file.identity for file in files]
    patient, study_date = patients.patient_of(identities, typed_id=typed_id)
    return replace(patient, id=without_unseen(patient.id or "") or None), study_date
