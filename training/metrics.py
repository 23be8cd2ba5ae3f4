"""Figures of a classifier: area under the ROC curve, with intervals by a bootstrap over patients.

Where an image comes from says much of what is on it, so a figure over all pairs of images is in part that of
a look-up of the source. `strata` (N,) name the source of each image, or its source and view: then only pairs
within one stratum count (a stratified Mann-Whitney statistic), and the source explains nothing.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Interval

Scores = NDArray[np.floating[Any]]
Truth = NDArray[np.bool_]
Strata = NDArray[np.str_]

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


def stratified_auroc(scores: Scores, truth: Truth, strata: Strata) -> float:
    """Return the share of pairs within one stratum whose positive scores above the negative; NaN without."""
    right = pairs = 0.0
    for stratum in np.unique(strata):
        rows = strata == stratum
        shown = truth[rows]
        count = float(shown.sum()) * float((~shown).sum())
        if count:
            right += count * auroc(scores[rows], shown)
            pairs += count
    return right / pairs if pairs else float("nan")


def paired(truth: Truth, strata: Strata) -> Truth:
    """Return (N,) whether an image's stratum has both images with the label and images without."""
    both = np.zeros(len(truth), bool)
    for stratum in np.unique(strata):
        rows = strata == stratum
        both[rows] = truth[rows].any() and not truth[rows].all()
    return both


def macro_auroc(
    scores: Scores,
    truth: Truth,
    *,
    known: Truth | None = None,
    strata: Strata | None = None,
    fewest: int = FEWEST,
) -> float:
    """Return the mean over the labels that are shown (and lacking) at least `fewest` times: (N, L) both.

    Where `known` (N, L) is false, the truth says nothing and the image counts in no figure of that label.
    """
    counted = []
    for k in range(truth.shape[1]):
        told = slice(None) if known is None else known[:, k]
        shown, said = truth[told, k], scores[told, k]
        if min(shown.sum(), (~shown).sum()) >= fewest:
            counted.append(
                auroc(said, shown) if strata is None else stratified_auroc(said, shown, strata[told])
            )
    # A rare label may have no pair in a resample: then the mean is over the others.
    there = [one for one in counted if not np.isnan(one)]
    return float(np.mean(there)) if there else float("nan")


def often_enough(truth: Truth, known: Truth, strata: Strata | None = None) -> Truth:
    """Return (L,) whether `FEWEST` images show a label and as many lack it, of those that are in a pair."""
    counted = known
    if strata is not None:
        counted = known.copy()
        for k, sure in enumerate(known.T):
            counted[sure, k] = paired(truth[sure, k], strata[sure])
    enough: Truth = np.minimum((truth & counted).sum(0), (~truth & counted).sum(0)) >= FEWEST
    return enough


def macro_interval(
    scores: Scores,
    truth: Truth,
    patients: NDArray[np.str_],
    *,
    known: Truth | None = None,
    strata: Strata | None = None,
) -> Interval | None:
    """Return the macro AUROC with its interval, or None when no label is shown and lacking often enough.

    Which labels count is settled on all rows, so that every resample is the mean of the same labels.
    """
    known = np.ones(truth.shape, bool) if known is None else known
    told = often_enough(truth, known, strata)
    if not told.any():
        return None
    some, shown, sure = scores[:, told], truth[:, told], known[:, told]

    def mean(rows: NDArray[np.int64]) -> float:
        within = None if strata is None else strata[rows]
        return macro_auroc(some[rows], shown[rows], known=sure[rows], strata=within, fewest=1)

    return interval(mean, patients)


def interval(
    figure: Callable[[NDArray[np.int64]], float], patients: NDArray[np.str_], *, seed: int = 0
) -> Interval:
    """Return a figure of all rows with its 95 % interval.

    Args:
        figure: takes row indices.
        patients: (N,) whose image each row is: patients are drawn with replacement, not images.
    """
    random = np.random.default_rng(seed)
    # A patient is the row of his first image: an interval does not hang on how a table names its patients.
    _, first, owner = np.unique(patients, return_index=True, return_inverse=True)
    by_patient = np.argsort(first[owner], kind="stable")
    _, begins = np.unique(first[owner][by_patient], return_index=True)
    rows_of = np.split(by_patient, begins[1:])
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = random.integers(0, len(rows_of), len(rows_of))
        drawn.append(figure(np.concatenate([rows_of[index] for index in chosen])))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Interval(
        value=_short(figure(np.arange(len(patients)))), low=_short(float(low)), high=_short(float(high))
    )


def _short(value: float) -> float:
    return round(value, 4)
