"""What was measured as arrays: the scores, what is known of each, and the groups that an image is in."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.scoring.measured import Measured

NOT_STATED: Final = "not stated"
_AGES: Final = (0, 18, 40, 60, 80)


@dataclass(frozen=True, slots=True)
class Scored:
    """N images that could be scored, on L labels.

    Attributes:
        labels: (L,) ids, in the card's order.
        scores: (N, L) calibrated probabilities.
        truth: (N, L) whether the label is there; false where that is not known.
        known: (N, L) whether the table says so.
        patients: (N,) whose image it is.
    """

    labels: tuple[str, ...]
    measured: tuple[Measured, ...]
    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    patients: NDArray[np.str_]

    @property
    def groups(self) -> dict[str, NDArray[np.str_]]:
        """Return (N,) names for each way to group the images: sex, age, view, source."""
        rows = [one.row for one in self.measured]
        return {
            "sex": np.array([row.sex or NOT_STATED for row in rows]),
            "age in years": np.array([_age(row.age_years) for row in rows]),
            "view": np.array([row.view for row in rows]),
            "source": np.array([row.source or NOT_STATED for row in rows]),
        }


def scored(labels: Sequence[str], measured: Sequence[Measured]) -> Scored:
    """Return the images that have scores; there must be one."""
    kept = tuple(one for one in measured if one.probabilities is not None)
    return Scored(
        labels=tuple(labels),
        measured=kept,
        scores=np.array([one.probabilities for one in kept], np.float64),
        truth=np.array([[one.row.labels.get(name, False) for name in labels] for one in kept], bool),
        known=np.array([[name in one.row.labels for name in labels] for one in kept], bool),
        patients=np.array([one.row.patient for one in kept]),
    )


def _age(years: float | None) -> str:
    if years is None:
        return NOT_STATED
    for low, high in pairwise(_AGES):
        if years < high:
            return f"{low} to {high - 1}"
    return f"{_AGES[-1]} and more"
