"""Labels that may name the same shadow: where one of them is reported, the others are not denied.

A classifier scores every label by itself, so it may find pneumonia and, below its threshold, an infiltrate.
"Pneumonia is seen … no pulmonary infiltrate" contradicts itself to a reader; nothing is said of the second.

Map: `may_be_the_same`.
"""

from collections.abc import Iterable
from typing import Final

_THE_SAME: Final = (
    frozenset(
        {"Pneumonia", "COVID-19", "Tuberculosis", "Consolidation", "Infiltration", "Lung_Opacity"},
    ),
    frozenset({"Edema", "Consolidation", "Infiltration", "Lung_Opacity"}),
    frozenset({"Atelectasis", "Consolidation", "Infiltration", "Lung_Opacity"}),
    frozenset({"Fibrosis", "Infiltration", "Lung_Opacity"}),
    frozenset({"Mass", "Nodule", "Lung_Lesion", "Lung_Opacity"}),
    frozenset({"Cardiomegaly", "Enlarged_Cardiomediastinum"}),
    frozenset({"Effusion", "Pleural_Other"}),
    frozenset({"Pneumothorax", "Pleural_Other"}),
    frozenset({"Pleural_Thickening", "Pleural_Other"}),
)


def may_be_the_same(labels: Iterable[str]) -> frozenset[str]:
    """Return the labels that a denial of would contradict one of `labels`; the labels themselves included."""
    given = frozenset(labels)
    return given.union(*(group for group in _THE_SAME if group & given))
