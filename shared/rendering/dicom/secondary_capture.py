"""The findings as one picture, for archives and viewers that show pictures alone: Secondary Capture.

Each radiograph that was used stands with the boxes of what the report states burnt in, a legend below it, and
the strongest heatmaps beside it. Above all stands that an AI made it and whether anybody has signed it; no
patient's name is in the picture.
"""

from typing import Final

from pydicom.sr.codedict import codes

from shared.errors import NotPossibleError
from shared.rendering.dicom.kinds import SECONDARY_CAPTURE
from shared.rendering.dicom.objects import (
    BODY_PART,
    ai_mark_of,
    coded,
    file_of,
    instances_of,
    new_object,
    references_to,
    refuse_withdrawn,
)
from shared.rendering.dicom.panels import sheet_of
from shared.rendering.dicom.texts import SHORT_TEXT, line
from shared.rendering.document import ReportDocument

KIND: Final = SECONDARY_CAPTURE


def render(document: ReportDocument) -> bytes:
    """Write the picture into a Secondary Capture image, 8-bit RGB, not compressed.

    Raises:
        NotPossibleError: no radiograph's picture is left, the report was entered in error, or `new_object`
            refuses it.
    """
    refuse_withdrawn(document)
    if not document.pictures:
        message = "no radiograph of the study is left to be shown"
        raise NotPossibleError(message)
    sheet = sheet_of(document)
    dataset = new_object(document, KIND)
    dataset.ConversionType = "WSD"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.BodyPartExamined = BODY_PART
    dataset.PatientOrientation = ""
    dataset.DerivationDescription = line(ai_mark_of(document), SHORT_TEXT)
    sources = references_to(instances_of(document))
    if sources:
        dataset.SourceImageSequence = sources
        for source in sources:
            source.PurposeOfReferenceCodeSequence = [coded(codes.DCM.SourceImageForImageProcessingOperation)]
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = sheet.height, sheet.width
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    # Three samples of an even number of columns are an even number of bytes.
    dataset.PixelData = sheet.tobytes()
    dataset["PixelData"].VR = "OB"
    return file_of(dataset)
