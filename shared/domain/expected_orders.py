"""An order that a hospital announced by HL7, and of which a study may come or has come."""

from dataclasses import dataclass, replace
from datetime import date, time
from enum import StrEnum

from shared.domain.orders import Order
from shared.domain.studies import Priority


class OrderStatus(StrEnum):
    """Where an order stands, as its sender says."""

    SCHEDULED = "scheduled"
    """The radiograph is to be taken, or is being taken."""
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    """No study is filled in by it."""


@dataclass(frozen=True, slots=True)
class ExpectedOrder:
    """What was ordered, for whom and why; all of it is patient data.

    Attributes:
        accession_number: where the sender names one as such (IPC-1, OBR-18); `number` is what a study has.
        other_patient_ids: further ids of the patient, and those that were merged into `patient_id`.
        patient_name: as DICOM writes a name: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX.
        patient_sex: "F", "M" or "O".
        procedure: what was ordered, in words.
        requested_procedure_id: DICOM's (0040,1001); IPC-2, OBR-19.
        procedure_step_id: DICOM's (0040,0009); IPC-4, OBR-20.
        station_ae_title: of the modality that is to take it.
        scheduled_date: on the calendar of the hospital, as the time is on its clock.
    """

    accession_number: str | None = None
    placer_number: str | None = None
    filler_number: str | None = None
    study_instance_uid: str | None = None
    patient_id: str | None = None
    patient_id_issuer: str | None = None
    other_patient_ids: tuple[str, ...] = ()
    patient_name: str | None = None
    patient_birth_date: date | None = None
    patient_sex: str | None = None
    indication: str | None = None
    referring_physician: str | None = None
    priority: Priority | None = None
    procedure_code: str | None = None
    procedure: str | None = None
    requested_procedure_id: str | None = None
    procedure_step_id: str | None = None
    modality: str | None = None
    station_ae_title: str | None = None
    scheduled_date: date | None = None
    scheduled_time: time | None = None
    status: OrderStatus = OrderStatus.SCHEDULED

    def changed_by(self, later: "ExpectedOrder") -> "ExpectedOrder":
        """Return the order after a later message of it: what that does not say stays as it was."""
        known = {name: getattr(self, name) for name in self.__slots__}
        said = {name: value for name in known if (value := getattr(later, name)) is not None}
        others = dict.fromkeys((*self.other_patient_ids, *later.other_patient_ids))
        return replace(later, **(known | said | {"other_patient_ids": tuple(others)}))

    @property
    def number(self) -> str | None:
        """The accession number of the study that comes of it: without one the filler's, else the placer's."""
        return self.accession_number or self.filler_number or self.placer_number

    @property
    def as_known(self) -> Order:
        """What it says of its study."""
        return Order(
            accession_number=self.number,
            patient_id=self.patient_id,
            patient_id_issuer=self.patient_id_issuer,
            patient_name=self.patient_name,
            patient_birth_date=self.patient_birth_date,
            patient_sex=self.patient_sex,
            referring_physician=self.referring_physician,
            study_instance_uid=self.study_instance_uid,
            indication=self.indication,
        )
