"""What searches answer with (PS3.18 10.6.3): a study, a series or an instance in the DICOM JSON Model."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.dicomweb.instances import Instance, series_of
from shared.dicom.dicom_json import attribute, data_set, first_value, tag_of
from shared.records.dicomweb import DicomStudy, StoredInstance

Element = dict[str, dict[str, Any]]

_STUDY_HEADER = ("StudyID", "StudyDescription")
_SERIES_HEADER = (
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
    "BodyPartExamined",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
)
_INSTANCE_HEADER = ("InstanceNumber", "Rows", "Columns", "BitsAllocated", "NumberOfFrames")
_EXTRA = ("IssuerOfPatientID", "InstitutionName", "ViewPosition")
"""Only where somebody asks for them."""


def study_answer(study: DicomStudy, instances: Sequence[Instance], base: str) -> Element:
    """Return a study.

    Args:
        instances: all that it has.
        base: the address of /dicomweb.
    """
    series = series_of(instances)
    modalities = dict.fromkeys(first_value(instance.header, "Modality") for instance in instances)
    return {
        **_of_the_study(study, instances, base),
        **attribute("ModalitiesInStudy", *modalities),
        **attribute("NumberOfStudyRelatedSeries", len(series)),
        **attribute("NumberOfStudyRelatedInstances", len(instances)),
    }


def series_answer(series: Sequence[Instance], base: str) -> Element:
    """Return a series by its instances."""
    first = series[0]
    return {
        **data_set(
            [
                ("StudyInstanceUID", first.study_uid),
                ("SeriesInstanceUID", first.series_uid),
                ("RetrieveURL", f"{base}/studies/{first.study_uid}/series/{first.series_uid}"),
                ("NumberOfSeriesRelatedInstances", len(series)),
            ]
        ),
        **_picked(first.header, _SERIES_HEADER),
    }


def instance_answer(instance: Instance, base: str) -> Element:
    """Return an instance."""
    return {
        **data_set(
            [
                ("StudyInstanceUID", instance.study_uid),
                ("SeriesInstanceUID", instance.series_uid),
                ("SOPClassUID", instance.sop_class_uid),
                ("SOPInstanceUID", instance.sop_uid),
                ("InstanceAvailability", "ONLINE"),
                ("AvailableTransferSyntaxUID", instance.transfer_syntax_uid),
                ("RetrieveURL", url_of(instance, base)),
            ]
        ),
        **_picked(instance.header, (*_INSTANCE_HEADER, *_SERIES_HEADER[:3])),
    }


def extras(study: DicomStudy, instances: Sequence[Instance], base: str) -> Element:
    """Return what an answer of any level may hold besides."""
    order = study.order
    return {
        **_of_the_study(study, instances, base),
        **data_set([("IssuerOfPatientID", order.patient_id_issuer), ("InstitutionName", order.institution)]),
        **_picked(_first_header(instances), ("ViewPosition", *_SERIES_HEADER[3:])),
    }


def chosen(answer: Element, more: Element, include: frozenset[str]) -> Element:
    """Return an answer with what else of it was asked for, in the order of the tags."""
    added = more if "all" in include else {tag_of_any(name): None for name in include}
    whole = {**{tag: more[tag] for tag in added if tag in more}, **answer}
    return dict(sorted(whole.items()))


def tag_of_any(name: str) -> str:
    """Return the tag of a keyword that is answered with; anything else as it is."""
    known = {
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
        *("AccessionNumber", "ReferringPhysicianName"),
        *(*_STUDY_HEADER, *_SERIES_HEADER, *_EXTRA),
    }
    return tag_of(name) if name in known else name


def url_of(instance: Instance, base: str) -> str:
    """Return where an instance is retrieved from."""
    return f"{base}/studies/{instance.study_uid}/series/{instance.series_uid}/instances/{instance.sop_uid}"


def _of_the_study(study: DicomStudy, instances: Sequence[Instance], base: str) -> Element:
    order, uid = study.order, study.study_instance_uid
    return {
        **data_set(
            [
                ("StudyDate", order.study_date),
                ("StudyTime", order.study_time),
                ("AccessionNumber", order.accession_number),
                ("InstanceAvailability", "ONLINE"),
                ("ReferringPhysicianName", order.referring_physician),
                ("PatientName", order.patient_name),
                ("PatientID", order.patient_id),
                ("PatientBirthDate", order.patient_birth_date),
                ("PatientSex", order.patient_sex),
                ("StudyInstanceUID", uid),
                ("RetrieveURL", f"{base}/studies/{uid}"),
                ("StudyID", None),
            ]
        ),
        **_picked(_first_header(instances), _STUDY_HEADER),
    }


def _first_header(instances: Sequence[Instance]) -> Mapping[str, Mapping[str, Any]]:
    stored = (instance.header for instance in instances if isinstance(instance.source, StoredInstance))
    return next(stored, {})


def _picked(header: Mapping[str, Mapping[str, Any]], keywords: Sequence[str]) -> Element:
    return {tag: dict(header[tag]) for tag in map(tag_of, keywords) if tag in header}
