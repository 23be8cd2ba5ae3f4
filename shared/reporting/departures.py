"""What the reader of a report must know of its grades before it: one sentence a kind, the loudest first.

A report whose every sentence is supported, and that names all that was detected, needs none.

Map: `in_words`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.reports import Grade, Language
from shared.reporting.lexicon import LEXICONS, weight_of
from shared.reporting.phrases import join_and
from shared.reporting.verifier import HeldProse
from shared.words import in_each


@dataclass(frozen=True, slots=True)
class _Wording:
    one: Mapping[str, str]
    many: Mapping[str, str]
    unnamed: str
    denied: str
    stated: str


_LOUDEST_FIRST: Final = tuple(grade for grade in Grade if grade is not Grade.SUPPORTED)
_WORDING: Final = in_each("departures", lambda table: _Wording(**table))


def in_words(prose: HeldProse, language: Language) -> Iterator[str]:
    """Yield what was written departs in, in its language: by name what is denied or stated, then the rest."""
    wording = _WORDING[language]
    objections = [objection for sentence in prose.sentences for objection in sentence.objections]
    for pattern, labels in (
        (wording.denied, {objection.denies for objection in objections}),
        (wording.stated, {objection.states for objection in objections}),
    ):
        gravest_first = sorted((label for label in labels if label), key=weight_of)
        if gravest_first:
            yield pattern.format(_named(gravest_first, language))
    counts = Counter(sentence.grade for sentence in prose.sentences)
    for grade in _LOUDEST_FIRST:
        if counts[grade] == 1:
            yield wording.one[grade]
        elif counts[grade]:
            yield wording.many[grade].format(counts[grade])
        if grade is Grade.CONTRADICTS and prose.unnamed:
            yield wording.unnamed.format(_named(prose.unnamed, language))


def _named(labels: Iterable[str], language: Language) -> str:
    return join_and([LEXICONS[language].noun(label) for label in labels], language)
