"""COMPARISON: which earlier study of the patient there is, and what has changed since then.

Written by rule in every language (docs/decisions/0027); no writer sees it. Two findings of one label are
compared by the words of the scale (`certainty.py`) and by their places. A word can change where next to
nothing has: a change is told only where the odds are at least three times as high, or a third, too.

Map: `Change` -> `changes_of`; `compare`, `none_available` -> `Comparison`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.domain.findings import Finding, Place
from shared.domain.priors import Prior
from shared.domain.reports import Language
from shared.reporting.certainty import Certainty, certainty_of
from shared.reporting.lexicon import LEXICONS, NOT_A_FINDING, weight_of
from shared.reporting.phrases import PHRASES, join_and, sentence_of
from shared.reporting.relations import may_be_the_same
from shared.words import in_each

_CLEAR: Final = 3.0
"""How many times the odds of a finding are higher or lower, at least, where a change is told.

Without it 0.31 after 0.29 would be a new finding; a margin of probability would hardly ever be passed by a
rare label, which is present from 0.1."""


class Change(StrEnum):
    """What has become of a label since the earlier study."""

    NEW = "new"
    PERHAPS_THE_SAME = "perhaps-the-same"
    """Detected now, and then another label that may name the same shadow: neither new nor gone."""
    ELSEWHERE = "elsewhere"
    """Detected in both, not in the same place."""
    MORE_LIKELY = "more-likely"
    LESS_LIKELY = "less-likely"
    GONE = "gone"
    NOT_CLEAR = "not-clear"
    """Detected in one of the two, and hardly more likely there."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of the section, with the labels that it speaks of and what it says of them."""

    text: str
    labels: tuple[str, ...] = ()
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The section, a sentence after the other."""

    statements: tuple[Statement, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return the texts alone."""
        return tuple(statement.text for statement in self.statements)


@dataclass(frozen=True, slots=True)
class _Words:
    """One language's sentences.

    Attributes:
        taken: names the earlier study by the day on which it was taken.
        received: names it where only the day is known on which it was sent in.
        changes: the sentence of each change, in the order in which they are said; {now} and {then} are the
            names of labels, joined by the language's "and".
    """

    taken: str
    received: str
    another_version: str
    nothing: str
    none_available: str
    changes: Mapping[Change, str]


def _words(table: Mapping[str, Any]) -> _Words:
    return _Words(**{**table, "changes": {Change(change): text for change, text in table["changes"].items()}})


_WORDS: Final = in_each("comparison", _words)
_WITHOUT_HEDGE: Final = frozenset({Change.PERHAPS_THE_SAME, Change.MORE_LIKELY, Change.LESS_LIKELY})
"""Whose sentence says already how likely, or how little is sure."""


def compare(current: Iterable[Finding], prior: Prior | None, language: Language) -> Comparison | None:
    """Name the earlier study, and tell what has changed; None where there is none.

    Args:
        current: one for each label, as of a study.
    """
    if prior is None:
        return None
    words = _WORDS[language]
    named = words.taken if prior.taken_on else words.received
    begins = Statement(named.format(day=prior.taken_on or prior.received_on))
    if not prior.same_classifier:
        return Comparison((begins, Statement(words.another_version)))
    now = _by_label(current)
    return Comparison((begins, *_statements(now, _by_label(prior.findings), language)))


def none_available(language: Language) -> Comparison:
    """Say of a patient who is known that there is no earlier study."""
    return Comparison((Statement(_WORDS[language].none_available),))


def changes_of(now: Mapping[str, Finding], then: Mapping[str, Finding]) -> dict[str, Change]:
    """Return what has become of each label that was detected now or then; only of those looked for in both.

    Of a label that was detected then alone nothing is returned where what is detected now may be the same.
    """
    changes: dict[str, Change] = {}
    for label in _looked_for_in_both(now, then):
        is_detected, was_detected = _is_detected(now[label]), _is_detected(then[label])
        if is_detected and was_detected:
            changes[label] = _change_of_detected(now[label], then[label])
        elif is_detected:
            if _namesakes(now[label], then, now):
                changes[label] = Change.PERHAPS_THE_SAME
            else:
                changes[label] = Change.NEW if _is_clear(then[label], now[label]) else Change.NOT_CLEAR
        elif was_detected and not _namesakes(then[label], now, then):
            changes[label] = Change.GONE if _is_clear(now[label], then[label]) else Change.NOT_CLEAR
    return changes


