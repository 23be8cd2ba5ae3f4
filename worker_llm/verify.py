"""The verifier: may this text be delivered for these findings? It is rule 7 of DESIGN.md.

Strict on purpose: every sentence must be one that the labeller can read in full, and everything it reads
must be in the findings. What cannot be checked is refused. A refusal costs another attempt, or the
template's report; a mistake would cost a patient.

Map: `verify` -> `_section` -> `_shape`, `_unreadable`, `_statuses`, `_claims`, `_after_nothing_else`,
`_repetition`.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from shared.domain import FindingStatus, ReportSections
from worker_llm.labeller import Sentence, read
from worker_llm.lexicon import FEWEST_FOR_NORMAL, Claim, Organ, organ_of
from worker_llm.request import ReportRequest, technique_line

_ABSENT: Final = FindingStatus.ABSENT
_WORDS_A_LABEL: Final = 16
_WORDS_FREE: Final = 30
"""A section may have so many words, and so many more for each label of the request."""
_MOST_MENTIONS: Final = 2
"""How often one section may speak of one label: once to state it, once to take it up again."""

_LOOKED_AT: Final = {
    Claim.LUNGS_CLEAR: {"Consolidation", "Infiltration", "Lung_Opacity", "Pneumonia"},
    Claim.PLEURA_CLEAR: {"Effusion"},
}
"""At least one of these must be among the findings before the whole may be called clear."""


def verify(sections: ReportSections, request: ReportRequest) -> tuple[str, ...]:
    """Hold a report against the findings that it was written from.

    Returns:
        why it may not be delivered, one short reason each; empty when it may.
    """
    return tuple(dict.fromkeys(_failures(sections, request)))


def _failures(sections: ReportSections, request: ReportRequest) -> Iterator[str]:
    if sections.technique != technique_line(request):
        yield "technique: is not the line that rules write"
    for name, text in (("findings", sections.findings), ("impression", sections.impression)):
        sentences = read(text, request.language, labels=request.statuses())
        for failure in _section(text, sentences, request):
            yield f"{name}: {failure}"


def _section(text: str, sentences: tuple[Sentence, ...], request: ReportRequest) -> Iterator[str]:
    yield from _shape(text, request)
    yield from _unreadable(sentences)
    yield from _statuses(sentences, request.statuses())
    yield from _claims(sentences, request.statuses())
    yield from _after_nothing_else(sentences)
    yield from _repetition(sentences)
    if not any(sentence.mentions or sentence.claims for sentence in sentences):
        yield "says nothing"


def _unreadable(sentences: Iterable[Sentence]) -> Iterator[str]:
    for sentence in sentences:
        for word, kind in sentence.strange:
            yield f"{kind}: {word[:30]!r}"
        if not sentence.readable and not sentence.strange:
            yield f"no clear meaning: {sentence.text[:80]!r}"


def _statuses(sentences: Iterable[Sentence], statuses: dict[str, FindingStatus]) -> Iterator[str]:
    """Check that what is said is so, and that everything present or uncertain is said."""
    said: dict[str, set[FindingStatus]] = {}
    for sentence in sentences:
        for mention in sentence.mentions:
            said.setdefault(mention.label, set()).add(mention.status)
    for label, spoken in said.items():
        if label not in statuses:
            yield f"{label} is not among the findings"
        for status in spoken - {statuses.get(label)}:
            if label in statuses:
                yield f"{label} is {statuses[label]}, not {status}"
    for label, status in statuses.items():
        if status is not _ABSENT and label not in said:
            yield f"{label} ({status}) is not mentioned"


def _claims(sentences: Iterable[Sentence], statuses: dict[str, FindingStatus]) -> Iterator[str]:
    """Check the sentences that speak of several labels at once."""
    abnormal = {label for label, status in statuses.items() if status is not _ABSENT}
    forbidden: dict[Claim, set[str]] = {
        Claim.LUNGS_CLEAR: {label for label in abnormal if organ_of(label) is Organ.LUNGS},
        Claim.PLEURA_CLEAR: {label for label in abnormal if organ_of(label) is Organ.PLEURA},
        Claim.NORMAL: abnormal,
    }
    for claim in {claim for sentence in sentences for claim in sentence.claims}:
        if forbidden.get(claim):
            yield f"says that {claim}, but {', '.join(sorted(forbidden[claim]))}"
        if claim in _LOOKED_AT and not _LOOKED_AT[claim] & set(statuses):
            yield f"says that {claim}, which nobody looked at"
        if claim is Claim.NORMAL and len(statuses) < FEWEST_FOR_NORMAL:
            yield f"says that {claim}, after looking for {len(statuses)} labels only"
        if claim in {Claim.NOTHING_ELSE, Claim.CORRELATE} and not abnormal:
            yield f"says that {claim}, with nothing found"


def _after_nothing_else(sentences: Iterable[Sentence]) -> Iterator[str]:
    """Check that nothing new is found once the text has said that there is nothing else."""
    said: set[str] = set()
    closed = False
    for sentence in sentences:
        closed = closed or Claim.NOTHING_ELSE in sentence.claims
        found = {mention.label for mention in sentence.mentions if mention.status is not _ABSENT}
        if closed:
            yield from (f"finds {label} after it said: nothing else" for label in sorted(found - said))
        said |= found


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
