"""One scale of words for how sure a finding is, by its calibrated probability; see docs/decisions/0013.

Whether a finding is present, uncertain or absent is decided by its label's own threshold, which may lie far
below one half; how surely a report may speak of it is decided here, by the probability alone.

Map: `Certainty`, `SUREST_FIRST`, `STATED_FROM`, `PROBABLE_FROM` -> `certainty_of`.
"""

from enum import StrEnum
from typing import Final

from shared.domain.findings import Finding, FindingStatus


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


def certainty_of(finding: Finding) -> Certainty:
    """Return the word for a finding."""
    if finding.status is FindingStatus.ABSENT:
        return Certainty.NOT_DETECTED
    if finding.probability < PROBABLE_FROM:
        return Certainty.POSSIBLE
    # A label whose threshold is higher still is not stated below it, however likely it is.
    if finding.probability < STATED_FROM or finding.status is not FindingStatus.PRESENT:
        return Certainty.PROBABLE
    return Certainty.STATED
