"""The codes of a FHIR report that are not of a label: its sections, sites, sides and statuses."""

from collections.abc import Mapping
from typing import Final

from shared.domain.findings import FindingStatus, Side, Zone
from shared.domain.reports import Section
from shared.labels import Code
from shared.reporting.lexicon import Organ, organ_of

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
CHEST_RADIOGRAPH: Final = Code("399208008", "Plain X-ray of chest")
STATUS: Final[Mapping[FindingStatus, Code]] = {
    FindingStatus.PRESENT: Code("52101004", "Present"),
    FindingStatus.ABSENT: Code("2667000", "Absent"),
    FindingStatus.UNCERTAIN: Code("64957009", "Uncertain"),
}
PROBABILITY: Final = Code("122157", "Probability")
ARTIFICIAL_INTELLIGENCE: Final = Code("123110", "Artificial Intelligence")
LATERALITY: Final = Code("272741003", "Laterality")
SIDES: Final[Mapping[Side, Code]] = {
    Side.RIGHT: Code("24028007", "Right"),
    Side.LEFT: Code("7771000", "Left"),
    Side.BOTH: Code("51440002", "Right and left"),
}
_LUNG: Final = Code("39607008", "Lung")
_ZONES: Final[Mapping[Zone, Code]] = {
    Zone.APICAL: Code("86598002", "Apex of lung"),
    Zone.UPPER: Code("281392002", "Upper zone of lung"),
    Zone.MIDDLE: Code("281393007", "Middle zone of lung"),
    Zone.LOWER: Code("281394001", "Lower zone of lung"),
    Zone.PERIHILAR: Code("46750007", "Hilum of lung"),
}
"""The base of the lung has no code in those dictionaries: there the whole lung is named."""
_ORGANS: Final[Mapping[Organ, Code]] = {
    Organ.LUNGS: _LUNG,
    Organ.PLEURA: Code("3120008", "Pleura"),
    Organ.HEART: Code("80891009", "Heart"),
    Organ.BONES: Code("272710004", "Bone structure of thorax"),
    Organ.DEVICES: Code("816094009", "Thorax"),
}
_OWN_SITES: Final[Mapping[str, Code]] = {
    "Hernia": Code("5798000", "Diaphragm"),
    "Enlarged_Cardiomediastinum": Code("72410000", "Mediastinum"),
}
"""Labels that a report tells of with the heart, and that are not of it."""


def site_of(label: str, zone: Zone | None) -> Code:
    """Return the part of the body that a label is of; of the lungs, the zone where one is known."""
    site = _OWN_SITES.get(label) or _ORGANS[organ_of(label)]
    return _ZONES.get(zone, site) if zone is not None and site is _LUNG else site