def _statements(
    now: Mapping[str, Finding], then: Mapping[str, Finding], language: Language
) -> list[Statement]:
    changes = changes_of(now, then)
    both = _looked_for_in_both(now, then)
    if both and not any(_is_detected(one[label]) for one in (now, then) for label in both):
        return [Statement(_WORDS[language].nothing)]
    statements = []
    for change, pattern in _WORDS[language].changes.items():
        labels = sorted((label for label in changes if changes[label] is change), key=weight_of)
        for group, earlier in _groups(labels, now, then, change):
            detected = [now[label] if _is_detected(now[label]) else then[label] for label in group]
            named = _names(detected, language, hedged=change not in _WITHOUT_HEDGE)
            namesakes = _names([then[label] for label in earlier], language, hedged=False)
            text = pattern.format(now=named, then=namesakes)
            statements.append(Statement(sentence_of(text), (*group, *earlier), change))
    return statements


def _groups(
    labels: Sequence[str], now: Mapping[str, Finding], then: Mapping[str, Finding], change: Change
) -> list[tuple[list[str], tuple[str, ...]]]:
    """Return the labels that one sentence names, with the earlier ones that it says they may be."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for label in labels:
        earlier = _namesakes(now[label], then, now) if change is Change.PERHAPS_THE_SAME else ()
        groups[earlier].append(label)
    return [(group, earlier) for earlier, group in groups.items()]


def _change_of_detected(now: Finding, then: Finding) -> Change:
    if _are_apart(now.place, then.place):
        return Change.ELSEWHERE
    if certainty_of(now) is not certainty_of(then):
        if _is_clear(then, now):
            return Change.MORE_LIKELY
        if _is_clear(now, then):
            return Change.LESS_LIKELY
    return Change.UNCHANGED


def _namesakes(
    finding: Finding, others: Mapping[str, Finding], looked_for: Mapping[str, Finding]
) -> tuple[str, ...]:
    """Return the other labels, detected in the other study, that may name the same shadow, heaviest first."""
    related = may_be_the_same([finding.label]) - {finding.label}
    detected = (
        label
        for label in _looked_for_in_both(others, looked_for)
        if label in related and _is_detected(others[label])
    )
    near = (label for label in detected if not _are_apart(others[label].place, finding.place))
    return tuple(sorted(near, key=weight_of))


def _are_apart(one: Place | None, other: Place | None) -> bool:
    """Tell whether two places are known to be different ones; a side counts only where a file says it."""
    if one is None or other is None:
        return False
    sides_known = not (one.as_displayed or other.as_displayed)
    pairs = [(one.zone, other.zone), *([(one.side, other.side)] if sides_known else [])]
    return any(first and second and first is not second for first, second in pairs)


def _is_clear(lower: Finding, higher: Finding) -> bool:
    """Tell whether the odds of the second are so much higher that it is said."""
    low, high = lower.probability, higher.probability
    return high * (1 - low) >= _CLEAR * low * (1 - high)


def _looked_for_in_both(now: Mapping[str, Finding], then: Mapping[str, Finding]) -> list[str]:
    return [label for label in now if label in then]


def _by_label(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {finding.label: finding for finding in findings if finding.label not in NOT_A_FINDING}


def _is_detected(finding: Finding) -> bool:
    return certainty_of(finding) is not Certainty.NOT_DETECTED


def _names(findings: Sequence[Finding], language: Language, *, hedged: bool) -> str:
    lexicon, hedges = LEXICONS[language], PHRASES[language].hedged
    names = []
    for finding in findings:
        noun = lexicon.noun(finding.label)
        pattern = hedges.get(certainty_of(finding), "{n}") if hedged else "{n}"
        names.append(pattern.replace("{n}", noun))
    return join_and(names, language)
