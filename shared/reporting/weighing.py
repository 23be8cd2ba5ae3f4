"""What an impression says of what was detected, and in which order.

FINDINGS name everything. An impression is read alone, so it weighs: what is critical comes first, what is
only possible last, and a shadow that may have several names is called by the gravest that is as sure.

Map: `impression_of`.
"""

from shared.reporting.certainty import SUREST_FIRST, Certainty
from shared.reporting.lexicon import weight_of
from shared.reporting.relations import may_be_the_same
from shared.reporting.request import ReportRequest


def impression_of(request: ReportRequest) -> tuple[str, ...]:
    """Return the labels that an impression must name, in their order."""
    certainties = request.certainties()

    def order(label: str) -> tuple[bool, bool, int]:
        return label not in request.critical, certainties[label] is Certainty.POSSIBLE, weight_of(label)

    detected = request.detected()
    return tuple(sorted((label for label in detected if not _is_said_by_another(label, request)), key=order))


def _is_said_by_another(label: str, request: ReportRequest) -> bool:
    """Tell whether a heavier label, as sure and in the same place, may be the same shadow."""
    certainties, places = request.certainties(), request.places()
    if certainties[label] is Certainty.STATED or label in request.critical:
        return False
    return any(
        other != label
        and weight_of(other) < weight_of(label)
        and SUREST_FIRST.index(certainties[other]) <= SUREST_FIRST.index(certainties[label])
        and (label not in places or places.get(other) == places[label])
        for other in may_be_the_same([label]).intersection(request.detected())
    )
