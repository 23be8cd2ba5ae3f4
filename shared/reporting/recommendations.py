"""What may follow from a report: a fixed list, each with its source; no writer adds to it.

| when | what | source |
| --- | --- | --- |
| a mass, nodule or lesion is at least probable | CT | ACR Appropriateness Criteria, Incidentally Detected Indeterminate Pulmonary Nodule (2023) |
| what a second view settles is probable, and all views are frontal | a lateral view | ACR-SPR-STR Practice Parameter for the Performance of Chest Radiography (2017) |
| tuberculosis is at least probable | a test for it | WHO consolidated guidelines on tuberculosis, module 2: screening (2021) |

Map: `recommended`.
"""  # noqa: E501 - a table

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.findings import ViewPosition
from shared.domain.reports import Language
from shared.reporting.certainty import Certainty
from shared.reporting.lexicon import LEXICONS
from shared.reporting.phrases import join_or
from shared.reporting.request import ReportRequest
from shared.reporting.weighing import impression_of
from shared.words import in_each


@dataclass(frozen=True, slots=True)
class _Wording:
    ct: str
    lateral: str
    tuberculosis: str


_WORDING: Final = in_each("recommendations", lambda table: _Wording(**table))
_BY_CT: Final = frozenset({"Mass", "Nodule", "Lung_Lesion"})
_BY_LATERAL: Final = frozenset(
    {"Pneumonia", "Consolidation", "Effusion", "Infiltration", "Lung_Opacity", "Atelectasis", "Hernia"}
)


def recommended(request: ReportRequest) -> tuple[str, ...]:
    """Return the sentences that end the impression; none where they are turned off."""
    return tuple(_recommended(request)) if request.recommendations else ()


def _recommended(request: ReportRequest) -> Iterator[str]:
    wording, certainties = _WORDING[request.language], request.certainties()
    # Of what is only possible nothing follows: at a threshold that misses few, most of it is not there.
    likely = [label for label in impression_of(request) if certainties[label] is not Certainty.POSSIBLE]
    by_ct = [label for label in likely if label in _BY_CT]
    if by_ct:
        yield wording.ct.format(names=_names(by_ct, request.language))
    by_lateral = [
        label for label in likely if label in _BY_LATERAL and certainties[label] is Certainty.PROBABLE
    ]
    frontal_alone = not request.lateral_given and all(
        view.position in {ViewPosition.PA, ViewPosition.AP} for view in request.views
    )
    if by_lateral and frontal_alone:
        yield wording.lateral.format(names=_names(by_lateral, request.language))
    if "Tuberculosis" in likely:
        yield wording.tuberculosis


def _names(labels: list[str], language: Language) -> str:
    return join_or([LEXICONS[language].noun(label) for label in labels], language)
