"""The instances of a DICOM study: the images that are stored, and what is made of its report when asked for.

The report in force stands beside its study's images as SR, Secondary Capture and Encapsulated PDF. Their UIDs
are made of our study's id and the report's version, so that they are known before anything is rendered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydicom.uid import ExplicitVRLittleEndian

from shared.dicom.dicom_json import attribute, data_set
from shared.domain.reports import ReportStatus
from shared.domain.studies import StudyId
from shared.records.dicomweb import DicomStudy, Member, ReportInForce, StoredInstance
from shared.rendering.dicom.kinds import ENCAPSULATED_PDF, MEASUREMENT_REPORT, SECONDARY_CAPTURE, Kind
from shared.rendering.dicom.texts import LONG_STRING, identifier
from shared.rendering.identity import instance_uid, series_uid

KINDS: Final = (MEASUREMENT_REPORT, SECONDARY_CAPTURE, ENCAPSULATED_PDF)


@dataclass(frozen=True, slots=True)
class Made:
    """An object that is made of a version of a report."""

    study: StudyId
    version: int
    kind: Kind

    @property
    def study_id(self) -> str:
        """As its UIDs are made of it."""
        return str(self.study)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a study, by its UIDs.

    Attributes:
        header: what searches answer with, in the DICOM JSON Model.
        source: where it comes from.
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    header: Mapping[str, Mapping[str, Any]]
    source: StoredInstance | Made

    @property
    def searched(self) -> Mapping[str, Mapping[str, Any]]:
        """What searches go by."""
        return {**self.header, **attribute("SOPClassUID", self.sop_class_uid)}


def instances_of(study: DicomStudy) -> list[Instance]:
    """Return a study's instances in their order: each once, however often it was sent."""
    found: dict[str, Instance] = {}
    for member in study.members:
        for image in member.images:
            found.setdefault(image.sop_instance_uid, _stored(study, image))
    for member in study.members:
        if member.report is not None and _can_be_made(study):
            for instance in _made(study, member, member.report):
                found.setdefault(instance.sop_uid, instance)
    return list(found.values())


def series_of(instances: Sequence[Instance]) -> dict[str, list[Instance]]:
    """Return the instances by their series."""
    series: dict[str, list[Instance]] = {}
    for instance in instances:
        series.setdefault(instance.series_uid, []).append(instance)
    return series


def kind_header(kind: Kind) -> dict[str, dict[str, Any]]:
    """Return what an object that is made says in its header, whatever report it is made of."""
    return data_set(
        [
            ("Modality", kind.modality),
            ("SeriesNumber", kind.series_number),
            ("SeriesDescription", kind.description),
        ]
    )


def _stored(study: DicomStudy, image: StoredInstance) -> Instance:
    return Instance(
        study.study_instance_uid,
        image.series_instance_uid,
        image.sop_instance_uid,
        image.sop_class_uid,
        image.transfer_syntax_uid,
        image.header,
        image,
    )


def _can_be_made(study: DicomStudy) -> bool:
    """Whether DICOM can hold the patient's id: none or another one would be wrong."""
    patient_id = study.order.patient_id
    return not patient_id or identifier(patient_id, LONG_STRING) is not None


def _made(study: DicomStudy, member: Member, report: ReportInForce) -> Iterator[Instance]:
    for kind in KINDS:
        if kind is not ENCAPSULATED_PDF and report.status is ReportStatus.ENTERED_IN_ERROR:
            continue
        if kind is SECONDARY_CAPTURE and not any(image.used for image in member.images):
            continue
        made = Made(member.study_id, report.version, kind)
        header = kind_header(kind) | data_set([("InstanceNumber", report.version)])
        yield Instance(
            study.study_instance_uid,
            series_uid(made, kind.name),
            instance_uid(made, kind.name),
            kind.sop_class,
            ExplicitVRLittleEndian,
            header,
            made,
        )
