"""What became of a classifier's findings in the report that a person signed, and how far its text moved.

The signed text is read by our labeller, so that an assessment says no more than can be read: of a label that
stands in a sentence which nobody could read, it is undetermined.

Map: `reading_of` (`_said_in`, `_strongest`), `amended_by` -> `Reading` -> `assessments` (`_outcome`),
`labels_changed` · `changed_words`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final, Protocol

from shared.domain.findings import FindingStatus, Place
from shared.domain.reports import Grade, GradedSentence, Language, Section
from shared.reporting.certainty import SAYS, Scored, certainty_of
from shared.reporting.labeller import Mention, read
from shared.reporting.lexicon import NOT_A_FINDING
from shared.reporting.places import is_within
from shared.reporting.warnings import line_of

_RANK: Final = (FindingStatus.ABSENT, FindingStatus.UNCERTAIN, FindingStatus.PRESENT)
_READ: Final = (Section.FINDINGS, Section.IMPRESSION)
"""Where a report says what it found; its other sections tell of the images and of an earlier study."""


class Found(Scored, Protocol):
    """What is read of a finding of the classifier."""

    @property
    def label(self) -> str:
        """The id of a label, or the model's own."""

    @property
    def place(self) -> Place | None:
        """Where."""


class Text(Protocol):
    """What is read of a version of a report."""

    @property
    def language(self) -> Language:
        """In which it is written."""

    @property
    def sentences(self) -> Sequence[GradedSentence]:
        """All of them, in order."""

    @property
    def warnings(self) -> Sequence[str]:
        """What its impression begins with, a sentence of its own each."""


class Outcome(StrEnum):
    """What a person made of one finding; the first three are IHE AIRAI's."""

    ACCEPTED = "accepted"
    """The text says the same: as surely as the classifier lets it be said, or as surely as it was found."""
    REJECTED = "rejected"
    """It says less: it denies the finding, is less sure of it, or does not state it."""
    SUPPLEMENTED = "supplemented"
    """It says more, or says it of another place."""
    UNDETERMINED = "undetermined"
    """It cannot be read well enough to tell."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """One label, as it was found and as it was said.

    Attributes:
        found: None where the classifier does not know the label.
        said: None where the text does not state it, or not in words that can be read.
        place: where the text says it is.
    """

    label: str
    found: FindingStatus | None
    said: FindingStatus | None
    place: Place | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report's text says of each label.

    Attributes:
        said: the surest mention of each label, with its place where one was named.
        unread: the labels that stand in sentences which cannot be read: what is said of them is not known.
        whole: whether every sentence could be read; where not, a label that is not named may yet be meant.
    """

    said: Mapping[str, Mention] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    whole: bool = True


def reading_of(sentences: Iterable[GradedSentence], findings: Iterable[Found], language: Language) -> Reading:
    """Read a report's findings and impression.

    Args:
        findings: what it was graded against: a sentence of a rule that the grammar does not hold ("None of
            the 14 findings was detected.") says of its labels what they say.
    """
    found = {finding.label: finding for finding in findings}
    mentions: list[Mention] = []
    unread: set[str] = set()
    whole = True
    for sentence in sentences:
        if sentence.section not in _READ:
            continue
        said = _said_in(sentence.text, language, found)
        if said is not None:
            mentions += said
        elif sentence.grade is Grade.SUPPORTED:
            mentions += (
                Mention(label, found[label].status, found[label].place)
                for label in sentence.labels
                if label in found
            )
        else:
            unread.update(sentence.labels)
            whole = False
    return Reading(_strongest(mentions), frozenset(unread), whole)


def amended_by(reading: Reading, addenda: Iterable[str], language: Language) -> Reading:
    """Return what is said once the addenda are read too, in their order: of a label the last one counts."""
    for addendum in addenda:
        said: list[Mention] = []
        unread: set[str] = set()
        for sentence in read(addendum, language):
            said += sentence.mentions
            unread.update(() if sentence.readable else sentence.named)
        known = {**reading.said, **_strongest(said)}
        reading = replace(reading, said=known, unread=(reading.unread - known.keys()) | unread)
    return reading


