"""What a report will say, in order, before anybody chooses words: the template and the prompt both follow it.

A plan is a list of steps; a step is one sentence: labels that share a status, or a claim. Everything random
comes from the study's id, so a study that is reported twice gets the same words.

Map: `Step`, `ReportPlan` -> `plan_report` -> one function an organ.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from shared.domain import FindingStatus
from worker_llm.lexicon import FEWEST_FOR_NORMAL, Claim, Organ, organ_of, weight_of
from worker_llm.request import ReportRequest

_PRESENT, _ABSENT, _UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN

_WORTH_DENYING: Final = {
    Organ.LUNGS: ("Consolidation", "Edema", "Nodule", "Mass", "Infiltration", "Pneumonia", "Lung_Opacity"),
    Organ.PLEURA: ("Effusion", "Pneumothorax"),
    Organ.HEART: ("Cardiomegaly", "Enlarged_Cardiomediastinum"),
    Organ.BONES: ("Fracture",),
    Organ.DEVICES: (),
}
"""The negatives that a reader looks for; the others are left unsaid."""
_CLEAR: Final = frozenset({"Consolidation", "Infiltration", "Lung_Opacity", "Pneumonia"})
"""Lungs are called clear only by a classifier that looks for one of these."""


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence: `labels` that have `status`, or a `claim`."""

    status: FindingStatus | None = None
    labels: tuple[str, ...] = ()
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """The sentences of the two sections that a writer writes."""

    findings: tuple[Step, ...]
    impression: tuple[Step, ...]


def plan_report(request: ReportRequest, random: Random) -> ReportPlan:
    """Order the findings of a study: by organ in FINDINGS, by weight in IMPRESSION.

    Raises:
        ValueError: the request has no labels: there is nothing to report.
    """
    if not request.statuses():
        message = "a report needs the status of at least one label"
        raise ValueError(message)
    findings = tuple(step for organ in Organ for step in _organ(organ, request, random))
    impression = tuple(_impression(request, random))
    return ReportPlan(findings or (_nothing(request),), impression)


def _organ(organ: Organ, request: ReportRequest, random: Random) -> Iterator[Step]:
    present, uncertain, absent = (
        tuple(sorted((label for label in request.labels(status) if organ_of(label) is organ), key=weight_of))
        for status in (_PRESENT, _UNCERTAIN, _ABSENT)
    )
    for labels in _pairs(present, random):
        yield Step(_PRESENT, labels)
    for label in uncertain:
        yield Step(_UNCERTAIN, (label,))
    denied = [label for label in _WORTH_DENYING[organ] if label in absent]
    if organ is Organ.LUNGS:
        yield from _clear_lungs(denied, random, healthy=not (present or uncertain))
    elif organ is Organ.HEART:
        yield from (Step(_ABSENT, (label,)) for label in denied[:1])
    elif denied:
        yield Step(_ABSENT, tuple(denied))


def _clear_lungs(denied: list[str], random: Random, *, healthy: bool) -> Iterator[Step]:
    if healthy and _CLEAR & set(denied) and random.random() < 0.6:
        yield Step(claim=Claim.LUNGS_CLEAR)
    elif denied and (healthy or random.random() < 0.4):
        count = min(len(denied), random.randint(1, 3))
        yield Step(_ABSENT, tuple(sorted(random.sample(denied, count), key=weight_of)))


def _impression(request: ReportRequest, random: Random) -> Iterator[Step]:
    present, uncertain = (
        tuple(sorted(request.labels(status), key=weight_of)) for status in (_PRESENT, _UNCERTAIN)
    )
    if not present and not uncertain:
        yield _nothing(request)
        return
    for labels in _pairs(present, random):
        yield Step(_PRESENT, labels)
    for label in uncertain:
        yield Step(_UNCERTAIN, (label,))
    if random.random() < 0.25:
        yield Step(claim=random.choice((Claim.NOTHING_ELSE, Claim.CORRELATE)))


def _nothing(request: ReportRequest) -> Step:
    absent = request.labels(_ABSENT)
    return Step(_ABSENT, absent) if len(absent) < FEWEST_FOR_NORMAL else Step(claim=Claim.NORMAL)


def _pairs(labels: Sequence[str], random: Random) -> Iterator[tuple[str, ...]]:
    """Cut a list into sentences of one or two labels."""
    start = 0
    while start < len(labels):
        size = random.choice((1, 2))
        yield tuple(labels[start : start + size])
        start += size
