"""The study before: an earlier radiograph of the same patient, with which a report compares."""

from dataclasses import dataclass
from datetime import date

from shared.domain.findings import Finding
from shared.domain.studies import StudyId


@dataclass(frozen=True, slots=True)
class Prior:
    """The patient's newest earlier study.

    Attributes:
        taken_on: None where nobody said when.
        received_on: the day on which it was sent in.
        same_classifier: whether the version of the classifier that read it read this study too; what two
            versions find is not compared.
        findings: one for each label, present or not, as `study_findings` joins them.
    """

    study_id: StudyId
    taken_on: date | None
    received_on: date
    same_classifier: bool
    findings: tuple[Finding, ...] = ()
