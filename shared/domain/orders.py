"""Whose study it is and what was asked for: typed by the sender, or in the files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Final


@dataclass(frozen=True, slots=True)
class Patient:
    """What a report says of its patient.

    Attributes:
        sex: "F", "M" or "O".
    """

    id: str | None = None
    sex: str | None = None
    age_years: float | None = None


NO_PATIENT: Final = Patient()
"""Of whom nothing is known."""


@dataclass(frozen=True, slots=True)
class Order:
    """Whose study it is and what was asked for: typed, or in the files; all of it is patient data.

    Attributes:
        patient_id_issuer: who gave the id (Issuer of Patient ID): one id of two issuers is two patients.
        patient_name: as DICOM writes a name: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX.
        patient_sex: "F", "M" or "O".
        patient_age_years: at the study; a fraction for infants.
        study_time: on the clock of the place where it was taken.
        referring_physician: written as a patient's name is.
        body_part: Body Part Examined, in capitals: "CHEST".
        laterality: "R", "L", "B" (both) or "U" (unpaired).
        indication: why the radiograph was taken, in the sender's words.
        item_path: of a batch's item, where in the client's archive it lies.
        set_aside: the files that are no images, each as its name and why.
    """

    accession_number: str | None = None
    patient_id: str | None = None
    patient_id_issuer: str | None = None
    patient_name: str | None = None
    patient_birth_date: date | None = None
    patient_sex: str | None = None
    patient_age_years: float | None = None
    referring_physician: str | None = None
    study_instance_uid: str | None = None
    study_date: date | None = None
    study_time: time | None = None
    body_part: str | None = None
    laterality: str | None = None
    institution: str | None = None
    indication: str | None = None
    item_path: str | None = None
    set_aside: tuple[Mapping[str, str], ...] = ()

    @property
    def patient(self) -> Patient:
        """What a report says of the patient."""
        return Patient(self.patient_id, self.patient_sex, self.patient_age_years)


NO_ORDER: Final = Order()
"""What a file without a header says."""
