"""The sentences that the template writes, for each language: a step of the plan becomes one of these.

In a pattern {a} stands for the nouns with their articles, {n} for the bare nouns, joined by the language's
"and"; a capital is set afterwards. Every sentence here is one that the labeller can read.

Map: `Phrases`, `PHRASES` -> `sentence_of`, `hedged`, `join_and`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.reports import Language
from shared.reporting.certainty import Certainty


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences.

    Attributes:
        one: patterns that state a single label in FINDINGS.
        many: patterns that state several.
        brief: the pattern that states one or several in IMPRESSION.
        hedged: the one pattern of each word of the scale below, in either section.
    """

    one: tuple[str, ...]
    many: tuple[str, ...]
    brief: str
    hedged: Mapping[Certainty, str]


PHRASES: Final[Mapping[Language, Phrases]] = {
    Language.ENGLISH: Phrases(
        one=("there is {a}", "{a} is present", "{a} is seen", "{a} is identified"),
        many=("{a} are present", "{a} are seen", "the radiograph shows {a}"),
        brief="{n}",
        hedged={Certainty.PROBABLE: "probable {n}", Certainty.POSSIBLE: "possible {n}"},
    ),
    Language.SPANISH: Phrases(
        one=("se observa {a}", "hay {a}", "se identifica {a}"),
        many=("se observan {a}", "hay {a}", "se identifican {a}"),
        brief="{n}",
        hedged={Certainty.PROBABLE: "probable {n}", Certainty.POSSIBLE: "posible {n}"},
    ),
}


def hedged(noun: str, certainty: Certainty, language: Language) -> str:
    """Write the sentence for a label that is probable or possible: the same in every section."""
    return sentence_of(PHRASES[language].hedged[certainty].replace("{n}", noun))


def sentence_of(words: str) -> str:
    """Give words the capital and the full stop of a sentence."""
    return f"{words[0].upper()}{words[1:]}."


def join_and(nouns: Sequence[str], language: Language) -> str:
    """Join nouns: "a", "a and b"; in Spanish "y" becomes "e" before an i."""
    if len(nouns) < 2:
        return "".join(nouns)
    if language is Language.ENGLISH:
        return f"{', '.join(nouns[:-1])} and {nouns[-1]}"
    return f"{', '.join(nouns[:-1])} {'e' if nouns[-1].startswith('i') else 'y'} {nouns[-1]}"
