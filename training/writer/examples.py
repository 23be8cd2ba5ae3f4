"""Sets of findings for tuning and judging the report writer, made up at random; no patient is behind any.

Every set belongs to one side by its own hash: an eighth of them is held out, and tuning never sees those.

Map: `draw_request` -> `is_held_out` · `Example`, `draw_examples` (what tuning learns from).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from shared.domain import Finding, FindingStatus, Language
from shared.labels import CHESTXRAY14
from worker_llm.lexicon import RANK
from worker_llm.plan import plan_report
from worker_llm.prompts import Messages, answer_for, messages_of
from worker_llm.request import ReportRequest
from worker_llm.writers.template import render

_HELD_OUT: Final = 8
"""One set in so many is held out."""
_MOST_ABNORMAL: Final = 6
_PROBABILITY: Final = {
    FindingStatus.PRESENT: 0.9,
    FindingStatus.UNCERTAIN: 0.45,
    FindingStatus.ABSENT: 0.1,
}


def draw_request(random: Random, *, held_out: bool) -> ReportRequest:
    """Draw a set of findings from one side: 0 to 6 present, up to 3 uncertain, the rest absent."""
    while True:
        request = _draw(random)
        if is_held_out(request) is held_out:
            return request


def is_held_out(request: ReportRequest) -> bool:
    """Tell the side of a set by its labels, their statuses and the language, never by its id."""
    text = repr((request.language.value, sorted((k, v.value) for k, v in request.statuses().items())))
    return hashlib.sha256(text.encode()).digest()[0] % _HELD_OUT == 0


def _draw(random: Random) -> ReportRequest:
    whole = random.random() < 0.5
    vocabulary = CHESTXRAY14 if whole else tuple(random.sample(list(RANK), random.randint(6, len(RANK))))
    present = random.randint(0, _MOST_ABNORMAL)
    uncertain = random.choice((0, 0, 1, 1, 2, 3))
    abnormal = random.sample(vocabulary, min(present + uncertain, _MOST_ABNORMAL, len(vocabulary)))
    statuses = dict.fromkeys(vocabulary, FindingStatus.ABSENT)
    statuses |= dict.fromkeys(abnormal[:present], FindingStatus.PRESENT)
    statuses |= dict.fromkeys(abnormal[present:], FindingStatus.UNCERTAIN)
    return ReportRequest(
        study_id=f"{random.getrandbits(64):016x}",
        findings=tuple(
            Finding(label, _PROBABILITY[status], threshold=0.5, uncertain_from=0.4, status=status)
            for label, status in statuses.items()
        ),
        language=random.choice(tuple(Language)),
    )


@dataclass(frozen=True, slots=True)
class Example:
    """A chat and the answer to learn."""

    messages: Messages
    answer: str


def draw_examples(random: Random) -> Iterator[Example]:
    """Yield prompts with the template's own words for the same plan, without end."""
    while True:
        request = draw_request(random, held_out=False)
        plan = plan_report(request, random)
        yield Example(
            messages_of(plan, request.language, brief=True),
            answer_for(render(plan, request, random)),
        )
