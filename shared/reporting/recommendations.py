"""What may follow from a report: a fixed list, each with its source; no writer adds to it.

| when | what | source |
| --- | --- | --- |
| a mass, nodule or lesion is at least probable | CT | ACR Appropriateness Criteria, Incidentally Detected Indeterminate Pulmonary Nodule (2023) |
| what a second view settles is less than stated, and no lateral was given | a lateral view | ACR-SPR-STR Practice Parameter for the Performance of Chest Radiography (2017) |
| tuberculosis was detected | a test for it | WHO consolidated guidelines on tuberculosis, module 2: screening (2021) |

Map: `recommended`.
"""  # noqa: E501 - a table

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.findings import ViewPosition
from shared.domain.reports import Language
from shared.reporting.certainty import Certainty
from shared.reporting.labeller import LEXICONS
from shared.reporting.phrases import join_or
from shared.reporting.request import ReportRequest
from shared.reporting.weighing import impression_of


@dataclass(frozen=True, slots=True)
class _Wording:
    ct: str
    lateral: str
    tuberculosis: str


_WORDING: Final[Mapping[Language, _Wording]] = {
    Language.ENGLISH: _Wording(
        ct="CT of the chest is recommended to confirm and characterize the {names}.",
        lateral="A lateral view is recommended to confirm the {names}.",
        tuberculosis="A microbiological test for tuberculosis is recommended.",
    ),
    Language.SPANISH: _Wording(
        ct="Se recomienda TC de tórax para confirmar y caracterizar: {names}.",
        lateral="Se recomienda una proyección lateral para confirmar: {names}.",
        tuberculosis="Se recomienda una prueba microbiológica de tuberculosis.",
    ),
}
_BY_CT: Final = frozenset({"Mass", "Nodule", "Lung_Lesion"})
_BY_LATERAL: Final = frozenset(
    {"Pneumonia", "Consolidation", "Effusion", "Infiltration", "Lung_Opacity", "Atelectasis", "Hernia"}
)
_LESS_THAN_STATED: Final = {Certainty.PROBABLE, Certainty.POSSIBLE}


def recommended(request: ReportRequest) -> tuple[str, ...]:
    """Return the sentences that end the impression; none where they are turned off."""
    return tuple(_recommended(request)) if request.recommendations else ()


def _recommended(request: ReportRequest) -> Iterator[str]:
    wording, certainties = _WORDING[request.language], request.certainties()
    named = impression_of(request)
    by_ct = [label for label in named if label in _BY_CT and certainties[label] is not Certainty.POSSIBLE]
    if by_ct:
        yield wording.ct.format(names=_names(by_ct, request.language))
    by_lateral = [
        label for label in named if label in _BY_LATERAL and certainties[label] in _LESS_THAN_STATED
    ]
    frontal_alone = not request.lateral_given and all(
        view.position in {ViewPosition.PA, ViewPosition.AP} for view in request.views
    )
    if by_lateral and frontal_alone:
        yield wording.lateral.format(names=_names(by_lateral, request.language))
    if "Tuberculosis" in request.detected():
        yield wording.tuberculosis


def _names(labels: list[str], language: Language) -> str:
    return join_or([LEXICONS[language].term(label).names[0].text for label in labels], language)
