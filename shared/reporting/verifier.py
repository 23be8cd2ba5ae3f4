"""The verifier: what the findings say to each sentence of a report. It is rule 7 of DESIGN.md.

A sentence that the labeller cannot read in full is unread; of one that it can, everything is held against
the findings. Whether the report may be delivered is the policy of its writer: `policies.py`.

Map: `HeldSentence`, `HeldReport` -> `grade` -> `_held` -> `_objections`; `_malformed`, `_loose`, `_unsaid`.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.findings import FindingStatus
from shared.domain.reports import Grade, GradedSentence, ReportSections, Section
from shared.reporting.certainty import Certainty
from shared.reporting.fixed import denial, denied, nothing_detected, technique_line
from shared.reporting.labeller import Mention, Sentence, read
from shared.reporting.relations import may_be_the_same
from shared.reporting.request import ReportRequest
from shared.reporting.wording import hedges_of

_SAYS: Final = {
    Certainty.STATED: FindingStatus.PRESENT,
    Certainty.PROBABLE: FindingStatus.UNCERTAIN,
    Certainty.POSSIBLE: FindingStatus.UNCERTAIN,
    Certainty.NOT_DETECTED: FindingStatus.ABSENT,
}
"""How the labeller reads what is said so surely."""
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
    """

    grade: Grade
    why: str
    outside: bool = False


@dataclass(frozen=True, slots=True)
class HeldSentence:
    """One sentence held against the findings."""

    section: Section
    text: str
    labels: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()

    @property
    def grade(self) -> Grade:
        """The loudest of its objections' grades."""
        grades = {objection.grade for objection in self.objections}
        return next((grade for grade in Grade if grade in grades), Grade.SUPPORTED)


@dataclass(frozen=True, slots=True)
class HeldReport:
    """A report held against the findings that it was written from.

    Attributes:
        sentences: all of them, section by section; those that rules write are supported.
        malformed: why it is no report at all, whoever wrote it.
        loose: what the findings carry, said otherwise than it should be.
        unsaid: what was detected and a section does not state, one reason each.
        unnamed: labels that were detected and that no sentence names, read or unread.
        off_the_rule: whether nothing was detected and it says more than the rules' report of that.
    """

    sentences: tuple[HeldSentence, ...]
    malformed: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    off_the_rule: bool = False

    def graded(self) -> tuple[GradedSentence, ...]:
        """Return the sentences as a report keeps them."""
        return tuple(
            GradedSentence(sentence.section, sentence.text, sentence.grade, sentence.labels)
            for sentence in self.sentences
        )


def grade(sections: ReportSections, request: ReportRequest) -> HeldReport:
    """Hold a report against the findings that it was written from."""
    malformed = []
    if sections.technique != technique_line(request):
        malformed.append("technique: is not the line that rules write")
    technique = HeldSentence(Section.TECHNIQUE, sections.technique)
    off_the_rule = not request.detected() and sections != nothing_detected(request)
    if not request.detected() and not off_the_rule:
        findings = HeldSentence(Section.FINDINGS, sections.findings, denied(request))
        impression = HeldSentence(Section.IMPRESSION, sections.impression, denied(request))
        return HeldReport((technique, findings, impression))
    not_detected = denial(request)
    if not sections.findings.endswith(not_detected):
        malformed.append("findings: does not end with what was not detected")
    by_rule = [HeldSentence(Section.FINDINGS, not_detected, denied(request))] if not_detected else []
    texts = {
        Section.FINDINGS: sections.findings.removesuffix(not_detected),
        Section.IMPRESSION: sections.impression,
    }
    held: list[HeldSentence] = []
    loose: list[str] = []
    unsaid: list[str] = []
    for section, text in texts.items():
        sentences = read(text, request.language, labels=request.certainties())
        held += [_held(section, sentence, request) for sentence in sentences]
        held += by_rule if section is Section.FINDINGS else []
        malformed += [f"{section}: {why}" for why in _malformed(text, sentences, request)]
        loose += [f"{section}: {why}" for why in _loose(sentences, request)]
        unsaid += [f"{section}: {why}" for why in _unsaid(sentences, request)]
    named = {label for sentence in held for label in sentence.labels}
    return HeldReport(
        sentences=(technique, *held),
        malformed=tuple(malformed),
        loose=tuple(loose),
        unsaid=tuple(unsaid),
        unnamed=tuple(label for label in request.detected() if label not in named),
        off_the_rule=off_the_rule,
    )


def _held(section: Section, sentence: Sentence, request: ReportRequest) -> HeldSentence:
    if not sentence.readable:
        objections = tuple(Objection(Grade.UNREAD, why) for why in _unreadable(sentence))
    else:
        objections = tuple(dict.fromkeys(_objections(sentence.mentions, request)))
    return HeldSentence(section, sentence.text, sentence.named, objections)


def _unreadable(sentence: Sentence) -> Iterator[str]:
    for word, kind in sentence.strange:
        yield f"{kind}: {word[:30]!r}"
    if not sentence.strange:
        yield f"no clear meaning: {sentence.text[:80]!r}"


def _objections(mentions: Iterable[Mention], request: ReportRequest) -> Iterator[Objection]:
    certainties = request.certainties()
    detected = request.detected()
    undeniable = may_be_the_same(detected).difference(detected)
    for label, status in ((mention.label, mention.status) for mention in mentions):
        if label not in certainties:
            yield Objection(Grade.UNSUPPORTED, f"{label} is not among the findings", outside=True)
        elif status is not _SAYS[certainties[label]]:
            kind = Grade.CONTRADICTS if status is FindingStatus.ABSENT else Grade.UNSUPPORTED
            yield Objection(kind, f"{label} is {certainties[label]}, not {status}")
        if status is FindingStatus.ABSENT and label in undeniable:
            yield Objection(Grade.CONTRADICTS, f"denies {label}, which may be the same as what was detected")


def _unsaid(sentences: Iterable[Sentence], request: ReportRequest) -> Iterator[str]:
    said = {mention.label for sentence in sentences for mention in sentence.mentions}
    for label in request.detected():
        if label not in said:
            yield f"{label} ({request.certainties()[label]}) is not mentioned"


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
