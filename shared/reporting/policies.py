"""What each kind of writer may say: pure functions over the grades of a report; see docs/decisions/0018.

Map: `refusals` -> `strict`, `grounded` -> `departures_of`.
"""

from collections.abc import Iterator

from shared.domain.reports import Departures, Grade, Policy
from shared.reporting.verifier import HeldProse


def refusals(prose: HeldProse, policy: Policy, departures: Departures) -> tuple[str, ...]:
    """Return why a policy does not let what was written out, one short reason each; empty when it does."""
    reasons = strict(prose) if policy is Policy.STRICT else grounded(prose, departures)
    return tuple(dict.fromkeys(reasons))


def strict(prose: HeldProse) -> Iterator[str]:
    """Refuse whatever the findings do not carry word for word: the writer knew nothing else."""
    yield from prose.malformed
    for sentence in prose.sentences:
        yield from (f"{sentence.section}: {objection.why}" for objection in sentence.objections)
    yield from prose.unsaid
    yield from prose.loose


def grounded(prose: HeldProse, departures: Departures) -> Iterator[str]:
    """Refuse what is no report, and, if so configured, what departs from what the classifier looked for.

    What the classifier does not know, and what cannot be read, may be true: it is delivered and marked.
    """
    yield from prose.malformed
    if departures is not Departures.MARK:
        yield from departures_of(prose)


def departures_of(prose: HeldProse) -> Iterator[str]:
    """Name what departs from what the classifier looked for; nothing in it is in the writer's words."""
    for sentence in prose.sentences:
        for objection in sentence.objections:
            if objection.grade is not Grade.UNREAD and not objection.outside:
                yield f"{sentence.section}: {objection.why}"
    yield from (f"{label} is not mentioned" for label in prose.unnamed)
