"""The report on paper as an object of the archive: Encapsulated PDF."""

from typing import Final

from shared.rendering import pdf
from shared.rendering.dicom.kinds import ENCAPSULATED_PDF
from shared.rendering.dicom.objects import (
    REPORT_TITLE,
    coded,
    file_of,
    instances_of,
    new_object,
    references_to,
)
from shared.rendering.dicom.signatures import signature_of
from shared.rendering.document import ReportDocument

KIND: Final = ENCAPSULATED_PDF


def render(document: ReportDocument) -> bytes:
    """Write the PDF of the report into a DICOM object; one that was entered in error says so on each page.

    Raises:
        NotPossibleError: as `new_object`.
    """
    dataset = new_object(document, KIND)
    dataset.ConversionType = "WSD"
    # The first page names the patient.
    dataset.BurnedInAnnotation = "YES"
    dataset.AcquisitionDateTime = ""
    dataset.DocumentTitle = document.words.title
    dataset.ConceptNameCodeSequence = [coded(REPORT_TITLE)]
    dataset.VerificationFlag = "UNVERIFIED" if signature_of(document) is None else "VERIFIED"
    sources = references_to(instances_of(document))
    if sources:
        dataset.SourceInstanceSequence = sources
    paper = pdf.render(document)
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(paper)
    dataset.EncapsulatedDocument = paper + b"\0" * (len(paper) % 2)
    return file_of(dataset)
