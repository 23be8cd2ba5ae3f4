"""What a report will say, in order, before anybody chooses words: the template and the prompt follow it.

A plan is a list of steps; a step is one sentence: labels that are equally sure. It holds only what was
detected: what was not is said by rule (`composition.py`).

Map: `Step`, `ReportPlan` -> `plan_report`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from shared.reporting.certainty import SUREST_FIRST, Certainty
from shared.reporting.lexicon import Organ, organ_of, weight_of
from shared.reporting.request import ReportRequest
from shared.reporting.weighing import impression_of

_SHARED: Final = 0.5
"""How often two labels share a sentence where they may."""


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence; labels that share one are stated, and of one organ."""

    certainty: Certainty
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """The sentences of the two sections that a writer writes."""

    findings: tuple[Step, ...]
    impression: tuple[Step, ...]


def plan_report(request: ReportRequest, random: Random) -> ReportPlan:
    """Order what was detected, the surest first: by organ in FINDINGS; what `weighing.py` says in IMPRESSION.

    In which order a reader finds it is `composition.py`'s business.
    """
    detected = _surest_first(request.detected(), request)
    by_organ = [[label for label in detected if organ_of(label) is organ] for organ in Organ]
    findings = tuple(step for labels in by_organ for step in _steps(labels, request, random))
    impression = _surest_first(impression_of(request), request)
    return ReportPlan(findings, tuple(_steps(impression, request, random)))


def _surest_first(labels: Sequence[str], request: ReportRequest) -> list[str]:
    """Sort labels as the bundled model was taught to write of them; then by weight."""
    certainties = request.certainties()
    return sorted(labels, key=lambda label: (SUREST_FIRST.index(certainties[label]), weight_of(label)))


def _steps(labels: Sequence[str], request: ReportRequest, random: Random) -> Iterator[Step]:
    """Yield a sentence a label; two that follow each other may share one where that hides nothing of them."""
    rest = list(labels)
    while rest:
        label = rest.pop(0)
        certainty = request.certainties()[label]
        if rest and _may_share(label, rest[0], request) and random.random() < _SHARED:
            yield Step(certainty, (label, rest.pop(0)))
        else:
            yield Step(certainty, (label,))


def _may_share(one: str, other: str, request: ReportRequest) -> bool:
    return (
        set(map(request.certainties().get, (one, other))) == {Certainty.STATED}
        and organ_of(one) is organ_of(other)
        and not {one, other} & {*request.places(), *request.critical}
    )
