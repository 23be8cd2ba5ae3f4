"""The codes of a FHIR report that no other format has: its terminologies and its sections."""

from collections.abc import Mapping
from typing import Final

from shared.domain.reports import Section
from shared.labels import Code

SNOMED_CT: Final = "http://snomed.info/sct"
RADLEX: Final = "http://radlex.org"
LOINC: Final = "http://loinc.org"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
UCUM: Final = "http://unitsofmeasure.org"
URI: Final = "urn:ietf:rfc:3986"
"""The system of an identifier that is a URI itself."""
DICOM_UID: Final = "urn:dicom:uid"
IDENTIFIER_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
SERVICE_SECTION: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"
OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
OBSERVATION_VALUE: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
EMPTY_REASON: Final = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
AGENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
COMPLETION: Final = "http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion"
OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
PRIORITY_CATEGORY: Final = (
    "http://hl7.eu/fhir/health-data-api/CodeSystem/eehrxf-document-priority-category-cs"
)

REPORT_TYPES: Final = (Code("30745-4", "XR Chest Views"), Code("18748-4", "Diagnostic imaging study"))
"""LOINC, the exact one first."""
REPORT_CATEGORY: Final = Code("85430-7", "Diagnostic imaging report")

STUDIES: Final = Code("18726-0", "Radiology studies (set)")
ORDER: Final = Code("55115-0", "Requested imaging studies information Document")
HISTORY: Final = Code("11329-0", "History general Narrative - Reported")
ADDENDUM: Final = Code("55107-7", "Addendum Document")
SECTIONS: Final[Mapping[Section, Code]] = {
    Section.TECHNIQUE: Code("55111-9", "Current imaging procedure descriptions Document"),
    Section.COMPARISON: Code("18834-2", "Radiology Comparison study (narrative)"),
    Section.FINDINGS: Code("59776-5", "Procedure findings Narrative"),
    Section.IMPRESSION: Code("19005-8", "Radiology Imaging study [Impression] (narrative)"),
}
"""LOINC, as the profile of the Composition has them."""

IMAGING: Final = Code("363679005", "Imaging")
LATERALITY: Final = Code("272741003", "Laterality")
