"""One scale of words for how sure a finding is, by its calibrated probability; see docs/decisions/0013.

Whether a finding is present, uncertain or absent is decided by its label's own threshold, which may lie far
below one half; how surely a report may speak of it is decided here, by the probability alone.

Map: `Certainty`, `SUREST_FIRST`, `STATED_FROM`, `PROBABLE_FROM` -> `certainty_of` -> `SAYS`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from shared.domain.findings import FindingStatus


class Certainty(StrEnum):
    """How surely a report speaks of a finding; the same in every section and language."""

    STATED = "stated"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    NOT_DETECTED = "not detected"


SUREST_FIRST: Final = (Certainty.STATED, Certainty.PROBABLE, Certainty.POSSIBLE)
"""The words for what was detected."""
STATED_FROM: Final = 0.9
PROBABLE_FROM: Final = 0.5
"""After the scale of Panicek and Hricak (AJR 2016;207:2-3): above 90 % a report may say what it sees, and
"possible" is at most an even chance."""


SAYS: Final[Mapping[Certainty, FindingStatus]] = MappingProxyType(
    {
        Certainty.STATED: FindingStatus.PRESENT,
        Certainty.PROBABLE: FindingStatus.UNCERTAIN,
        Certainty.POSSIBLE: FindingStatus.UNCERTAIN,
        Certainty.NOT_DETECTED: FindingStatus.ABSENT,
    }
)
"""How the labeller reads what is said so surely."""


class Scored(Protocol):
    """What is read of a finding."""

    @property
    def status(self) -> FindingStatus:
        """What was found."""

    @property
    def probability(self) -> float:
        """Calibrated."""


def certainty_of(finding: Scored) -> Certainty:
    """Return the word for a finding."""
    if finding.status is FindingStatus.ABSENT:
        return Certainty.NOT_DETECTED
    if finding.probability < PROBABLE_FROM:
        return Certainty.POSSIBLE
    # A label whose threshold is higher still is not stated below it, however likely it is.
    if finding.probability < STATED_FROM or finding.status is not FindingStatus.PRESENT:
        return Certainty.PROBABLE
    return Certainty.STATED
