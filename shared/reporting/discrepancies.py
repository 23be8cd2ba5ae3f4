"""Where two accounts of one study part: by what kind of error, and how much hangs on it.

An account is what a text says, as our labeller reads it, or what a classifier found. One of the two is held
to be right; that it is, nobody says.

After CRIMSON (Baharoon 2026, arXiv 2603.06183), which counts false findings, missing findings and errors in
what is said of a finding, and weighs each by how much the finding matters: urgent 1, actionable 0.5, not
actionable 0.25, benign 0; an attribute counts half. There a language model judges, by age and indication too.
Here rules do, by the label alone: of eight attributes the two that a label has, its place and its certainty;
and `SIGNIFICANCE` is our own reading of its four classes, which no radiologist has reviewed.

Map: `found_as_said`, `Reading` -> `compared` (`_kinds`) -> `Discrepancies` -> `Discrepancy`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.domain.findings import Finding, FindingStatus, Place
from shared.reporting.assessment import Reading
from shared.reporting.certainty import SAYS, certainty_of
from shared.reporting.labeller import Mention
from shared.reporting.lexicon import NOT_A_FINDING


class ErrorKind(StrEnum):
    """What is wrong with what is said of a label."""

    FALSE = "false"
    """It is said to be there, and is not."""
    MISSING = "missing"
    """It is there, and denied or not named."""
    LOCATION = "location"
    """Another side or zone; to name none is no error."""
    CERTAINTY = "certainty"
    """Said more or less surely than it is."""


class Significance(StrEnum):
    """How much hangs on a label; the heaviest first."""

    URGENT = "urgent"
    ACTIONABLE = "actionable"
    NOT_ACTIONABLE = "not actionable"
    BENIGN = "benign"


_URGENT: Final = ("Pneumothorax", "Edema")
_NOT_ACTIONABLE: Final = ("Emphysema", "Fibrosis", "Pleural_Thickening", "Pleural_Other", "Hernia")
_BENIGN: Final = ("Support_Devices",)
"""Expected: that a line is there is no disease, and whether it lies well no label says."""
SIGNIFICANCE: Final[Mapping[str, Significance]] = MappingProxyType(
    {
        **dict.fromkeys(_URGENT, Significance.URGENT),
        **dict.fromkeys(_NOT_ACTIONABLE, Significance.NOT_ACTIONABLE),
        **dict.fromkeys(_BENIGN, Significance.BENIGN),
    }
)
"""Of the labels that are not simply actionable, as is every other and every one that we do not know."""
_WEIGHTS: Final = {
    Significance.URGENT: 1.0,
    Significance.ACTIONABLE: 0.5,
    Significance.NOT_ACTIONABLE: 0.25,
    Significance.BENIGN: 0.0,
}
_ATTRIBUTE: Final = 0.5
"""What an error in the place or the certainty weighs of one in the finding itself."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One error of an account."""

    label: str
    kind: ErrorKind
    significance: Significance


@dataclass(frozen=True, slots=True)
class Discrepancies:
    """How one account stands to another.

    Attributes:
        stated: labels that either says to be there, for certain or not; what both leave out or deny is not
            counted, or most reports would agree on nearly everything.
        agreed: of those, the ones of which both say the same.
        unread: labels that stand, or may stand, in a sentence that our labeller cannot read: neither agreed
            nor in error, and not among `stated`.
    """

    stated: int
    agreed: int
    unread: int
    errors: tuple[Discrepancy, ...] = ()


def weight(kind: ErrorKind, significance: Significance) -> float:
    """Return what an error weighs, from 0 to 1."""
    attribute = kind in {ErrorKind.LOCATION, ErrorKind.CERTAINTY}
    return _WEIGHTS[significance] * (_ATTRIBUTE if attribute else 1)


def found_as_said(findings: Iterable[Finding]) -> Reading:
    """Return a classifier's findings as a text says them that leaves nothing out: as surely as it may."""
    said = (Mention(one.label, SAYS[certainty_of(one)], one.place) for one in findings)
    return Reading({mention.label: mention for mention in said})


def compared(right: Reading, other: Reading) -> Discrepancies:
    """Hold an account against one that is taken to be right.

    Args:
        right: of a label that it does not name it says that there is none.
    """
    stated = agreed = unread = 0
    errors: list[Discrepancy] = []
    labels = {*right.said, *right.unread, *other.said, *other.unread} - NOT_A_FINDING
    for label in sorted(labels):
        is_there, is_said = _detected(right, label), _detected(other, label)
        if label in right.unread | other.unread or _may_be_meant(right, is_there, other, is_said, label):
            unread += 1
            continue
        if is_there is None and is_said is None:
            continue
        stated += 1
        kinds = list(_kinds(is_there, is_said))
        agreed += not kinds
        significance = SIGNIFICANCE.get(label, Significance.ACTIONABLE)
        errors += (Discrepancy(label, kind, significance) for kind in kinds)
    return Discrepancies(stated, agreed, unread, tuple(errors))


def _detected(reading: Reading, label: str) -> Mention | None:
    mention = reading.said.get(label)
    return None if mention is None or mention.status is FindingStatus.ABSENT else mention


def _may_be_meant(
    right: Reading, is_there: Mention | None, other: Reading, is_said: Mention | None, label: str
) -> bool:
    """Tell whether one account states a label that the other may name in a sentence that cannot be read."""
    unnamed_there = is_said is not None and label not in right.said and not right.whole
    unnamed_here = is_there is not None and label not in other.said and not other.whole
    return unnamed_there or unnamed_here


def _kinds(is_there: Mention | None, is_said: Mention | None) -> Iterator[ErrorKind]:
    if is_there is None:
        yield ErrorKind.FALSE
    elif is_said is None:
        yield ErrorKind.MISSING
    else:
        if is_there.status is not is_said.status:
            yield ErrorKind.CERTAINTY
        if _elsewhere(is_there.place, is_said.place):
            yield ErrorKind.LOCATION


def _elsewhere(one: Place | None, other: Place | None) -> bool:
    """Tell whether two places cannot both be right."""
    if one is None or other is None:
        return False
    sides, zones = {one.side, other.side} - {None}, {one.zone, other.zone} - {None}
    return len(sides) > 1 or len(zones) > 1
