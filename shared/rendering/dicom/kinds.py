"""What the objects of each format are that are filed beside a study's images; no large library is needed."""

from dataclasses import dataclass
from typing import Final

from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    SecondaryCaptureImageStorage,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What the objects of one format are.

    Attributes:
        name: the format's.
        series_number: apart from those of a study's own series, which are small.
    """

    name: str
    sop_class: UID
    modality: str
    series_number: int
    description: str


MEASUREMENT_REPORT: Final = Kind("dicom-sr", Comprehensive3DSRStorage, "SR", 9801, "AI findings")
ENCAPSULATED_PDF: Final = Kind("dicom-pdf", EncapsulatedPDFStorage, "DOC", 9803, "Report (PDF)")
SECONDARY_CAPTURE: Final = Kind("dicom-sc", SecondaryCaptureImageStorage, "OT", 9804, "AI findings (picture)")
