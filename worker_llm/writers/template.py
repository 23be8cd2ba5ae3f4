"""The writer without a model: sentences by rule, varied by the study's id. It is also the fall-back.

Map: `TemplateWriter` -> `write_by_rule` -> `render` -> `_sentence`.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from shared.domain import FindingStatus, Language, ReportSections, WriterVersion
from worker_llm.labeller import LEXICONS
from worker_llm.lexicon import Name, Term
from worker_llm.phrases import PHRASES, join_and, join_or
from worker_llm.plan import ReportPlan, Step, plan_report
from worker_llm.request import ReportRequest, technique_line
from worker_llm.writers.base import Draft

TEMPLATE_VERSION: Final = WriterVersion(id="template", version="1")

_PLAINEST: Final = 0.7
"""How often the first noun of a label is taken when it has several."""
_CLAUSE: Final = 0.5
"""How often a clause of its own ("the heart is enlarged") is taken where a label has one."""


class TemplateWriter:
    """Writes by rule: always at once, always the truth of the findings."""

    version = TEMPLATE_VERSION

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Write every request's report; see `Writer.write`."""
        return [write_by_rule(request, seed=f"{request.study_id}:{attempt}") for request in requests]


def write_by_rule(request: ReportRequest, *, seed: str) -> ReportSections:
    """Write a report; the same request and seed give the same words."""
    random = Random(seed)  # noqa: S311 - a choice of words, no secret
    return render(plan_report(request, random), request, random)


def render(plan: ReportPlan, request: ReportRequest, random: Random) -> ReportSections:
    """Put a plan into words."""
    return ReportSections(
        technique=technique_line(request),
        findings=_section(plan.findings, request.language, random, brief=False),
        impression=_section(plan.impression, request.language, random, brief=True),
    )


def _section(steps: Sequence[Step], language: Language, random: Random, *, brief: bool) -> str:
    sentences = (_sentence(step, language, random, brief=brief) for step in steps)
    return " ".join(sentence[0].upper() + sentence[1:] + "." for sentence in sentences)


def _sentence(step: Step, language: Language, random: Random, *, brief: bool) -> str:
    phrases = PHRASES[language]
    if step.claim is not None:
        return random.choice(phrases.claims[step.claim])
    if step.status is None:
        message = f"a step has a status or a claim: {step}"
        raise ValueError(message)
    terms = [LEXICONS[language].term(label) for label in step.labels]
    clauses = _clauses(terms[0], step.status) if len(terms) == 1 and not brief else ()
    if clauses and random.random() < _CLAUSE:
        return random.choice(clauses)
    patterns = phrases.brief if brief else phrases.one if len(terms) == 1 else phrases.many
    pattern = random.choice(patterns[step.status])
    names = [_name(term, random) for term in terms]
    nouns = [name.text for name in names]
    articled = [f"{name.article} {name.text}".strip() for name in names]
    if "{b}" in pattern:
        joined = join_and(articled, language)
        return pattern.replace("{a} y {b}", joined).replace("{a} and {b}", joined)
    joined = join_or(nouns, language) if step.status is FindingStatus.ABSENT else join_and(nouns, language)
    return pattern.replace("{n}", joined).replace("{a}", articled[0])


def _clauses(term: Term, status: FindingStatus) -> tuple[str, ...]:
    clauses = {
        FindingStatus.PRESENT: term.present,
        FindingStatus.UNCERTAIN: term.uncertain,
        FindingStatus.ABSENT: term.absent,
    }[status]
    return tuple(clause for clause in clauses[:4] if "(" not in clause)


def _name(term: Term, random: Random) -> Name:
    return term.names[0] if random.random() < _PLAINEST else random.choice(term.names)