def assessments(findings: Iterable[Found], reading: Reading) -> tuple[Assessment, ...]:
    """Assess each finding by what the signed text says of its label, and what it says beyond them.

    A label that was not found, and of which the text says nothing, is nothing to assess.
    """
    found = {finding.label: finding for finding in findings if finding.label not in NOT_A_FINDING}
    labels = dict.fromkeys((*found, *reading.said, *sorted(reading.unread)))
    return tuple(_assessed(found, reading, labels))


def labels_changed(drafted: Reading, signed: Reading) -> tuple[str, ...]:
    """Return the labels of which a signed text says something else than its draft, in order."""
    labels = {*drafted.said, *drafted.unread, *signed.said, *signed.unread}
    return tuple(sorted(label for label in labels if _of(drafted, label) != _of(signed, label)))


def changed_words(drafted: Text, signed: Text) -> int:
    """Count the words that were replaced, taken out or put in between two versions of a report.

    What its reader is warned of counts in neither: no person wrote it.
    """
    changes = SequenceMatcher(None, _words(drafted), _words(signed), autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in changes if tag != "equal")


def _said_in(text: str, language: Language, found: Mapping[str, Found]) -> Sequence[Mention] | None:
    """Return what a sentence says of each label; None where it cannot be read in full."""
    sentences = read(text, language, labels=found)
    if not all(sentence.readable for sentence in sentences):
        return None
    return [mention for sentence in sentences for mention in sentence.mentions]


def _strongest(mentions: Iterable[Mention]) -> dict[str, Mention]:
    """Keep the surest mention of each label, and of those as sure the first that names a place."""
    kept: dict[str, Mention] = {}
    for mention in mentions:
        if mention.label not in kept or _strength(mention) > _strength(kept[mention.label]):
            kept[mention.label] = mention
    return kept


def _strength(mention: Mention) -> tuple[int, bool]:
    return _RANK.index(mention.status), mention.place is not None


def _assessed(found: Mapping[str, Found], reading: Reading, labels: Iterable[str]) -> Iterator[Assessment]:
    for label in labels:
        finding = found.get(label)
        mention = None if label in reading.unread else reading.said.get(label)
        outcome = _outcome(finding, mention, unsure=label in reading.unread or not reading.whole)
        if outcome is not None:
            yield Assessment(
                label,
                found=finding.status if finding else None,
                said=mention.status if mention else None,
                place=mention.place if mention else None,
                outcome=outcome,
            )


def _outcome(finding: Found | None, mention: Mention | None, *, unsure: bool) -> Outcome | None:
    """Compare what was found with what is said; None where neither speaks of the label.

    Args:
        unsure: whether something was said that cannot be read, and may be of this label.
    """
    # What is present and not quite sure is drafted as probable: that is what it was found to be, too.
    was = 0 if finding is None else _RANK.index(finding.status)
    drafted = 0 if finding is None else _RANK.index(SAYS[certainty_of(finding)])
    if mention is None:
        if not was:
            return None
        return Outcome.UNDETERMINED if unsure else Outcome.REJECTED
    now = _RANK.index(mention.status)
    if finding is None and not now:
        return None
    if drafted <= now <= was:
        place = None if finding is None else finding.place
        return Outcome.ACCEPTED if is_within(mention.place, place) else Outcome.SUPPLEMENTED
    return Outcome.SUPPLEMENTED if now > was else Outcome.REJECTED


def _of(reading: Reading, label: str) -> object:
    if label in reading.unread:
        return Outcome.UNDETERMINED
    mention = reading.said.get(label)
    return mention and (mention.status, mention.place)


def _words(text: Text) -> list[str]:
    warnings = {line_of(warning, text.language) for warning in text.warnings}
    own = (sentence.text for sentence in text.sentences if sentence.text not in warnings)
    return " ".join(own).split()
