"""What was measured as arrays: the scores, what is known of each, and the groups that an image is in."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.answers import Answers, Truths, values_of
from training.scoring.label_table import Labelled, LabelTable
from training.scoring.measured import Measured

NOT_STATED: Final = "not stated"
_AGES: Final = (0, 18, 40, 60, 80)


@dataclass(frozen=True, slots=True)
class Scored(Answers):
    """N images that could be scored, on L labels, in the card's order.

    Attributes:
        measured: (N,) each with its row.
    """

    measured: tuple[Measured, ...]

    @property
    def groups(self) -> dict[str, NDArray[np.str_]]:
        """Return (N,) names for each way to group the images: sex, age, view, source."""
        rows = [one.row for one in self.measured]
        return {
            "sex": np.array([row.sex or NOT_STATED for row in rows]),
            "age in years": np.array([_age(row.age_years) for row in rows]),
            "view": self.views,
            "source": self.sources,
        }


def scored(labels: Sequence[str], measured: Sequence[Measured]) -> Scored:
    """Return the images that have scores; there must be one."""
    kept = tuple(one for one in measured if one.probabilities is not None)
    truths = truths_of(labels, [one.row for one in kept])
    scores = np.array([one.probabilities for one in kept], np.float64)
    return Scored(**values_of(truths), scores=scores, measured=kept)


def truths_of(labels: Sequence[str], rows: Sequence[Labelled]) -> Truths:
    """Return what rows of a table say of labels."""
    shape = (len(rows), len(labels))
    there = [[row.labels.get(name, False) for name in labels] for row in rows]
    return Truths(
        labels=tuple(labels),
        truth=np.array(there, bool).reshape(shape),
        known=np.array([[name in row.labels for name in labels] for row in rows], bool).reshape(shape),
        patients=np.array([row.patient for row in rows], str),
        studies=np.array([row.study or row.file for row in rows], str),
        sources=np.array([row.source or NOT_STATED for row in rows], str),
        views=np.array([row.view for row in rows], str),
    )


def others_of(labels: Sequence[str], table: LabelTable, measured: Sequence[Measured]) -> Truths | None:
    """Return what a table says of other patients than those that were measured; None where of nobody."""
    patients = {one.row.patient for one in measured}
    rows = [row for row in table.rows if row.patient not in patients]
    return truths_of(labels, rows) if rows else None


def _age(years: float | None) -> str:
    if years is None:
        return NOT_STATED
    for low, high in pairwise(_AGES):
        if years < high:
            return f"{low} to {high - 1}"
    return f"{_AGES[-1]} and more"
