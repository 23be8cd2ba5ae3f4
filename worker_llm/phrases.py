"""The sentences that the template writes, for each language: a step of the plan becomes one of these.

In a pattern {a} stands for the nouns with their articles, {n} for the bare nouns, joined by the language's
"and" or "or"; a capital is set afterwards. Every sentence here is one that the labeller can read.

Map: `Phrases`, `PHRASES` -> `join_and`, `join_or`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain import FindingStatus, Language
from worker_llm.lexicon import Claim


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences.

    Attributes:
        one: patterns for a single label, by status.
        many: patterns for several labels, by status; uncertain labels are always alone.
        brief: patterns of the impression, for one label or several.
        claims: the wordings of each claim that the template writes.
    """

    one: Mapping[FindingStatus, tuple[str, ...]]
    many: Mapping[FindingStatus, tuple[str, ...]]
    brief: Mapping[FindingStatus, tuple[str, ...]]
    claims: Mapping[Claim, tuple[str, ...]]


_PRESENT, _ABSENT, _UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN

PHRASES: Final[Mapping[Language, Phrases]] = {
    Language.ENGLISH: Phrases(
        one={
            _PRESENT: ("there is {a}", "{a} is present", "{a} is seen", "{a} is identified"),
            _UNCERTAIN: ("{a} is possible", "{a} is suspected", "{a} cannot be excluded", "there may be {a}"),
            _ABSENT: ("no {n}", "no {n} is seen", "there is no {n}", "there is no evidence of {n}"),
        },
        many={
            _PRESENT: ("{a} and {b} are present", "{a} and {b} are seen", "the radiograph shows {a} and {b}"),
            _ABSENT: ("no {n}", "no {n} is seen", "there is no {n}", "there is no evidence of {n}"),
        },
        brief={
            _PRESENT: ("{n}",),
            _UNCERTAIN: ("possible {n}", "suspected {n}", "{a} cannot be excluded"),
            _ABSENT: ("no {n}", "no evidence of {n}"),
        },
        claims={
            Claim.LUNGS_CLEAR: ("the lungs are clear", "both lungs are clear", "the lung fields are clear"),
            Claim.NORMAL: (
                "no acute cardiopulmonary abnormality",
                "no radiographic abnormality is detected",
                "no cardiopulmonary abnormality is seen",
            ),
            Claim.NOTHING_ELSE: ("no other abnormality is detected", "no further abnormality is seen"),
            Claim.CORRELATE: ("clinical correlation is recommended",),
        },
    ),
    Language.SPANISH: Phrases(
        one={
            _PRESENT: ("se observa {a}", "hay {a}", "se identifica {a}"),
            _UNCERTAIN: ("se sospecha {a}", "no se puede descartar {a}", "podría haber {a}", "posible {n}"),
            _ABSENT: ("no se observa {n}", "no hay {n}", "sin evidencia de {n}"),
        },
        many={
            _PRESENT: ("se observan {a} y {b}", "hay {a} y {b}", "se identifican {a} y {b}"),
            _ABSENT: ("no se observa {n}", "no hay {n}", "sin evidencia de {n}"),
        },
        brief={
            _PRESENT: ("{n}",),
            _UNCERTAIN: ("posible {n}", "no se puede descartar {a}"),
            _ABSENT: ("no se observa {n}", "sin evidencia de {n}"),
        },
        claims={
            Claim.LUNGS_CLEAR: (
                "los pulmones no muestran alteraciones",
                "los campos pulmonares están libres",
                "pulmones sin alteraciones",
            ),
            Claim.NORMAL: (
                "sin alteraciones cardiopulmonares agudas",
                "no se detectan alteraciones radiológicas",
                "no se observan alteraciones cardiopulmonares",
            ),
            Claim.NOTHING_ELSE: ("no se detectan otras alteraciones", "sin otras alteraciones"),
            Claim.CORRELATE: ("se recomienda correlación clínica",),
        },
    ),
}


def join_and(nouns: Sequence[str], language: Language) -> str:
    """Join what is there: "a", "a and b"; in Spanish "y" becomes "e" before an i."""
    if len(nouns) < 2:
        return "".join(nouns)
    if language is Language.ENGLISH:
        return f"{', '.join(nouns[:-1])} and {nouns[-1]}"
    return f"{', '.join(nouns[:-1])} {'e' if nouns[-1].startswith('i') else 'y'} {nouns[-1]}"


def join_or(nouns: Sequence[str], language: Language) -> str:
    """Join what is not there: "a or b", "a, b, or c"; "a, b ni c"."""
    if len(nouns) < 2:
        return "".join(nouns)
    if language is Language.SPANISH:
        return f"{', '.join(nouns[:-1])} ni {nouns[-1]}"
    return f"{', '.join(nouns[:-1])}{',' if len(nouns) > 2 else ''} or {nouns[-1]}"
