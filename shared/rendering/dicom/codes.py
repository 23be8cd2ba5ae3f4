"""The codes of the findings, and of what is said of them, as SR content has them.

DICOM's and SNOMED CT's are those of pydicom's dictionaries, where they have one. A label that no terminology
names is our own code, under a coding scheme that the object explains (PS3.3 C.12.1.1.8).
"""

from collections.abc import Mapping
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from shared.domain.findings import FindingStatus, Side, Zone
from shared.domain.reports import Language
from shared.labels import LABELS
from shared.labels import Code as Concept
from shared.rendering import terms
from shared.rendering.dicom.texts import line
from shared.version import SOFTWARE

OWN_SCHEME: Final = "99CXRREPORTER"
"""99 begins every scheme that is not DICOM's (PS3.3 section 8.2)."""

PRESENCE: Final = Code("121052", "DCM", "Presence of property")
NO_UNITS: Final = Code("1", "UCUM", "no units")
QUALITATIVE_EVALUATIONS: Final = Code("C0034375", "UMLS", "Qualitative Evaluations")
LANGUAGES: Final[Mapping[Language, Code]] = {
    Language.ENGLISH: Code("en", "RFC5646", "English"),
    Language.SPANISH: Code("es", "RFC5646", "Spanish"),
}


def status_of(status: FindingStatus) -> Code:
    """Return whether something is there."""
    return _snomed_ct(terms.STATUS[status])


def side_of(side: Side) -> Code:
    """Return a side of the patient."""
    return _snomed_ct(terms.SIDES[side])


def site_of(label: str, zone: Zone | None) -> Code:
    """Return the part of the body that a label is of; of the lungs, the zone where one is known."""
    return _snomed_ct(terms.site_of(label, zone))


def code_of(label: str) -> Code:
    """Return the code of a label: SNOMED CT's where there is one, else our own."""
    known = LABELS.get(label)
    if known is not None and known.snomed_ct is not None:
        return _snomed_ct(known.snomed_ct)
    return Code(label, OWN_SCHEME, known.name_en if known else line(label))


def own_scheme() -> Dataset:
    """Explain our own coding scheme to whoever meets a code of it."""
    item = Dataset()
    item.CodingSchemeDesignator = OWN_SCHEME
    item.CodingSchemeName = f"{SOFTWARE}'s labels"
    item.CodingSchemeResponsibleOrganization = SOFTWARE
    return item


def _dicom(code: Concept) -> Code:
    return Code(code.code, "DCM", code.display)


def _snomed_ct(code: Concept) -> Code:
    return Code(code.code, "SCT", code.display)


CHEST_RADIOGRAPH: Final = _snomed_ct(terms.CHEST_RADIOGRAPH)
PROBABILITY: Final = _dicom(terms.PROBABILITY)
ARTIFICIAL_INTELLIGENCE: Final = _dicom(terms.ARTIFICIAL_INTELLIGENCE)
