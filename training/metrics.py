"""Figures of a classifier: area under the ROC curve, with intervals by a bootstrap over patients.

Where an image comes from says much of what is on it, so a figure over all pairs of images is in part that of
a look-up of the source. `strata` (N,) name the source of each image, or its source and view: then only pairs
within one stratum count (a stratified Mann-Whitney statistic), and the source explains nothing.

    interval, resampled    any figure -> the figure with its interval; the figure of each resample
    in_words               an interval in words, as every command and page writes it

A figure that is bootstrapped takes how often each of N images is drawn in each of R resamples, (R, N), and
returns the R figures: by sums over arrays, since a figure a resample takes a hundred times as long.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Interval

Scores = NDArray[np.floating[Any]]
Truth = NDArray[np.bool_]
Strata = NDArray[np.str_]
Counts = NDArray[np.float64]
"""(R, N) how often each of N images is drawn in each of R resamples."""
Drawn = NDArray[np.float64]
"""(R,) a figure of each resample; NaN where it has none."""

FEWEST: Final = 5
"""A label with fewer positives (or negatives) than this gets no figure of its own."""
_RESAMPLES: Final = 1000
_CELLS: Final = 1_000_000
"""Largest R x N that is held at once: 8 MB."""


def auroc(scores: Scores, truth: Truth) -> float:
    """Return the probability that a positive scores above a negative (ties count half); NaN without both."""
    return float(aurocs(scores, truth, once(truth))[0])


def aurocs(scores: Scores, truth: Truth, counts: Counts, *, strata: Strata | None = None) -> Drawn:
    """Return the AUROC of each resample, over all pairs or those within one stratum; NaN without a pair."""
    right, pairs = np.zeros(len(counts)), np.zeros(len(counts))
    names = np.zeros(len(truth), int) if strata is None else strata
    for name in np.unique(names[paired(truth, names)]):
        rows = names == name
        shown, lacking = np.flatnonzero(rows & truth), np.flatnonzero(rows & ~truth)
        lacking = lacking[np.argsort(scores[lacking])]
        # How many negatives are drawn that score below the k-th of them.
        lower = np.zeros((len(counts), len(lacking) + 1))
        np.cumsum(counts[:, lacking], axis=1, out=lower[:, 1:])
        below, up_to = (np.searchsorted(scores[lacking], scores[shown], side) for side in ("left", "right"))
        drawn = counts[:, shown]
        right += ((lower[:, below] + lower[:, up_to]) * drawn).sum(1) / 2
        pairs += drawn.sum(1) * lower[:, -1]
    return shares(right, pairs)


def paired(truth: Truth, strata: NDArray[Any]) -> Truth:
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
    sure = np.ones(truth.shape, bool) if known is None else known
    told = np.minimum((truth & sure).sum(0), (~truth & sure).sum(0)) >= fewest
    return float(macro_aurocs(scores[:, told], truth[:, told], sure[:, told], once(truth), strata=strata)[0])


def macro_aurocs(
    scores: Scores, truth: Truth, known: Truth, counts: Counts, *, strata: Strata | None = None
) -> Drawn:
    """Return the mean over all labels in each resample; a label without a pair there is left out of it."""
    each = np.full((truth.shape[1], len(counts)), np.nan)
    for k, sure in enumerate(known.T):
        within = None if strata is None else strata[sure]
        each[k] = aurocs(scores[sure, k], truth[sure, k], counts[:, sure], strata=within)
    return mean_of_known(each)


def mean_of_known(each: NDArray[np.float64]) -> Drawn:
    """Return the (R,) means of (L, R) figures, of those that are not NaN; NaN where all are."""
    return shares(np.nansum(each, 0), (~np.isnan(each)).sum(0))


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
    return interval(lambda counts: macro_aurocs(some, shown, sure, counts, strata=strata), patients)


def interval(figure: Callable[[Counts], Drawn], patients: NDArray[np.str_]) -> Interval:
    """Return a figure of all images with its 95 % interval.

    Args:
        figure: as the module says.
        patients: (N,) whose image each is.
    """
    low, high = np.nanpercentile(resampled(figure, patients), [2.5, 97.5])
    return Interval(value=_short(figure(once(patients))[0]), low=_short(low), high=_short(high))


def resampled(figure: Callable[[Counts], Drawn], patients: NDArray[np.str_]) -> Drawn:
    """Return a figure of each of 1000 resamples: patients are drawn with replacement, not images.

    All figures of the same patients are of the same resamples, so that a difference of two figures is paired.
    """
    random = np.random.default_rng(0)
    _, first, owner = np.unique(patients, return_index=True, return_inverse=True)
    # A patient is the place of his first image: an interval does not hang on how a table names its patients.
    owner = np.argsort(np.argsort(first))[owner]
    people = len(first)
    found = []
    for drawn in _parts(_RESAMPLES, most=max(1, _CELLS // len(patients))):
        chosen = random.integers(0, people, (drawn, people)) + np.arange(drawn)[:, None] * people
        times = np.bincount(chosen.ravel(), minlength=drawn * people).reshape(drawn, people)
        found.append(figure(times[:, owner].astype(np.float64)))
    return np.concatenate(found)


def in_words(one: Interval | None, *, without: str = "too few", sign: bool = False) -> str:
    """Say a figure with its interval: 0.725 (0.688 to 0.762); `without` where there is none."""
    if one is None:
        return without
    plus = "+" if sign else ""
    return f"{one.value:{plus}.3f} ({one.low:{plus}.3f} to {one.high:{plus}.3f})"


def once(rows: NDArray[Any]) -> Counts:
    """Return the counts of what is no resample: every row once."""
    return np.ones((1, len(rows)))


def shares(parts: NDArray[Any], wholes: NDArray[Any], *, empty: float = np.nan) -> NDArray[np.float64]:
    """Return the quotients of two arrays of one shape; `empty` where the whole is 0."""
    quotients: NDArray[np.float64] = np.divide(
        parts, wholes, out=np.full(wholes.shape, empty), where=wholes > 0
    )
    return quotients


def _parts(count: int, *, most: int) -> list[int]:
    return [min(most, count - begun) for begun in range(0, count, most)]


def _short(value: float) -> float:
    return round(float(value), 4)
