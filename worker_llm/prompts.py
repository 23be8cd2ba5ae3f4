"""Findings to chat messages, and a model's answer back to sections.

The prompt is the plan, one line a sentence, in plain words of the report's language; a small model has only
to put each line into a sentence. It holds labels and how sure they are, nothing of the client's own text.

Map: `messages_for` (`plan_lines`) -> `parse_answer` · `answer_for` makes the answer that training teaches.
"""

import re
from collections.abc import Iterator
from random import Random
from typing import Final

from shared.domain.reports import Language, WriterVersion
from shared.reporting.certainty import Certainty
from shared.reporting.lexicon import LEXICONS
from shared.reporting.request import Prose, ReportRequest, seed_of
from shared.reporting.wording import reworded
from shared.words import in_each
from worker_llm.plan import ReportPlan, Step, plan_report
from worker_llm.writers.base import Draft, NoReport

Messages = list[dict[str, str]]
"""Chat messages, as every chat template and every OpenAI-compatible server takes them."""

_FINDINGS, _IMPRESSION = "FINDINGS:", "IMPRESSION:"

_TOLD: Final = in_each("prompt", dict)


def messages_for(request: ReportRequest, writer: WriterVersion, *, attempt: int, brief: bool) -> Messages:
    """Make the chat for one request.

    Args:
        request: what the report is written from.
        writer: who is asked.
        attempt: another attempt plans the report anew, with other groups.
        brief: the short instruction that the bundled adapter was tuned on; other models need the long one.
    """
    random = Random(seed_of(request, writer, attempt))  # noqa: S311 - a choice of words, no secret
    return messages_of(plan_report(request, random), request.language, brief=brief)


def messages_of(plan: ReportPlan, language: Language, *, brief: bool) -> Messages:
    """Make the chat for a plan."""
    system = _TOLD[language]["short" if brief else "long"]
    return [
        {"role": "system", "content": system},
        {"role": "user", "content": "\n".join(_lines(plan, language, brief=brief))},
    ]


def _lines(plan: ReportPlan, language: Language, *, brief: bool) -> Iterator[str]:
    yield from (_line(step, language, brief=brief) for step in plan.findings)
    yield _IMPRESSION
    yield from (_line(step, language, brief=brief) for step in plan.impression)


def _line(step: Step, language: Language, *, brief: bool) -> str:
    # The adapter was tuned on two words: what it hedges is said again in the words of the scale.
    certainty = Certainty.POSSIBLE if brief and step.certainty is Certainty.PROBABLE else step.certainty
    names = ", ".join(LEXICONS[language].noun(label) for label in step.labels)
    return f"{_TOLD[language][certainty]}: {names}"


def answer_for(prose: Prose) -> str:
    """Write the two sections the way that a model should answer."""
    return f"{_FINDINGS} {prose.findings}\n{_IMPRESSION} {prose.impression}"


def parse_answer(text: str, request: ReportRequest) -> Draft:
    """Read a model's answer, put its hedges on the scale of words and its findings into their places.

    Whatever is not the two sections and nothing else is no report.
    """
    match = re.fullmatch(r"\s*\**FINDINGS:?\**:?\s+(.+?)\s*\**IMPRESSION:?\**:?\s+(.+?)\s*", text, re.DOTALL)
    if match is None:
        return NoReport("the answer does not have the two sections")
    findings, impression = (reworded(" ".join(part.split()), request) for part in match.groups())
    return Prose(findings, impression)


def longest_answer(request: ReportRequest) -> int:
    """Return how many tokens a report may need: a fixed part and so much for each finding, said twice."""
    return 160 + 45 * len(request.detected())
