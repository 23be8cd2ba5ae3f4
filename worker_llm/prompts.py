"""Findings to chat messages, and a model's answer back to sections.

The prompt is the plan, one line a sentence, in plain words of the report's language; a small model has only
to put each line into a sentence. It holds labels and statuses, nothing of the client's own text.

Map: `messages_for` (`plan_lines`) -> `parse_answer` · `answer_for` makes the answer that training teaches.
"""

import re
from collections.abc import Iterator
from random import Random
from typing import Final

from shared.domain import FindingStatus, Language, ReportSections
from worker_llm.labeller import LEXICONS
from worker_llm.lexicon import Claim
from worker_llm.plan import ReportPlan, Step, plan_report
from worker_llm.request import ReportRequest, technique_line
from worker_llm.writers.base import Draft, NoReport

Messages = list[dict[str, str]]
"""Chat messages, as every chat template and every OpenAI-compatible server takes them."""

_FINDINGS, _IMPRESSION = "FINDINGS:", "IMPRESSION:"

_SHORT: Final = {
    Language.ENGLISH: "Report",
    Language.SPANISH: "Informe",
}
_LONG: Final = {
    Language.ENGLISH: (
        "You write the FINDINGS and IMPRESSION of a chest radiograph report from a list. Write one short"
        " plain sentence for each line of the list, in its order, and nothing else. 'present' is stated"
        " ('There is a pleural effusion.'), 'possible' is hedged ('A pleural effusion is possible.'),"
        " 'absent' is denied ('No pleural effusion or pneumothorax.'). Use the words of the list. No"
        " side, size, severity, measurement, comparison, cause, device or advice. Answer as\nFINDINGS:"
        " ...\nIMPRESSION: ..."
    ),
    Language.SPANISH: (
        "Escribes los apartados FINDINGS e IMPRESSION del informe de una radiografía de tórax a partir"
        " de una lista. Escribe en español una frase corta y sencilla por cada línea, en su orden, y"
        " nada más. 'presente' se afirma ('Se observa un derrame pleural.'), 'posible' se matiza"
        " ('Posible derrame pleural.'), 'ausente' se niega ('No se observa derrame pleural ni"
        " neumotórax.'). Usa las palabras de la lista. Ni lado, ni tamaño, ni gravedad, ni medidas, ni"
        " comparaciones, ni causas, ni consejos. Responde así:\nFINDINGS: ...\nIMPRESSION: ..."
    ),
}
_STATUS: Final = {
    Language.ENGLISH: {
        FindingStatus.PRESENT: "present",
        FindingStatus.UNCERTAIN: "possible",
        FindingStatus.ABSENT: "absent",
    },
    Language.SPANISH: {
        FindingStatus.PRESENT: "presente",
        FindingStatus.UNCERTAIN: "posible",
        FindingStatus.ABSENT: "ausente",
    },
}
_CLAIM: Final = {
    Language.ENGLISH: {
        Claim.LUNGS_CLEAR: "lungs clear",
        Claim.NORMAL: "no abnormality",
        Claim.NOTHING_ELSE: "no other abnormality",
        Claim.CORRELATE: "clinical correlation",
    },
    Language.SPANISH: {
        Claim.LUNGS_CLEAR: "pulmones libres",
        Claim.NORMAL: "sin alteraciones",
        Claim.NOTHING_ELSE: "sin otras alteraciones",
        Claim.CORRELATE: "correlación clínica",
    },
}


def messages_for(request: ReportRequest, *, attempt: int, brief: bool) -> Messages:
    """Make the chat for one request.

    Args:
        request: what the report is written from; its indication is left out.
        attempt: another attempt plans the report anew, with other groups.
        brief: the short instruction that the bundled adapter was tuned on; other models need the long one.
    """
    random = Random(f"{request.study_id}:{attempt}")  # noqa: S311 - a choice of words, no secret
    return messages_of(plan_report(request, random), request.language, brief=brief)


def messages_of(plan: ReportPlan, language: Language, *, brief: bool) -> Messages:
    """Make the chat for a plan."""
    system = (_SHORT if brief else _LONG)[language]
    return [
        {"role": "system", "content": system},
        {"role": "user", "content": "\n".join(_lines(plan, language))},
    ]


def _lines(plan: ReportPlan, language: Language) -> Iterator[str]:
    yield from (_line(step, language) for step in plan.findings)
    yield _IMPRESSION
    yield from (_line(step, language) for step in plan.impression)


def _line(step: Step, language: Language) -> str:
    if step.claim is not None:
        return _CLAIM[language][step.claim]
    if step.status is None:
        message = f"a step has a status or a claim: {step}"
        raise ValueError(message)
    names = ", ".join(LEXICONS[language].term(label).names[0].text for label in step.labels)
    return f"{_STATUS[language][step.status]}: {names}"


def answer_for(sections: ReportSections) -> str:
    """Write sections the way that a model should answer."""
    return f"{_FINDINGS} {sections.findings}\n{_IMPRESSION} {sections.impression}"


def parse_answer(text: str, request: ReportRequest) -> Draft:
    """Read a model's answer; whatever is not the two sections and nothing else is no report."""
    match = re.fullmatch(r"\s*\**FINDINGS:?\**:?\s+(.+?)\s*\**IMPRESSION:?\**:?\s+(.+?)\s*", text, re.DOTALL)
    if match is None:
        return NoReport("the answer does not have the two sections")
    findings, impression = (" ".join(part.split()) for part in match.groups())
    return ReportSections(technique=technique_line(request), findings=findings, impression=impression)


def longest_answer(request: ReportRequest) -> int:
    """Return how many tokens a report may need: a fixed part and so much for each finding, said twice."""
    stated = len(request.labels(FindingStatus.PRESENT)) + len(request.labels(FindingStatus.UNCERTAIN))
    return 160 + 45 * stated
