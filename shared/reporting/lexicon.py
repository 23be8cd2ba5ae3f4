"""What a report may say: every word that the template writes and the labeller understands.

A language is one `Lexicon`: a `Term` for each label, and the small words that state, deny and hedge, from its
file in `shared/words/`. Whatever stands in none is not understood, and what is not understood is not
delivered: no sentence can call the lungs, the chest or the rest of it normal.

Map: Organ, RANK, NOT_A_FINDING -> Name, Term, Lexicon -> `expand`, `words` -> LEXICONS.
"""

import itertools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.domain.reports import Language
from shared.words import words_of


class Organ(StrEnum):
    """The parts of the chest, in the order in which a report goes through them."""

    LUNGS = "lungs"
    PLEURA = "pleura"
    HEART = "heart"
    BONES = "bones"
    DEVICES = "devices"


RANK: Final[Mapping[str, Organ]] = {
    "Pneumothorax": Organ.PLEURA,
    "COVID-19": Organ.LUNGS,
    "Tuberculosis": Organ.LUNGS,
    "Pneumonia": Organ.LUNGS,
    "Mass": Organ.LUNGS,
    "Nodule": Organ.LUNGS,
    "Lung_Lesion": Organ.LUNGS,
    "Edema": Organ.LUNGS,
    "Consolidation": Organ.LUNGS,
    "Effusion": Organ.PLEURA,
    "Infiltration": Organ.LUNGS,
    "Lung_Opacity": Organ.LUNGS,
    "Atelectasis": Organ.LUNGS,
    "Cardiomegaly": Organ.HEART,
    "Enlarged_Cardiomediastinum": Organ.HEART,
    "Fracture": Organ.BONES,
    "Emphysema": Organ.LUNGS,
    "Fibrosis": Organ.LUNGS,
    "Pleural_Thickening": Organ.PLEURA,
    "Pleural_Other": Organ.PLEURA,
    "Hernia": Organ.HEART,
    "Support_Devices": Organ.DEVICES,
    "Foreign_Object": Organ.DEVICES,
}
"""Where each label belongs; its place in the table is its weight in an impression, heaviest first."""

NOT_A_FINDING: Final = frozenset({"No_Finding", "No Finding"})
"""Outputs of some classifiers that say nothing of their own: the other labels say it."""


def organ_of(label: str) -> Organ:
    """Return where a label belongs; one that nobody has placed is spoken of with the lungs."""
    return RANK.get(label, Organ.LUNGS)


def weight_of(label: str) -> int:
    """Return the label's place in an impression; a label that nobody has ranked comes last."""
    return list(RANK).index(label) if label in RANK else len(RANK)


@dataclass(frozen=True, slots=True)
class Name:
    """A noun for a label.

    Attributes:
        text: the singular, as it stands in the middle of a sentence.
        article: the indefinite article, empty for what is not counted.
        plural: the plural, empty when there is none.
    """

    text: str
    article: str = ""
    plural: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """All ways of speaking of one label.

    Attributes:
        names: nouns that the labeller understands as they stand; the first is the one that is written.
        also: further ones, as patterns.
        present: whole clauses that state it; `uncertain` and `absent` likewise.
    """

    label: str
    names: tuple[Name, ...]
    also: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class Symbol(StrEnum):
    """The part that a phrase plays in a sentence; one letter each, so that a sentence is a string."""

    LABEL = "L"
    STATEMENT = "S"
    NO = "N"
    WITHOUT = "W"
    MAYBE_BEFORE = "H"
    MAYBE_AFTER = "h"
    MAYBE_EITHER = "D"
    ABSENT_AFTER = "n"
    PRESENT_AFTER = "p"
    THERE_IS = "T"
    PLACE = "q"
    AND = "a"
    OR = "o"
    BUT = "b"
    COMMA = ","
    SEMICOLON = ";"
    SILENT = "_"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language.

    Attributes:
        headings: what stands before the findings of each organ, without its colon.
        critical: what stands before a critical finding, likewise.
        small: the phrases of every symbol that is neither a label, a statement nor a place.
        strange: words that betray what no finding can carry, by kind ("side", "comparison", ...); they
            are only used to name a refusal, since any word that is not in the lexicon is refused.
    """

    language: Language
    terms: Mapping[str, Term]
    headings: Mapping[Organ, str]
    critical: str
    small: Mapping[Symbol, tuple[str, ...]]
    strange: Mapping[str, frozenset[str]]

    def term(self, label: str) -> Term:
        """Return the term of a label; one that is not in the lexicon is called by its own id."""
        plain = " ".join(words(label.replace("_", " ")))
        return self.terms.get(label) or Term(label, (Name(plain),))

    def noun(self, label: str) -> str:
        """Return the noun that is written for a label, as it stands in the middle of a sentence."""
        return self.term(label).names[0].text


def expand(pattern: str) -> tuple[str, ...]:
    """Write out a pattern's alternatives: "(is|are) seen" is "is seen" and "are seen"."""
    parts = [part.split("|") for part in re.split(r"[()]", pattern)]
    return tuple(" ".join("".join(choice).split()) for choice in itertools.product(*parts))


def words(text: str) -> list[str]:
    """Cut text into lower-case words and marks, without accents: "No, así!" is "no", ",", "asi", "!"."""
    bare = unicodedata.normalize("NFD", text.lower())
    bare = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+|[^\w\s-]|_", bare)


def _lexicon(language: Language) -> Lexicon:
    told = words_of(language)
    headings = dict(told["headings"])
    small = dict(told["small"])
    seen = small.pop("seen")
    return Lexicon(
        language=language,
        terms={label: _term(label, table) for label, table in told["terms"].items()},
        critical=headings.pop("critical"),
        headings={organ: headings[organ] for organ in Organ},
        small={
            Symbol[name.upper()]: tuple(
                text for pattern in patterns for text in expand(pattern.replace("{seen}", seen))
            )
            for name, patterns in small.items()
        },
        strange={kind: frozenset(listed.split()) for kind, listed in told["strange"].items()},
    )


def _term(label: str, table: Mapping[str, Any]) -> Term:
    names = tuple(Name(*name) for name in table["names"])
    return Term(label, names, **{kind: tuple(table[kind]) for kind in table if kind != "names"})


LEXICONS: Final = {language: _lexicon(language) for language in Language}
