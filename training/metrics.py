"""Figures of a classifier: area under the ROC curve, with intervals by a bootstrap over patients."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Interval

Scores = NDArray[np.floating[Any]]
Truth = NDArray[np.bool_]

FEWEST: Final = 5
"""A label with fewer positives (or negatives) than this gets no figure of its own."""
_RESAMPLES: Final = 1000


def auroc(scores: Scores, truth: Truth) -> float:
    """Return the probability that a positive scores above a negative (ties count half); NaN without both.

    By sorting, since a bootstrap asks for it thousands of times and scikit-learn's checks take longer.
    """
    if truth.all() or not truth.any():
        return float("nan")
    negatives = np.sort(scores[~truth])
    below = np.searchsorted(negatives, scores[truth], "left")
    up_to = np.searchsorted(negatives, scores[truth], "right")
    return float((below + up_to).mean() / (2 * len(negatives)))


def macro_auroc(scores: Scores, truth: Truth, *, known: Truth | None = None, fewest: int = FEWEST) -> float:
    """Return the mean over the labels that are shown (and lacking) at least `fewest` times: (N, L) both.

    Where `known` (N, L) is false, the truth says nothing and the image counts in no figure of that label.
    """
    counted = []
    for k in range(truth.shape[1]):
        told = slice(None) if known is None else known[:, k]
        shown = truth[told, k]
        if min(shown.sum(), (~shown).sum()) >= fewest:
            counted.append(auroc(scores[told, k], shown))
    return float(np.mean(counted)) if counted else float("nan")


def macro_interval(
    scores: Scores, truth: Truth, patients: NDArray[np.str_], *, known: Truth | None = None
) -> Interval | None:
    """Return the macro AUROC with its interval, or None when no label is shown and lacking often enough.

    Which labels count is settled on all rows, so that every resample is the mean of the same labels.
    """
    known = np.ones(truth.shape, bool) if known is None else known
    told = np.minimum((truth & known).sum(0), (~truth & known).sum(0)) >= FEWEST
    if not told.any():
        return None
    some, shown, sure = scores[:, told], truth[:, told], known[:, told]
    return interval(lambda rows: macro_auroc(some[rows], shown[rows], known=sure[rows], fewest=1), patients)


def interval(
    figure: Callable[[NDArray[np.int64]], float], patients: NDArray[np.str_], *, seed: int = 0
) -> Interval:
    """Return a figure of all rows with its 95 % interval.

    Args:
        figure: takes row indices.
        patients: (N,) whose image each row is: patients are drawn with replacement, not images.
    """
    random = np.random.default_rng(seed)
    names, owner = np.unique(patients, return_inverse=True)
    rows_of = [np.flatnonzero(owner == index) for index in range(len(names))]
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = random.integers(0, len(names), len(names))
        drawn.append(figure(np.concatenate([rows_of[index] for index in chosen])))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Interval(
        value=_short(figure(np.arange(len(patients)))), low=_short(float(low)), high=_short(float(high))
    )


def _short(value: float) -> float:
    return round(value, 4)
