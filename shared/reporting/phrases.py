"""The sentences that the template writes, for each language: a step of the plan becomes one of these.

In a pattern {a} stands for the nouns with their articles, {n} for the bare nouns, joined by the language's
"and"; a capital is set afterwards. Every sentence here is one that the labeller can read.

Map: `Phrases`, `PHRASES` -> `placed` · `sentence_of` · `join_and`, `join_or`, `join_nor`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.findings import Place
from shared.domain.reports import Language
from shared.reporting.certainty import Certainty
from shared.reporting.places import in_place
from shared.words import in_each


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences.

    Attributes:
        one: patterns that state a single label in FINDINGS.
        many: patterns that state several.
        brief: the pattern that states one or several in IMPRESSION.
        hedged: the one pattern of each word of the scale below, in either section.
        denied: the pattern that denies one or several of an organ.
    """

    one: tuple[str, ...]
    many: tuple[str, ...]
    brief: str
    hedged: Mapping[Certainty, str]
    denied: str


def _phrases(table: Mapping[str, Any]) -> Phrases:
    return Phrases(
        one=tuple(table["one"]),
        many=tuple(table["many"]),
        brief=table["brief"],
        hedged={word: table[word] for word in (Certainty.PROBABLE, Certainty.POSSIBLE)},
        denied=table["denied"],
    )


PHRASES: Final = in_each("phrases", _phrases)
_JOINTS: Final = in_each("join", dict)


def placed(sentence: str, place: Place | None, language: Language) -> str:
    """Write where it is, if that is known, at the end of a sentence about one label."""
    return sentence if place is None else f"{sentence.removesuffix('.')} {in_place(place, language)}."


def sentence_of(words: str) -> str:
    """Give words the capital and the full stop of a sentence."""
    return f"{words[0].upper()}{words[1:]}."


def join_and(nouns: Sequence[str], language: Language) -> str:
    """Join nouns: "a", "a and b"; in Spanish "y" becomes "e" before an i."""
    return _joined(nouns, **_JOINTS[language]["and"])


def join_or(nouns: Sequence[str], language: Language) -> str:
    """Join nouns: "a", "a or b"; in Spanish "o" becomes "u" before an o."""
    return _joined(nouns, **_JOINTS[language]["or"])


def join_nor(nouns: Sequence[str], language: Language) -> str:
    """Join what is denied: "a", "a or b"; in Spanish "a ni b"."""
    return _joined(nouns, **_JOINTS[language]["nor"])


def _joined(nouns: Sequence[str], *, word: str, before: str = "", otherwise: str = "") -> str:
    if len(nouns) < 2:
        return "".join(nouns)
    joint = otherwise if before and nouns[-1].startswith(before) else word
    return f"{', '.join(nouns[:-1])} {joint} {nouns[-1]}"
