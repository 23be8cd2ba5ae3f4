"""The verifier: what the findings say to each sentence that a writer wrote. It is rule 7 of DESIGN.md.

A sentence that the labeller cannot read in full is unread; of one that it can, everything is held against
the findings. Whether it may be delivered is the policy of its writer: `policies.py`; what rules add to it to
make a report, `composition.py`.

Map: `HeldSentence`, `HeldProse` -> `grade` -> `_held` -> `_objections`, `_misplaced`; `_malformed`, `_loose`,
`_unsaid`.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.findings import FindingStatus, Place, Side
from shared.domain.reports import Grade, GradedSentence, Region, Section
from shared.reporting.certainty import SAYS
from shared.reporting.labeller import Mention, Sentence, read
from shared.reporting.relations import may_be_the_same
from shared.reporting.request import Prose, ReportRequest
from shared.reporting.weighing import impression_of
from shared.reporting.wording import hedges_of

_WORDS_A_LABEL: Final = 16
_WORDS_FREE: Final = 30
"""A section may have so many words, and so many more for each label of the request."""
_MOST_MENTIONS: Final = 2
"""How often one section may speak of one label: once to state it, once to take it up again."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a sentence is not supported.

    Attributes:
        outside: whether it is about a label that the classifier does not know.
        denies: a label that was detected, and that it says is not there.
        states: a label that was not detected, and that it says is there or may be.
    """

    grade: Grade
    why: str
    outside: bool = False
    denies: str | None = None
    states: str | None = None


@dataclass(frozen=True, slots=True)
class HeldSentence:
    """One sentence held against the findings."""

    section: Section
    text: str
    labels: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()
    regions: tuple[Region, ...] = ()

    @property
    def grade(self) -> Grade:
        """The loudest of its objections' grades."""
        grades = {objection.grade for objection in self.objections}
        return next((grade for grade in Grade if grade in grades), Grade.SUPPORTED)

    def graded(self) -> GradedSentence:
        """Return the sentence as a report keeps it."""
        return GradedSentence(self.section, self.text, self.grade, self.labels, self.regions)


@dataclass(frozen=True, slots=True)
class HeldProse:
    """What a writer wrote, held against the findings that it was written from.

    Attributes:
        sentences: of the findings, then of the impression.
        malformed: why it is no report at all, whoever wrote it.
        loose: what the findings carry, said otherwise than it should be.
        unsaid: what a section should state and does not, one reason each.
        unnamed: labels that were detected and that no sentence names, read or unread.
    """

    sentences: tuple[HeldSentence, ...]
    malformed: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()

    def of(self, section: Section) -> tuple[HeldSentence, ...]:
        """Return the sentences of one section."""
        return tuple(sentence for sentence in self.sentences if sentence.section is section)


def grade(prose: Prose, request: ReportRequest) -> HeldProse:
    """Hold what was written of the labels that were detected against the findings.

    Of an impression that rules write nothing is held here, and nothing missed.
    """
    held: list[HeldSentence] = []
    malformed: list[str] = []
    loose: list[str] = []
    unsaid: list[str] = []
    for section, text, due in (
        (Section.FINDINGS, prose.findings, request.detected()),
        (Section.IMPRESSION, prose.impression, impression_of(request)),
    ):
        if section is Section.IMPRESSION and not prose.concludes:
            continue
        sentences = read(text, request.language, labels=request.certainties())
        held += (_held(section, sentence, request, prose.regions_of(sentence.text)) for sentence in sentences)
        malformed += (f"{section}: {why}" for why in _malformed(text, sentences, request))
        loose += (f"{section}: {why}" for why in _loose(sentences, request))
        unsaid += (f"{section}: {why}" for why in _unsaid(sentences, due, request))
    named = {label for sentence in held for label in sentence.labels}
    return HeldProse(
        sentences=tuple(held),
        malformed=tuple(malformed),
        loose=tuple(loose),
        unsaid=tuple(unsaid),
        unnamed=tuple(label for label in request.detected() if label not in named),
    )


def _held(
    section: Section, sentence: Sentence, request: ReportRequest, regions: tuple[Region, ...]
) -> HeldSentence:
    if not sentence.readable:
        objections = tuple(Objection(Grade.UNREAD, why) for why in _unreadable(sentence))
    else:
        objections = tuple(dict.fromkeys(_objections(sentence.mentions, request)))
    return HeldSentence(section, sentence.text, sentence.named, objections, regions)


