"""The formats in which a report can be had, by the names that the server has for them."""

from dataclasses import dataclass
from typing import Final, Literal

ReportFormat = Literal[
    "text",
    "html",
    "json",
    "pdf",
    "fhir",
    "hl7",
    "airai",
    "dicom-sr",
    "basic-sr",
    "dicom-pdf",
    "dicom-sc",
    "gsps",
]

_DICOM: Final = "application/dicom"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a report is in a format.

    Attributes:
        extension: of a file that holds it.
    """

    media_type: str
    extension: str
    is_text: bool = True


KINDS: Final[dict[ReportFormat, Kind]] = {
    "text": Kind("text/plain", "txt"),
    "html": Kind("text/html", "html"),
    "json": Kind("application/json", "json"),
    "pdf": Kind("application/pdf", "pdf", is_text=False),
    "fhir": Kind("application/fhir+json", "fhir.json"),
    "hl7": Kind("application/hl7-v2", "hl7", is_text=False),
    "airai": Kind("application/json", "airai.json"),
    "dicom-sr": Kind(_DICOM, "sr.dcm", is_text=False),
    "basic-sr": Kind(_DICOM, "text-sr.dcm", is_text=False),
    "dicom-pdf": Kind(_DICOM, "pdf.dcm", is_text=False),
    "dicom-sc": Kind(_DICOM, "sc.dcm", is_text=False),
    "gsps": Kind(_DICOM, "gsps.dcm", is_text=False),
}
