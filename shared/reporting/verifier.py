"""The verifier: may this text be delivered for these findings? It is rule 7 of DESIGN.md.

Strict on purpose: every sentence must be one that the labeller can read in full, and everything it reads
must be in the findings. What cannot be checked is refused. A refusal costs another attempt, or the
template's report; a mistake would cost a patient.

Map: `verify` -> `_section` -> `_shape`, `_unreadable`, `_certainties`, `_hedges`, `_denials`, `_repetition`.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from shared.domain import FindingStatus, ReportSections
from shared.reporting.certainty import Certainty
from shared.reporting.fixed import denial, nothing_detected, technique_line
from shared.reporting.labeller import Sentence, read
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


def verify(sections: ReportSections, request: ReportRequest) -> tuple[str, ...]:
    """Hold a report against the findings that it was written from.

    Returns:
        why it may not be delivered, one short reason each; empty when it may.
    """
    return tuple(dict.fromkeys(_failures(sections, request)))


def _failures(sections: ReportSections, request: ReportRequest) -> Iterator[str]:
    if sections.technique != technique_line(request):
        yield "technique: is not the line that rules write"
    if not request.detected():
        if sections != nothing_detected(request):
            yield "says something else than that nothing was detected"
        return
    not_detected = denial(request)
    if not sections.findings.endswith(not_detected):
        yield "findings: does not end with what was not detected"
    findings = sections.findings.removesuffix(not_detected)
    for name, text in (("findings", findings), ("impression", sections.impression)):
        sentences = read(text, request.language, labels=request.certainties())
        for failure in _section(text, sentences, request):
            yield f"{name}: {failure}"


def _section(text: str, sentences: tuple[Sentence, ...], request: ReportRequest) -> Iterator[str]:
    yield from _shape(text, request)
    yield from _unreadable(sentences)
    yield from _certainties(sentences, request)
    yield from _hedges(sentences, request)
    yield from _denials(sentences, request)
    yield from _repetition(sentences)


def _unreadable(sentences: Iterable[Sentence]) -> Iterator[str]:
    for sentence in sentences:
        for word, kind in sentence.strange:
            yield f"{kind}: {word[:30]!r}"
        if not sentence.readable and not sentence.strange:
            yield f"no clear meaning: {sentence.text[:80]!r}"


def _certainties(sentences: Iterable[Sentence], request: ReportRequest) -> Iterator[str]:
    """Check that what is said is so, and that everything detected is said."""
    certainties = request.certainties()
    said: dict[str, set[FindingStatus]] = {}
    for sentence in sentences:
        for mention in sentence.mentions:
            said.setdefault(mention.label, set()).add(mention.status)
    for label, spoken in said.items():
        if label not in certainties:
            yield f"{label} is not among the findings"
            continue
        for status in spoken - {_SAYS[certainties[label]]}:
            yield f"{label} is {certainties[label]}, not {status}"
    for label in request.detected():
        if label not in said:
            yield f"{label} ({certainties[label]}) is not mentioned"


def _hedges(sentences: Iterable[Sentence], request: ReportRequest) -> Iterator[str]:
    """Check that each hedge is the one wording of the scale, so that no two sections hedge differently."""
    wordings = set(hedges_of(request).values())
    for sentence in sentences:
        hedged = any(mention.status is FindingStatus.UNCERTAIN for mention in sentence.mentions)
        if hedged and sentence.text not in wordings:
            yield f"is not in the words of the scale: {sentence.text[:80]!r}"


def _denials(sentences: Iterable[Sentence], request: ReportRequest) -> Iterator[str]:
    """Check that nothing is denied that may be the same as something detected."""
    undeniable = may_be_the_same(request.detected()).difference(request.detected())
    for sentence in sentences:
        for mention in sentence.mentions:
            if mention.status is FindingStatus.ABSENT and mention.label in undeniable:
                yield f"denies {mention.label}, which may be the same as what was detected"


def _repetition(sentences: tuple[Sentence, ...]) -> Iterator[str]:
    texts = Counter(sentence.text.lower() for sentence in sentences)
    yield from (f"repeats {text[:60]!r}" for text, count in texts.items() if count > 1)
    labels = Counter(mention.label for sentence in sentences for mention in sentence.mentions)
    yield from (f"repeats {label}" for label, count in labels.items() if count > _MOST_MENTIONS)


def _shape(text: str, request: ReportRequest) -> Iterator[str]:
    if not text.strip():
        yield "is empty"
    elif any(unicodedata.combining(letter) for letter in unicodedata.normalize("NFC", text)):
        yield "has letters with marks that no language here uses"
    elif not text.rstrip().endswith("."):
        yield "does not end with a full stop"
    if len(text.split()) > _WORDS_FREE + _WORDS_A_LABEL * len(request.findings):
        yield "is too long"
