"""The report on paper in a DICOM object."""

from io import BytesIO

import pydicom
import pytest

from shared.rendering import pdf
from shared.rendering.dicom.encapsulated_pdf import render
from tests.support.dicom_documents import ALL, BARE, DOCUMENT
from tests.support.documents import STUDY_UID


def read(document) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(render(document)))


@pytest.mark.parametrize("state", ["drafted", "withdrawn"])
def test_the_pdf_is_in_it_byte_for_byte(state):
    dataset = read(ALL[state])
    paper = pdf.render(ALL[state])
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == paper
    assert len(dataset.EncapsulatedDocument) % 2 == 0
    assert dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_it_says_what_it_is_and_that_the_patient_s_name_is_on_it():
    dataset = read(DOCUMENT)
    assert dataset.DocumentTitle == "Chest radiograph report"
    assert dataset.ConceptNameCodeSequence[0].CodeValue == "43468-8"
    assert dataset.BurnedInAnnotation == "YES"
    sources = [item.ReferencedSOPInstanceUID for item in dataset.SourceInstanceSequence]
    assert sources == [f"{STUDY_UID}.2.1", f"{STUDY_UID}.3.1"]
    assert "SourceInstanceSequence" not in read(BARE)


@pytest.mark.parametrize(
    ("state", "flag"),
    [("drafted", "UNVERIFIED"), ("signed", "VERIFIED"), ("amended", "VERIFIED"), ("withdrawn", "UNVERIFIED")],
)
def test_only_a_signed_report_is_verified(state, flag):
    assert read(ALL[state]).VerificationFlag == flag
