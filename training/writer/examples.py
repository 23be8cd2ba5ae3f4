"""Sets of findings for tuning and judging the report writer, made up at random; no patient is behind any.

Every set belongs to one side by its own hash: an eighth of them is held out, and tuning never sees those.

Map: `draw_request` -> `is_held_out` · `Example`, `draw_examples` (what tuning learns from).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from shared.domain.findings import Finding, FindingStatus
from shared.domain.reports import Language
from shared.labels import CHESTXRAY14
from shared.reporting.certainty import Certainty
from shared.reporting.lexicon import RANK
from shared.reporting.request import ReportRequest
from worker_llm.plan import plan_report
from worker_llm.prompts import Messages, answer_for, messages_of
from worker_llm.writers.template import render

_HELD_OUT: Final = 8
"""One set in so many is held out."""
_MOST_DETECTED: Final = 6
_DETECTED: Final = (Certainty.STATED, Certainty.PROBABLE, Certainty.POSSIBLE)
_TAUGHT: Final = (Certainty.STATED, Certainty.POSSIBLE)
"""The adapter's prompt knows no more words (`prompts.py`)."""
_PROBABILITY: Final = {
    Certainty.STATED: 0.95,
    Certainty.PROBABLE: 0.7,
    Certainty.POSSIBLE: 0.3,
    Certainty.NOT_DETECTED: 0.05,
}
_THRESHOLD: Final = 0.2
_LABELS: Final = tuple(label for label in RANK if label != "Foreign_Object")
"""Those that the adapter that ships was tuned and measured on; what came later waits for the next tuning."""


def draw_request(
    random: Random, *, held_out: bool, certainties: Sequence[Certainty] = _DETECTED
) -> ReportRequest:
    """Draw a set of findings from one side: 1 to 6 detected, as sure as it comes, the rest not."""
    while True:
        request = _draw(random, certainties)
        if is_held_out(request) is held_out:
            return request


def is_held_out(request: ReportRequest) -> bool:
    """Tell the side of a set by its labels, how sure they are, and the language, never by its seed."""
    text = repr((request.language.value, sorted((k, v.value) for k, v in request.certainties().items())))
    return hashlib.sha256(text.encode()).digest()[0] % _HELD_OUT == 0


def _draw(random: Random, certainties: Sequence[Certainty]) -> ReportRequest:
    whole = random.random() < 0.5
    vocabulary = CHESTXRAY14 if whole else tuple(random.sample(_LABELS, random.randint(6, len(_LABELS))))
    detected = random.sample(vocabulary, random.randint(1, min(_MOST_DETECTED, len(vocabulary))))
    drawn = dict.fromkeys(vocabulary, Certainty.NOT_DETECTED)
    drawn |= {label: random.choice(certainties) for label in detected}
    return ReportRequest(
        seed=f"{random.getrandbits(64):016x}",
        findings=tuple(_finding(label, certainty) for label, certainty in drawn.items()),
        language=random.choice(tuple(Language)),
    )


def _finding(label: str, certainty: Certainty) -> Finding:
    return Finding(
        label,
        _PROBABILITY[certainty],
        threshold=_THRESHOLD,
        uncertain_from=_THRESHOLD,
        status=FindingStatus.ABSENT if certainty is Certainty.NOT_DETECTED else FindingStatus.PRESENT,
    )


@dataclass(frozen=True, slots=True)
class Example:
    """A chat and the answer to learn."""

    messages: Messages
    answer: str


def draw_examples(random: Random) -> Iterator[Example]:
    """Yield prompts with the template's own words for the same plan, without end."""
    while True:
        request = draw_request(random, held_out=False, certainties=_TAUGHT)
        plan = plan_report(request, random)
        yield Example(
            messages_of(plan, request.language, brief=True),
            answer_for(render(plan, request, random)),
        )
