"""What every DICOM object that is made of a report begins with: whose it is, of which study, made by what.

Dates of the object itself are in UTC. It says so nowhere: Timezone Offset From UTC would hold for the study's
date and time as well, and those are of the place where it was taken.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from io import BytesIO
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian

from shared.domain.reports import AiMark, ReportStatus
from shared.errors import NotPossibleError
from shared.rendering.dicom.kinds import Kind
from shared.rendering.dicom.texts import LONG_STRING, SHORT_STRING, SHORT_TEXT, identifier, line, person_name
from shared.rendering.document import Instance, ReportDocument
from shared.rendering.filing import refuse_superseded
from shared.rendering.identity import instance_uid, product_uid, series_uid, study_uid
from shared.version import SOFTWARE

AI_MARKS: Final = {
    AiMark.WRITTEN: "Made by artificial intelligence; no person has signed it.",
    AiMark.REVIEWED: "Drafted by artificial intelligence, read and signed by a person.",
}
"""For machines and their operators, so in English as DICOM's own words are; the mark itself follows it."""

_IMPLEMENTATION: Final = UID(product_uid("implementation"))
"""Of the code that wrote the file (PS3.10 section 7.1)."""
BODY_PART: Final = "CHEST"
"""Body Part Examined: it is not one of a pair, so an image of it needs no Laterality."""
REPORT_TITLE: Final = codes.LN.XRayReport
"""Of CID 7000."""
_UTF_8: Final = "ISO_IR 192"


def new_object(document: ReportDocument, kind: Kind) -> Dataset:
    """Return a data set with the modules of patient, study, series, equipment and SOP.

    Raises:
        NotPossibleError: another version is the report now; or the patient's id cannot be written, and none
            or another one would be wrong.
    """
    refuse_superseded(document)
    order, made = document.order, document.reported_at
    dataset = Dataset()
    dataset.SOPClassUID = kind.sop_class
    dataset.SOPInstanceUID = instance_uid(document, kind.name)
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = da(made), tm(made)
    dataset.ContentDate, dataset.ContentTime = da(made), tm(made)

    dataset.PatientName = person_name(order.patient_name)
    dataset.PatientID = _patient_id(order.patient_id)
    if dataset.PatientID and order.patient_id_issuer:
        dataset.IssuerOfPatientID = line(order.patient_id_issuer)
    dataset.PatientBirthDate = da(order.patient_birth_date)
    dataset.PatientSex = order.patient_sex or ""

    dataset.StudyInstanceUID = study_uid(document)
    dataset.StudyID = ""
    dataset.StudyDate, dataset.StudyTime = da(order.study_date), tm(order.study_time)
    dataset.AccessionNumber = identifier(order.accession_number, SHORT_STRING) or ""
    dataset.ReferringPhysicianName = person_name(order.referring_physician)

    dataset.SeriesInstanceUID = series_uid(document, kind.name)
    dataset.Modality = kind.modality
    dataset.SeriesNumber = kind.series_number
    dataset.SeriesDescription = kind.description
    dataset.InstanceNumber = document.version

    dataset.Manufacturer = SOFTWARE
    dataset.ManufacturerModelName = line(document.model.id)
    dataset.SoftwareVersions = [line(document.software_version), line(document.model.version)]
    dataset.DeviceSerialNumber = line(document.model.digest)
    dataset.ContributingEquipmentSequence = [_contribution(document)]
    return dataset


def refuse_withdrawn(document: ReportDocument) -> None:
    """Refuse a report that was entered in error.

    Raises:
        NotPossibleError: it was. These objects have no place that every reader looks at to say so, and their
            codes and boxes would count as findings.
    """
    if document.status is ReportStatus.ENTERED_IN_ERROR:
        message = "the report was entered in error, and nothing in this format would say so to every reader"
        raise NotPossibleError(message)


def ai_mark_of(document: ReportDocument) -> str:
    """Return in words and as a URI that an AI wrote the report."""
    return f"{AI_MARKS[document.ai_mark]} {document.ai_mark.value}"


def coded(code: Code) -> Dataset:
    """Return a code as an item of a sequence (PS3.3 section 8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        code.value,
        code.scheme_designator,
        code.meaning,
    )
    return item


def reference_to(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """Return a reference to an object as an item of a sequence."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    return item


def references_to(instances: Iterable[Instance]) -> list[Dataset]:
    """Return references to images."""
    return [reference_to(one.sop_class_uid, one.sop_instance_uid) for one in instances]


def instances_of(document: ReportDocument) -> list[Instance]:
    """Return the images that were sent as DICOM, with their UIDs."""
    return [image.instance for image in document.images if image.instance is not None]


def da(day: date | None) -> str:
    """Write a DA; nothing of None."""
    return f"{day:%Y%m%d}" if day else ""


def tm(clock: time | datetime | None) -> str:
    """Write a TM; nothing of None."""
    return f"{clock:%H%M%S}" if clock else ""


def dt(moment: datetime) -> str:
    """Write a DT, with its offset from UTC."""
    return f"{moment:%Y%m%d%H%M%S%z}"


def file_of(dataset: Dataset) -> bytes:
    """Write an object as a file (PS3.10), in UTF-8 where ASCII does not do."""
    if _needs_utf_8(dataset):
        dataset.SpecificCharacterSet = _UTF_8
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = "CXRREPORTER"
    dataset.file_meta = meta
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _patient_id(patient_id: str | None) -> str:
    written = identifier(patient_id, LONG_STRING)
    if patient_id and written is None:
        message = "the patient's id has characters, or more of them, than DICOM's Patient ID can hold"
        raise NotPossibleError(message)
    return written or ""


def _contribution(document: ReportDocument) -> Dataset:
    """Say what made the object, once more where programs look for it (PS3.3 C.12.1.1.5)."""
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [coded(codes.DCM.ProcessingEquipment)]
    item.Manufacturer = SOFTWARE
    item.ManufacturerModelName = SOFTWARE
    item.SoftwareVersions = line(document.software_version)
    item.DeviceSerialNumber = line(document.model.digest)
    item.ContributionDateTime = dt(document.reported_at)
    item.ContributionDescription = line(ai_mark_of(document), SHORT_TEXT)
    return item


def _needs_utf_8(items: Dataset | Sequence[Dataset]) -> bool:
    """Tell whether any text is more than ASCII."""
    datasets = [items] if isinstance(items, Dataset) else items
    return any(
        _needs_utf_8(element.value) if element.VR == "SQ" else not str(element.value).isascii()
        for dataset in datasets
        for element in dataset
        if element.VR not in {"OB", "OW"}
    )
