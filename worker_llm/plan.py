"""What a report will say, in order, before anybody chooses words: the template and the prompt follow it.

A plan is a list of steps; a step is one sentence: labels that are equally sure. It holds only what was
detected: what was not is said by rule (`fixed.py`).

Map: `Step`, `ReportPlan` -> `plan_report`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from shared.reporting.certainty import Certainty
from shared.reporting.lexicon import Organ, organ_of, weight_of
from shared.reporting.request import ReportRequest

_SUREST_FIRST: Final = (Certainty.STATED, Certainty.PROBABLE, Certainty.POSSIBLE)


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence; only labels that are stated share one."""

    certainty: Certainty
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """The sentences of the two sections that a writer writes."""

    findings: tuple[Step, ...]
    impression: tuple[Step, ...]


def plan_report(request: ReportRequest, random: Random) -> ReportPlan:
    """Order what was detected: by organ in FINDINGS, the surest first and then by weight in IMPRESSION."""
    heaviest_first = sorted(request.detected(), key=weight_of)
    findings = tuple(
        step
        for organ in Organ
        for step in _steps([label for label in heaviest_first if organ_of(label) is organ], request, random)
    )
    return ReportPlan(findings, tuple(_steps(heaviest_first, request, random)))


def _steps(labels: Sequence[str], request: ReportRequest, random: Random) -> Iterator[Step]:
    certainties = request.certainties()
    for certainty in _SUREST_FIRST:
        alike = [label for label in labels if certainties[label] is certainty]
        groups = _pairs(alike, random) if certainty is Certainty.STATED else ((label,) for label in alike)
        yield from (Step(certainty, group) for group in groups)


def _pairs(labels: Sequence[str], random: Random) -> Iterator[tuple[str, ...]]:
    """Cut a list into sentences of one or two labels."""
    start = 0
    while start < len(labels):
        size = random.choice((1, 2))
        yield tuple(labels[start : start + size])
        start += size
