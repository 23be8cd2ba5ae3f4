"""The papers' own AUROCs (`training/papers_auc.csv`), to stand beside a bundle's.

They are of the papers' own test images, with the labels of their own data set: a table puts them side by
side, it does not compare them.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).parents[1] / "papers_auc.csv"
_MACRO: Final = "macro"


@dataclass(frozen=True, slots=True)
class Paper:
    """What a paper reports on a data set.

    Attributes:
        auroc: label -> figure; empty where it reports the mean alone.
        macro: the mean over its labels, as it reports it.
    """

    name: str
    year: int
    dataset: str
    auroc: Mapping[str, float]
    macro: float


def papers() -> list[Paper]:
    """Return all papers in the file's order."""
    found: dict[tuple[str, int, str], dict[str, float]] = {}
    with _FILE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = (row["paper"], int(row["year"]), row["dataset"])
            found.setdefault(key, {})[row["label"]] = float(row["auc"])
    return [
        Paper(name, year, dataset, {k: v for k, v in said.items() if k != _MACRO}, said[_MACRO])
        for (name, year, dataset), said in found.items()
    ]