def _unreadable(sentence: Sentence) -> Iterator[str]:
    for word, kind in sentence.strange:
        yield f"{kind}: {word[:30]!r}"
    if not sentence.strange:
        yield f"no clear meaning: {sentence.text[:80]!r}"


def _objections(mentions: Iterable[Mention], request: ReportRequest) -> Iterator[Objection]:
    certainties = request.certainties()
    detected = request.detected()
    undeniable = may_be_the_same(detected).difference(detected)
    for mention in mentions:
        label, status = mention.label, mention.status
        if label not in certainties:
            yield Objection(Grade.UNSUPPORTED, f"{label} is not among the findings", outside=True)
        elif status is not SAYS[certainties[label]]:
            if not _denies_elsewhere(mention, request):
                why = f"{label} is {certainties[label]}, not {status}"
                if status is FindingStatus.ABSENT:
                    yield Objection(Grade.CONTRADICTS, why, denies=label)
                else:
                    yield Objection(Grade.UNSUPPORTED, why, states=label if label not in detected else None)
        elif status is not FindingStatus.ABSENT:
            yield from _misplaced(mention, request)
        if status is FindingStatus.ABSENT and label in undeniable:
            yield Objection(Grade.CONTRADICTS, f"denies {label}, which may be the same as what was detected")


def _denies_elsewhere(mention: Mention, request: ReportRequest) -> bool:
    """Tell whether it denies on one side what was detected on the other."""
    known = request.places().get(mention.label)
    sides = (mention.place and mention.place.side, known and known.side)
    return mention.status is FindingStatus.ABSENT and set(sides) == {Side.LEFT, Side.RIGHT}


def _misplaced(mention: Mention, request: ReportRequest) -> Iterator[Objection]:
    """Hold where it is said to be against where it was found."""
    if mention.place is None:
        return
    known = request.places().get(mention.label)
    for part in ("side", "zone"):
        said, found = getattr(mention.place, part), getattr(known, part, None)
        if said is None or said == found:
            continue
        opposite = {said, found} == {Side.LEFT, Side.RIGHT}
        what = f"its {part} is {found}" if found else f"nobody knows its {part}"
        kind = Grade.CONTRADICTS if opposite else Grade.UNSUPPORTED
        yield Objection(kind, f"{mention.label} is not {said}: {what}")


def _unsaid(sentences: Iterable[Sentence], due: Iterable[str], request: ReportRequest) -> Iterator[str]:
    """Name what a section should state and does not, and what it does not say the place of."""
    mentions = [mention for sentence in sentences for mention in sentence.mentions]
    places = request.places()
    for label in due:
        said = [mention for mention in mentions if mention.label == label]
        if not said:
            yield f"{label} ({request.certainties()[label]}) is not mentioned"
        elif label in places and not any(_says_all_of(places[label], mention.place) for mention in said):
            yield f"where {label} is, is not said"


def _says_all_of(known: Place, said: Place | None) -> bool:
    return said is not None and (said.side, said.zone) == (known.side, known.zone)


def _loose(sentences: Iterable[Sentence], request: ReportRequest) -> Iterator[str]:
    """Check that each hedge is the one wording of the scale, and that no label is gone over again."""
    wordings = set(hedges_of(request).values())
    labels: Counter[str] = Counter()
    for sentence in sentences:
        labels.update(mention.label for mention in sentence.mentions)
        hedged = any(mention.status is FindingStatus.UNCERTAIN for mention in sentence.mentions)
        if hedged and sentence.text not in wordings:
            yield f"is not in the words of the scale: {sentence.text[:80]!r}"
    yield from (f"repeats {label}" for label, count in labels.items() if count > _MOST_MENTIONS)


def _malformed(text: str, sentences: Iterable[Sentence], request: ReportRequest) -> Iterator[str]:
    if not text.strip():
        yield "is empty"
    elif any(unicodedata.combining(letter) for letter in unicodedata.normalize("NFC", text)):
        yield "has letters with marks that no language here uses"
    elif not text.rstrip().endswith("."):
        yield "does not end with a full stop"
    if len(text.split()) > _WORDS_FREE + _WORDS_A_LABEL * len(request.findings):
        yield "is too long"
    texts = Counter(sentence.text.lower() for sentence in sentences)
    yield from (f"repeats {text[:60]!r}" for text, count in texts.items() if count > 1)
