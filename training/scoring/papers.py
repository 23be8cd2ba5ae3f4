"""The papers' own AUROCs (`training/papers_auc.csv`), to stand beside a bundle's.

They are of the papers' own test images, with the labels of their own data set: a table puts them side by
side, it does not compare them. Most were taken from a thesis's table and not read in the paper itself: the
column `source` says which. Where the mean of a paper's labels is not the mean that it publishes, they cannot
both be of one model, and `Paper.doubtful` says so.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

_FILE: Final = Path(__file__).parents[1] / "papers_auc.csv"
_MACRO: Final = "macro"
_ROUNDING: Final = 0.002


@dataclass(frozen=True, slots=True)
class Paper:
    """What a paper reports on a data set.

    Attributes:
        auroc: label -> figure; empty where it reports the mean alone.
        macro: the mean over its labels, as it reports it.
        source: where the mean was taken from.
    """

    name: str
    year: int
    dataset: str
    auroc: Mapping[str, float]
    macro: float
    source: str

    @property
    def doubtful(self) -> bool:
        """Return whether the figures of its labels contradict its mean by more than rounding."""
        return bool(self.auroc) and abs(fmean(self.auroc.values()) - self.macro) > _ROUNDING


def papers() -> list[Paper]:
    """Return all papers in the file's order."""
    found: dict[tuple[str, int, str], dict[str, float]] = {}
    sources: dict[tuple[str, int, str], str] = {}
    with _FILE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = (row["paper"], int(row["year"]), row["dataset"])
            found.setdefault(key, {})[row["label"]] = float(row["auc"])
            if row["label"] == _MACRO:
                sources[key] = row["source"]
    return [
        Paper(*key, {k: v for k, v in said.items() if k != _MACRO}, said[_MACRO], sources[key])
        for key, said in found.items()
    ]
