"""A workitem in the DICOM JSON Model (PS3.4 CC.2.5): whose study is to be worked on, and which images."""

from typing import Any, Final

from pydicom.uid import UID

from shared.dicom.dicom_json import attribute, data_set
from shared.domain.studies import Priority, Stage
from shared.domain.workitems import uid_of
from shared.records.reading import ImageRecord
from shared.records.workitems import Workitem

_PUSH: Final = UID("1.2.840.10008.5.1.4.34.6.1")
"""Unified Procedure Step - Push SOP Class, by which workitems are known."""
PRIORITIES: Final = {Priority.URGENT: "HIGH", Priority.ROUTINE: "MEDIUM", Priority.ARCHIVE: "LOW"}
_LABELS: Final = {Stage.CNN: "Classify a chest radiograph", Stage.LLM: "Write a report"}
_WORKLIST: Final = "CXR Reporter"


def workitem_answer(item: Workitem) -> dict[str, Any]:
    """Return what a search answers with."""
    study, order = item.view.study, item.view.order
    return data_set(
        [
            ("SOPClassUID", _PUSH),
            ("SOPInstanceUID", uid_of(study.id, item.stage)),
            ("ProcedureStepState", item.state),
            ("ScheduledProcedureStepPriority", PRIORITIES[study.priority]),
            ("ScheduledProcedureStepModificationDateTime", study.updated_at),
            ("ScheduledProcedureStepStartDateTime", study.created_at),
            ("ProcedureStepLabel", _LABELS[item.stage]),
            ("WorklistLabel", _WORKLIST),
            ("InputReadinessState", "READY"),
            ("PatientName", order.patient_name),
            ("PatientID", order.patient_id),
            ("IssuerOfPatientID", order.patient_id_issuer),
            ("PatientBirthDate", order.patient_birth_date),
            ("PatientSex", order.patient_sex),
            ("AccessionNumber", order.accession_number),
            ("StudyInstanceUID", order.study_instance_uid),
        ]
    )


def workitem_body(item: Workitem, base: str) -> dict[str, Any]:
    """Return a workitem whole, with the images that it is about.

    Args:
        base: the address of /dicomweb.
    """
    series: dict[str, list[ImageRecord]] = {}
    for image in item.view.images:
        if image.series_instance_uid is not None and image.sop_instance_uid is not None:
            series.setdefault(image.series_instance_uid, []).append(image)
    study_uid = item.view.order.study_instance_uid
    inputs = [_input(study_uid, uid, images, base) for uid, images in series.items()] if study_uid else []
    return dict(sorted({**workitem_answer(item), **attribute("InputInformationSequence", *inputs)}.items()))


def _input(study_uid: str, series_uid: str, images: list[ImageRecord], base: str) -> dict[str, Any]:
    references = [
        data_set(
            [
                ("ReferencedSOPClassUID", image.sop_class_uid),
                ("ReferencedSOPInstanceUID", image.sop_instance_uid),
            ]
        )
        for image in images
    ]
    place = data_set([("RetrieveURL", f"{base}/studies/{study_uid}/series/{series_uid}")])
    return {
        **data_set(
            [
                ("TypeOfInstances", "DICOM"),
                ("StudyInstanceUID", study_uid),
                ("SeriesInstanceUID", series_uid),
            ]
        ),
        **attribute("ReferencedSOPSequence", *references),
        **attribute("WADORSRetrievalSequence", place),
    }
