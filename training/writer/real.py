"""What the unshipped writer learns from: real reports, told as prompts of the same kind as the bundled one's.

The answer is the report as it was written, without its list numbers and without sentences in which something
was taken out ("XXXX"), which no reader should be taught. A report with no finding of ours is left out: the
pipeline asks no writer about such a study.

Map: `draw_real` -> `Lesson` <- `lessons`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from shared.reporting.labeller import split_sentences
from shared.reporting.request import Prose, ReportRequest
from training.reports.open_i import RealReport
from training.writer.examples import Example
from worker_llm.plan import plan_report
from worker_llm.prompts import answer_for, messages_of

_TAKEN_OUT: Final = "XXXX"


@dataclass(frozen=True, slots=True)
class Lesson:
    """A request, and the two sections that a radiologist wrote."""

    request: ReportRequest
    findings: str
    impression: str


def lessons(reports: Sequence[RealReport]) -> list[Lesson]:
    """Return what can be learnt from: reports with a finding, and with words left in both sections."""
    found = [
        Lesson(report.request(), _told(report.findings), _told(report.impression))
        for report in reports
        if report.present()
    ]
    return [one for one in found if one.findings and one.impression]


def _told(section: str) -> str:
    sentences = (one for one in split_sentences(section) if _TAKEN_OUT not in one)
    return " ".join(one for one in sentences if any(letter.isalpha() for letter in one))


def draw_real(learnt: Sequence[Lesson], random: Random) -> Iterator[Example]:
    """Yield examples without end: all lessons in a new order, time after time, each planned anew."""
    while True:
        for one in random.sample(learnt, len(learnt)):
            plan = plan_report(one.request, random)
            yield Example(
                messages_of(plan, one.request.language, brief=True),
                answer_for(Prose(one.findings, one.impression)),
            )
