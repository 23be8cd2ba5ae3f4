"""What a report says of a finding, in codes: of SNOMED CT, where nothing else stands beside it.

A code is the one of pydicom's dictionaries where these have it. Each format writes them in its own way.
"""

from collections.abc import Mapping
from typing import Final

from shared.domain.findings import FindingStatus, Side, Zone
from shared.labels import Code
from shared.reporting.lexicon import Organ, organ_of

CHEST_RADIOGRAPH: Final = Code("399208008", "Plain X-ray of chest")
STATUS: Final[Mapping[FindingStatus, Code]] = {
    FindingStatus.PRESENT: Code("52101004", "Present"),
    FindingStatus.ABSENT: Code("2667000", "Absent"),
    FindingStatus.UNCERTAIN: Code("64957009", "Uncertain"),
}
PROBABILITY: Final = Code("122157", "Probability")
"""Of DICOM."""
ARTIFICIAL_INTELLIGENCE: Final = Code("123110", "Artificial Intelligence")
"""Of DICOM."""
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
