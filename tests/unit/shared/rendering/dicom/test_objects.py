"""What all DICOM objects of a report share: whose they are, of what, made by what; and a validator's word."""

import re
import warnings
from dataclasses import replace
from io import BytesIO

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.orders import Order
from shared.domain.reports import AiMark
from shared.errors import NotPossibleError
from shared.rendering.dicom import measurement_report, text_report
from shared.rendering.dicom.objects import file_of
from shared.rendering.document import ImageLine
from shared.rendering.formats import FORMATS
from shared.version import SOFTWARE
from tests.support.dicom_documents import ALL, BARE, DOCUMENT, SIGNED
from tests.support.dicom_readers import complaints
from tests.support.documents import STUDY_UID

RENDERERS = {name: FORMATS[name].render for name in ("dicom-sr", "basic-sr", "dicom-pdf", "dicom-sc", "gsps")}
STATES = {**ALL, "accepted": SIGNED}
REFUSED = {
    ("dicom-sr", "withdrawn"): "entered in error",
    ("dicom-sc", "withdrawn"): "entered in error",
    ("gsps", "withdrawn"): "entered in error",
    ("gsps", "bare"): "no DICOM file",
    ("gsps", "edited"): "nothing that has a box",
    ("gsps", "signed"): "nothing that has a box",
    ("gsps", "amended"): "nothing that has a box",
}

NEEDED_BY_A_DISC = "Warning - Missing attribute or value that would be needed to build DICOMDIR - "
KNOWN = {
    # No study of ours has one, and what burns discs makes its own.
    f"{NEEDED_BY_A_DISC}Study ID",
    # Our own codes: Coding Scheme Identification Sequence says whose they are.
    "Warning - Unrecognized defined term <> for value 1 of attribute <>",
}
"""All that the validator warns of, and why it may."""
THINGS = "information entities for attribute - Element=<> IE <> versus <> for file <> versus <>"
OF_NOTHING_KNOWN = {f"{NEEDED_BY_A_DISC}{name}" for name in ("Patient ID", "Study Date", "Study Time")}


OF_STUDY = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)


def read(file: bytes) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = pydicom.dcmread(BytesIO(file))
        dataset.walk(lambda _, element: element.value)
    return dataset


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", RENDERERS)
def test_a_validator_finds_no_error_and_warns_of_what_is_known(name, state, tmp_path):
    if (name, state) in REFUSED:
        with pytest.raises(NotPossibleError, match=REFUSED[name, state]):
            RENDERERS[name](STATES[state])
        return
    file = tmp_path / "object.dcm"
    file.write_bytes(RENDERERS[name](STATES[state]))
    assert complaints(file) <= KNOWN | (OF_NOTHING_KNOWN if state == "bare" else set())


def test_the_objects_of_a_study_say_the_same_of_its_patient_and_study(tmp_path):
    files = []
    for name, render in RENDERERS.items():
        files.append(tmp_path / f"{name}.dcm")
        files[-1].write_bytes(render(DOCUMENT))
    whole = read(files[0].read_bytes())
    for image in DOCUMENT.images:
        files.append(tmp_path / f"{image.index}.dcm")
        files[-1].write_bytes(_sent(image, whole))
    assert complaints(*files, program="dcentvfy") <= {
        # An order has the accession number once more.
        f"Warning - Different {THINGS}",
    }


def _sent(image: ImageLine, other: pydicom.Dataset) -> bytes:
    """An image of the same study as another object: enough of one to be referred to."""
    dataset, instance = pydicom.Dataset(), image.instance
    assert instance
    for keyword in OF_STUDY:
        dataset[keyword] = other[keyword]
    dataset.SpecificCharacterSet = other.SpecificCharacterSet
    dataset.SOPClassUID, dataset.SOPInstanceUID = instance.sop_class_uid, instance.sop_instance_uid
    dataset.SeriesInstanceUID, dataset.Modality = instance.series_instance_uid, instance.modality
    dataset.SeriesNumber, dataset.InstanceNumber = image.number, 1
    return file_of(dataset)


