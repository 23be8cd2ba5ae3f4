"""What a report may say: every word that the template writes and the labeller understands.

A language is one `Lexicon`: a `Term` for each label, the small words that state, deny and hedge, and the
sentences that claim something of several labels at once. English is in `lexicon_en.py`, Spanish in
`lexicon_es.py`. Whatever stands in neither is not understood, and what is not understood is not delivered.

Map: Organ, RANK, NOT_A_FINDING, FEWEST_FOR_NORMAL
-> Name, Term, Claim, Lexicon -> `expand`, `word_set`, `words`.
"""

import itertools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain import Language


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
}
"""Where each label belongs; its place in the table is its weight in an impression, heaviest first."""

NOT_A_FINDING: Final = frozenset({"No_Finding", "No Finding"})
"""Outputs of some classifiers that say nothing of their own: the other labels say it."""

FEWEST_FOR_NORMAL: Final = 6
"""A classifier that looks for fewer labels than this may deny them, not call the chest normal."""


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
        names: nouns that the template writes, the plainest first (the language model is told that one).
        also: further nouns that the labeller understands.
        present: whole clauses that state it; `uncertain` and `absent` likewise.
    """

    label: str
    names: tuple[Name, ...]
    also: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class Claim(StrEnum):
    """What a sentence may say of several labels at once."""

    LUNGS_CLEAR = "the lungs are clear"
    PLEURA_CLEAR = "the pleural spaces are clear"
    NORMAL = "nothing is abnormal"
    NOTHING_ELSE = "nothing else is abnormal"
    CORRELATE = "correlate with the clinic"


class Symbol(StrEnum):
    """The part that a phrase plays in a sentence; one letter each, so that a sentence is a string."""

    LABEL = "L"
    STATEMENT = "S"
    CLAIM = "C"
    NO = "N"
    WITHOUT = "W"
    MAYBE_BEFORE = "H"
    MAYBE_AFTER = "h"
    MAYBE_EITHER = "D"
    ABSENT_AFTER = "n"
    PRESENT_AFTER = "p"
    THERE_IS = "T"
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
        small: the phrases of every symbol that is neither a label, a statement nor a claim.
        strange: words that betray what no finding can carry, by kind ("side", "comparison", ...); they
            are only used to name a refusal, since any word that is not in the lexicon is refused.
    """

    language: Language
    terms: Mapping[str, Term]
    claims: Mapping[Claim, tuple[str, ...]]
    small: Mapping[Symbol, tuple[str, ...]]
    strange: Mapping[str, frozenset[str]]

    def term(self, label: str) -> Term:
        """Return the term of a label; one that is not in the lexicon is called by its own id."""
        plain = " ".join(words(label.replace("_", " ")))
        return self.terms.get(label) or Term(label, (Name(plain),))


def expand(pattern: str) -> tuple[str, ...]:
    """Write out a pattern's alternatives: "(is|are) seen" is "is seen" and "are seen"."""
    parts = [part.split("|") for part in re.split(r"[()]", pattern)]
    return tuple(" ".join("".join(choice).split()) for choice in itertools.product(*parts))


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def words(text: str) -> list[str]:
    """Cut text into lower-case words and marks, without accents: "No, así!" is "no", ",", "asi", "!"."""
    bare = unicodedata.normalize("NFD", text.lower())
    bare = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+|[^\w\s-]|_", bare)
