"""What each kind of writer may say: pure functions over the grades of a report; see docs/decisions/0018.

Map: `refusals` -> `strict`, `grounded`.
"""

from collections.abc import Iterator

from shared.domain.reports import Departures, Grade, Policy
from shared.reporting.verifier import HeldReport


def refusals(report: HeldReport, policy: Policy, departures: Departures) -> tuple[str, ...]:
    """Return why a policy does not let a report out, one short reason each; empty when it does."""
    reasons = strict(report) if policy is Policy.STRICT else grounded(report, departures)
    return tuple(dict.fromkeys(reasons))


def strict(report: HeldReport) -> Iterator[str]:
    """Refuse whatever the findings do not carry word for word: the writer knew nothing else."""
    if report.off_the_rule:
        yield "says something else than that nothing was detected"
    yield from report.malformed
    for sentence in report.sentences:
        yield from (f"{sentence.section}: {objection.why}" for objection in sentence.objections)
    yield from report.unsaid
    yield from report.loose


def grounded(report: HeldReport, departures: Departures) -> Iterator[str]:
    """Refuse what is no report, and, if so configured, what departs from what the classifier looked for.

    What the classifier does not know, and what cannot be read, may be true: it is delivered and marked.
    """
    yield from report.malformed
    if departures is Departures.MARK:
        return
    for sentence in report.sentences:
        for objection in sentence.objections:
            if objection.grade is not Grade.UNREAD and not objection.outside:
                yield f"{sentence.section}: {objection.why}"
    yield from (f"{label} is not mentioned" for label in report.unnamed)
