"""All figures of a bundle on labelled images, with 95 % intervals by a bootstrap over patients.

    measured_figures   `Scored`, its summary -> `Figures`: a row a label, means, F1, calibration, groups

All are by sorting and counting over all resamples at once, here and in `training/metrics.py`: scikit-learn
and torchmetrics know one set of images at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from shared.bundles import Card, Interval, Metrics
from training import answers
from training.answers import Summary, values_of
from training.metrics import (
    Counts,
    Drawn,
    Scores,
    Truth,
    interval,
    macro_interval,
    mean_of_known,
    often_enough,
    once,
    shares,
)
from training.scoring.scored import Scored

BINS: Final = 15
"""Of equal width: Guo 2017, On Calibration of Modern Neural Networks (arXiv 1706.04599), section 3."""

_DRAWS: Final = 200

_Figure = Callable[[NDArray[Any], Truth, Counts], Drawn]
"""Of scores or calls, and the truth, (N,) both, in each resample."""


@dataclass(frozen=True, slots=True)
class LabelFigures(answers.LabelFigures):
    """One label, with what the report says of it beside the summary.

    Attributes:
        auprc: average precision; by chance it is the share of positives.
        ece: expected calibration error.
        ece_noise: 95 of 100 sets of as many images would have less if every probability were right.
        f1: at the card's threshold.
        threshold: the card's.
        card_auroc: what the card says, of its own test patients.
    """

    name: str
    auprc: Interval | None
    ece: float | None
    ece_noise: float | None
    f1: Interval | None
    threshold: float
    card_auroc: Interval | None


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the images: men, or those of one view.

    Attributes:
        labels: how many are shown and lacking often enough there to be in the mean.
        macro_auroc: None where none is.
    """

    name: str
    images: int
    patients: int
    labels: int
    macro_auroc: Interval | None
    f1_micro: Interval | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything; means are over the labels that have an AUROC.

    Attributes:
        metrics: what a card would say of these images; None where no label is told often enough.
        ece: mean over the labels.
        f1_macro: mean of the labels' F1.
        f1_micro: of all calls on all labels together.
        groups: by what the images are grouped -> its groups; without what one group has all of.
    """

    labels: tuple[LabelFigures, ...]
    metrics: Metrics | None
    macro_auprc: Interval | None
    ece: float | None
    f1_macro: Interval | None
    f1_micro: Interval | None
    groups: dict[str, tuple[Group, ...]]


def auprc(scores: Scores, truth: Truth, counts: Counts) -> Drawn:
    """Return the average precision of (N,) scores, those that tie taken together; NaN without positives."""
    order = np.argsort(-scores)
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    drawn = counts[:, order]
    called = np.cumsum(drawn, axis=1)[:, last_of_tie]
    hits = np.cumsum(drawn * truth[order], axis=1)[:, last_of_tie]
    # Before the first image that is drawn nothing is called, and nothing hit.
    precision = shares(hits, called, empty=0.0)
    return shares((precision * np.diff(hits, axis=1, prepend=0)).sum(1), hits[:, -1])


def calibration_error(scores: Scores, truth: Truth, counts: Counts) -> Drawn:
    """Return the expected calibration error of (N,) probabilities, over `BINS` bins; NaN without images."""
    gaps = np.zeros((len(truth), BINS))
    gaps[np.arange(len(truth)), np.minimum((scores * BINS).astype(int), BINS - 1)] = scores - truth
    return shares(np.abs(counts @ gaps).sum(1), counts.sum(1))


def calibration_noise(probabilities: Scores) -> float:
    """Return the 95th percentile of the calibration error of (N,) probabilities that are all right.

    A bootstrap gives no interval here: it repeats images, so its errors lie above that of the images.
    """
    random = np.random.default_rng(0)
    all_of_them = once(probabilities)
    drawn = [
        calibration_error(probabilities, random.random(len(probabilities)) < probabilities, all_of_them)[0]
        for _ in range(_DRAWS)
    ]
    return float(np.percentile(drawn, 95))


def f1(called: Truth, truth: Truth, counts: Counts) -> Drawn:
    """Return 2 TP / (2 TP + FP + FN) of (N,) images; NaN where nothing is there and nothing is called.

    Of (N, L) calls and truths it is over all cells.
    """
    of_each = [one.reshape(len(truth), -1).sum(1) for one in (called & truth, called, truth)]
    hits, calls, shown = (counts @ one for one in of_each)
    return shares(2.0 * hits, calls + shown)


def measured_figures(scored: Scored, card: Card, summary: Summary) -> Figures:
    """Measure the rest; takes minutes on tens of thousands of images, and shows how far it is."""
    thresholds = np.array([label.threshold for label in card.labels])
    counted = often_enough(scored.truth, scored.known)
    steps: dict[str, Callable[[], Any]] = {
        label: partial(_label, scored, card, k, summary.labels[k], counted=bool(counted[k]))
        for k, label in enumerate(scored.labels)
    }
    groups = {kind: names for kind, names in scored.groups.items() if len(set(names)) > 1}
    steps |= {kind: partial(_groups, scored, names, thresholds) for kind, names in groups.items()}
    steps["all"] = partial(_means, scored, thresholds, counted)
    found = {
        name: step() for name, step in track(list(steps.items()), "Measuring", console=Console(stderr=True))
    }
    return Figures(
        labels=tuple(found[label] for label in scored.labels),
        metrics=summary.metrics,
        groups={kind: found[kind] for kind in groups},
        **found["all"],
    )


def _label(scored: Scored, card: Card, k: int, found: answers.LabelFigures, *, counted: bool) -> LabelFigures:
    rows = scored.known[:, k]
    scores, truth, patients = scored.scores[rows, k], scored.truth[rows, k], scored.patients[rows]
    called = scores >= card.labels[k].threshold

    def over_patients(figure: _Figure, values: NDArray[Any]) -> Interval | None:
        if not counted:
            return None
        return interval(partial(figure, values, truth), patients)

    return LabelFigures(
        **values_of(found),
        name=scored.labels[k],
        auprc=over_patients(auprc, scores),
        ece=float(calibration_error(scores, truth, once(truth))[0]) if counted else None,
        ece_noise=calibration_noise(scores) if counted else None,
        f1=over_patients(f1, called),
        threshold=card.labels[k].threshold,
        card_auroc=card.labels[k].auroc,
    )


def _means(scored: Scored, thresholds: NDArray[np.float64], counted: Truth) -> dict[str, Any]:
    if not counted.any():
        return dict.fromkeys(("macro_auprc", "ece", "f1_macro", "f1_micro"))
    scores, truth, known = scored.scores[:, counted], scored.truth[:, counted], scored.known[:, counted]
    called = scores >= thresholds[counted]

    def of(figure: _Figure, values: NDArray[Any], counts: Counts) -> Drawn:
        each = [figure(values[s, k], truth[s, k], counts[:, s]) for k, s in enumerate(known.T)]
        return mean_of_known(np.array(each))

    def mean(figure: _Figure, values: NDArray[Any]) -> Interval:
        return interval(partial(of, figure, values), scored.patients)

    return {
        "macro_auprc": mean(auprc, scores),
        "ece": float(of(calibration_error, scores, once(scores))[0]),
        "f1_macro": mean(f1, called),
        "f1_micro": _micro(called, truth, known, scored.patients),
    }


def _micro(called: Truth, truth: Truth, known: Truth, patients: NDArray[np.str_]) -> Interval:
    return interval(partial(f1, called & known, truth & known), patients)


def _groups(scored: Scored, names: NDArray[np.str_], thresholds: NDArray[np.float64]) -> tuple[Group, ...]:
    found = []
    for name in np.unique(names):
        rows = names == name
        scores, truth, known = scored.scores[rows], scored.truth[rows], scored.known[rows]
        counted = often_enough(truth, known)
        patients = scored.patients[rows]
        macro = macro_interval(scores, truth, patients, known=known)
        called = (scores >= thresholds)[:, counted]
        micro = _micro(called, truth[:, counted], known[:, counted], patients) if counted.any() else None
        found.append(
            Group(str(name), int(rows.sum()), len(np.unique(patients)), int(counted.sum()), macro, micro)
        )
    return tuple(found)
