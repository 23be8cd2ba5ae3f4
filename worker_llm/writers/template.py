"""The writer without a model: sentences by rule, varied by the request's seed. It is also the fall-back.

Map: `TemplateWriter` -> `write_by_rule` -> `render` -> `_sentence`, `_in_brief`.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from shared.domain.reports import Language, Policy, WriterVersion
from shared.reporting.certainty import Certainty
from shared.reporting.lexicon import LEXICONS, Term
from shared.reporting.phrases import PHRASES, join_and, placed, sentence_of
from shared.reporting.request import Prose, ReportRequest, seed_of
from shared.reporting.wording import in_short
from worker_llm.plan import ReportPlan, Step, plan_report
from worker_llm.writers.base import Draft

TEMPLATE_VERSION: Final = WriterVersion(id="template", version="3")

_CLAUSE: Final = 0.5
"""How often a clause of its own ("the heart is enlarged") is taken where a label has one."""


class TemplateWriter:
    """Writes by rule: always at once, always the truth of the findings."""

    version = TEMPLATE_VERSION
    policy = Policy.STRICT
    sees = False

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Write every request's report; see `Writer.write`."""
        return [write_by_rule(request, attempt=attempt) for request in requests]


def write_by_rule(request: ReportRequest, *, attempt: int = 1) -> Prose:
    """Write of what was detected; the same request and attempt give the same words."""
    random = Random(seed_of(request, TEMPLATE_VERSION, attempt))  # noqa: S311 - a choice of words, no secret
    return render(plan_report(request, random), request, random)


def render(plan: ReportPlan, request: ReportRequest, random: Random) -> Prose:
    """Put a plan into words."""
    findings = (_sentence(step, request, random) for step in plan.findings)
    impression = (_in_brief(step, request) for step in plan.impression)
    return Prose(" ".join(findings), " ".join(impression))


def _in_brief(step: Step, request: ReportRequest) -> str:
    if len(step.labels) == 1:
        return in_short(step.labels[0], request)
    names = [LEXICONS[request.language].noun(label) for label in step.labels]
    return sentence_of(PHRASES[request.language].brief.replace("{n}", join_and(names, request.language)))


def _sentence(step: Step, request: ReportRequest, random: Random) -> str:
    language = request.language
    if step.certainty is not Certainty.STATED:
        return in_short(step.labels[0], request)
    sentence = _statement([LEXICONS[language].term(label) for label in step.labels], language, random)
    return placed(sentence, request.places().get(step.labels[0]), language)


def _statement(terms: Sequence[Term], language: Language, random: Random) -> str:
    phrases = PHRASES[language]
    clauses = [clause for clause in terms[0].present if "(" not in clause] if len(terms) == 1 else []
    if clauses and random.random() < _CLAUSE:
        return sentence_of(random.choice(clauses))
    pattern = random.choice(phrases.one if len(terms) == 1 else phrases.many)
    names = [term.names[0] for term in terms]
    articled = join_and([f"{name.article} {name.text}".strip() for name in names], language)
    return sentence_of(pattern.replace("{a}", articled))
