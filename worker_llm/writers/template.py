"""The writer without a model: sentences by rule, varied by the request's seed. It is also the fall-back.

Map: `TemplateWriter` -> `write_by_rule` -> `render` -> `_sentence`.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from shared.domain.reports import Language, Policy, ReportSections, WriterVersion
from shared.reporting.certainty import Certainty
from shared.reporting.fixed import nothing_detected, with_fixed_parts
from shared.reporting.labeller import LEXICONS
from shared.reporting.phrases import PHRASES, hedged, join_and, sentence_of
from shared.reporting.request import ReportRequest, seed_of
from worker_llm.plan import ReportPlan, Step, plan_report
from worker_llm.writers.base import Draft

TEMPLATE_VERSION: Final = WriterVersion(id="template", version="2")

_CLAUSE: Final = 0.5
"""How often a clause of its own ("the heart is enlarged") is taken where a label has one."""


class TemplateWriter:
    """Writes by rule: always at once, always the truth of the findings."""

    version = TEMPLATE_VERSION
    policy = Policy.STRICT

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Write every request's report; see `Writer.write`."""
        return [write_by_rule(request, attempt=attempt) for request in requests]


def write_by_rule(request: ReportRequest, *, attempt: int = 1) -> ReportSections:
    """Write a report; the same request and attempt give the same words."""
    if not request.detected():
        return nothing_detected(request)
    random = Random(seed_of(request, TEMPLATE_VERSION, attempt))  # noqa: S311 - a choice of words, no secret
    return with_fixed_parts(request, *render(plan_report(request, random), request.language, random))


def render(plan: ReportPlan, language: Language, random: Random) -> tuple[str, str]:
    """Put a plan into words: those of FINDINGS and of IMPRESSION."""
    findings = (_sentence(step, language, random, brief=False) for step in plan.findings)
    impression = (_sentence(step, language, random, brief=True) for step in plan.impression)
    return " ".join(findings), " ".join(impression)


def _sentence(step: Step, language: Language, random: Random, *, brief: bool) -> str:
    phrases = PHRASES[language]
    terms = [LEXICONS[language].term(label) for label in step.labels]
    names = [term.names[0] for term in terms]
    if step.certainty is not Certainty.STATED:
        return hedged(names[0].text, step.certainty, language)
    if brief:
        return sentence_of(phrases.brief.replace("{n}", join_and([name.text for name in names], language)))
    clauses = [clause for clause in terms[0].present if "(" not in clause] if len(terms) == 1 else []
    if clauses and random.random() < _CLAUSE:
        return sentence_of(random.choice(clauses))
    pattern = random.choice(phrases.one if len(terms) == 1 else phrases.many)
    articled = join_and([f"{name.article} {name.text}".strip() for name in names], language)
    return sentence_of(pattern.replace("{a}", articled))
