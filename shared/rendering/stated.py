"""What a report states of each label, for formats that say it in codes.

Of what a writer wrote it is what the classifier found. Of a person's version it is what its text says, as our
labeller reads it: what the person denied, struck or said in words that cannot be read is not repeated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.domain.findings import FindingStatus, Place
from shared.domain.reports import Person
from shared.rendering.assessed import assessed
from shared.rendering.document import FindingLine, ReportDocument
from shared.reporting.assessment import Outcome
from shared.reporting.lexicon import NOT_A_FINDING


@dataclass(frozen=True, slots=True)
class Stated:
    """One label, as the report states it.

    Attributes:
        finding: the classifier's, where the report says the same.
    """

    label: str
    status: FindingStatus
    place: Place | None
    finding: FindingLine | None


def stated(document: ReportDocument) -> Sequence[Stated]:
    """Return what the report states, one label each."""
    if isinstance(document.author, Person):
        return tuple(_by_a_person(document))
    return tuple(
        Stated(line.label, line.status, line.place, line)
        for line in document.findings
        if line.label not in NOT_A_FINDING
    )


def _by_a_person(document: ReportDocument) -> Iterator[Stated]:
    lines = {line.label: line for line in document.findings}
    for assessment in assessed(document):
        if assessment.said is not None:
            accepted = assessment.outcome is Outcome.ACCEPTED
            finding = lines[assessment.label] if accepted else None
            yield Stated(assessment.label, assessment.said, assessment.place, finding)