@pytest.mark.parametrize("name", RENDERERS)
def test_an_object_belongs_to_the_study_and_its_patient(name):
    dataset = read(RENDERERS[name](DOCUMENT))
    assert dataset.StudyInstanceUID == STUDY_UID
    assert dataset.AccessionNumber == "A-2026/17"
    assert (dataset.PatientID, dataset.IssuerOfPatientID) == ("P-17", "Hospital North")
    assert str(dataset.PatientName) == "Yamada^Tarou^^Dr.^III=山田^太郎=やまだ^たろう"
    assert (dataset.PatientBirthDate, dataset.PatientSex) == ("19810203", "F")
    assert (dataset.StudyDate, dataset.StudyTime) == ("20260101", "134506")
    assert str(dataset.ReferringPhysicianName) == "Foe^Eve"
    assert dataset.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize("name", RENDERERS)
def test_an_object_names_what_made_it_and_that_it_is_an_ai(name):
    for document, mark in ((DOCUMENT, AiMark.WRITTEN), (SIGNED, AiMark.REVIEWED)):
        dataset = read(RENDERERS[name](document))
        assert dataset.Manufacturer == SOFTWARE
        assert dataset.ManufacturerModelName == "bundled"
        assert dataset.SoftwareVersions == ["0.1.0", "1.0"]
        assert dataset.DeviceSerialNumber == "d" * 64
        (made_by,) = dataset.ContributingEquipmentSequence
        assert made_by.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert made_by.ContributionDescription.endswith(mark.value)
        assert made_by.ContributionDateTime == f"{document.reported_at:%Y%m%d%H%M%S}+0000"


@pytest.mark.parametrize("name", RENDERERS)
def test_the_same_document_is_the_same_object_and_the_next_version_another_of_its_series(name):
    render = RENDERERS[name]
    assert render(DOCUMENT) == render(DOCUMENT)
    first, second = read(render(DOCUMENT)), read(render(replace(DOCUMENT, version=2)))
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)


@pytest.mark.parametrize("name", [name for name in RENDERERS if name != "gsps"])
def test_an_object_of_a_study_without_tags_has_a_study_of_its_own(name):
    dataset = read(RENDERERS[name](BARE))
    assert re.fullmatch(r"2\.25\.[0-9]+", dataset.StudyInstanceUID)
    assert dataset.PatientID == dataset.AccessionNumber == dataset.StudyDate == ""
    assert "IssuerOfPatientID" not in dataset


def test_an_object_in_ascii_says_nothing_of_character_sets():
    plain = replace(
        DOCUMENT,
        indication=None,
        order=replace(DOCUMENT.order, patient_name="Roe^Jane", referring_physician=None),
    )
    assert "SpecificCharacterSet" not in read(text_report.render(plain))


def test_the_patient_s_id_is_written_whole_or_not_at_all():
    for patient_id in ("x" * 65, "a\\b"):
        with pytest.raises(NotPossibleError, match="patient's id"):
            text_report.render(replace(DOCUMENT, order=replace(DOCUMENT.order, patient_id=patient_id)))


@pytest.mark.parametrize("name", RENDERERS)
def test_a_version_that_is_not_the_report_any_more_is_not_filed(name):
    with pytest.raises(NotPossibleError, match="version 2 is the report now"):
        RENDERERS[name](replace(DOCUMENT, superseded_by=2))


def test_an_accession_number_that_is_too_long_is_left_out():
    long = replace(DOCUMENT, order=replace(DOCUMENT.order, accession_number="12345678901234567"))
    dataset = read(text_report.render(long))
    assert dataset.AccessionNumber == ""
    assert "ReferencedRequestSequence" not in dataset


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=80), st.text(max_size=3000))
def test_whatever_was_typed_makes_an_object_that_can_be_read(short, long):
    order = Order(
        accession_number=short,
        patient_id="P",
        patient_id_issuer=short,
        patient_name=short,
        referring_physician=short,
        institution=short,
    )
    words = replace(SIGNED.sections, findings=long, impression=short)
    attestations = [replace(SIGNED.attestations[0], name=short)]
    document = replace(
        SIGNED, order=order, sections=words, indication=long, sentences=[], attestations=attestations
    )
    for render in (text_report.render, measurement_report.render):
        assert read(render(document)).PatientID == "P"
