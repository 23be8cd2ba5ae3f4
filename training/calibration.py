"""From validation patients: what a logit is worth, where a finding starts, and where doubt starts.

    calibrate   (N, L) logits and targets of validation images -> a `Calibrated` a label

"platt" is Platt scaling a label, held towards one scaling for all labels, since a rare label has a handful
of positives. "temperature" divides all logits by one number (Guo 2017, arXiv 1706.04599, section 4.2): it
fits on fewer images, and cannot mend what training with weighted positives does to the mean probability.
Both keep the order of the images, so no AUROC changes. Isotonic regression, which ties them, is not on
offer: a card holds a slope and an offset a label.

The threshold maximises Youden's J (sensitivity + specificity), but is raised until no more images that lack
the label are called present than a reader would bear: with 14 labels, a normal image gets 14 chances of a
false alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from training.metrics import FEWEST
from training.table import Split

_PULL: Final = 20.0  # how many images' worth of evidence holds a label to the pooled scaling
_FALSE_POSITIVES: Final = 0.15  # at most this share of images without a finding is called present,
_FALSE_PER_POSITIVE: Final = 1.5  # and at most this many for each image with it, which binds the rare ones
_DOUBTED: Final = 0.12  # and this share more is called uncertain


class CalibrationError(ValueError):
    """These images cannot be calibrated on; the message says why and what to do."""


class Method(StrEnum):
    """How logits become probabilities."""

    PLATT = "platt"
    TEMPERATURE = "temperature"


@dataclass(frozen=True, slots=True)
class Scaling:
    """probability = sigmoid(slope * logit + offset), in the digits that a card keeps.

    Rounded where they are fitted, thresholds and figures are of what is served: a slope near zero would else
    tie images on the card that the worker tells apart.
    """

    slope: float
    offset: float

    def __call__(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return calibrated probabilities."""
        probabilities: NDArray[np.float64] = expit(self.slope * logits.astype(np.float64) + self.offset)
        return probabilities


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a label's statuses change, on calibrated probabilities."""

    threshold: float
    uncertain_from: float


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One label.

    Attributes:
        own: false where the label was shown or lacking fewer than `FEWEST` times: it then has what fits all
            labels together.
    """

    scaling: Scaling
    cut: Cut
    own: bool


def calibrate(
    logits: NDArray[np.float32],
    targets: NDArray[np.float32],
    *,
    splits: Sequence[Split | None],
    method: Method = Method.PLATT,
) -> list[Calibrated]:
    """Fit calibration and thresholds of every label.

    Args:
        logits: (N, L), uncalibrated.
        targets: (N, L) 1 or 0, and NaN where it is uncertain or not labelled.
        splits: (N,) each image's own: images that were trained on make it too sure of itself, and figures of
            images that thresholds were chosen on are too good.

    Raises:
        CalibrationError: an image is of another split, or no label is shown and lacking often enough.
    """
    others = sorted({str(split or "none") for split in splits} - {str(Split.VALIDATION)})
    if others or len(splits) != len(logits):
        message = (
            f"calibration takes validation images alone, and the split of each of {len(logits)}; "
            f"of {len(splits)} said, there are some of: {', '.join(others) or 'validation'}"
        )
        raise CalibrationError(message)
    known = ~np.isnan(targets)
    own = np.minimum((targets == 1).sum(0), (targets == 0).sum(0)) >= FEWEST
    if not own.any():
        message = (
            f"no label is shown by {FEWEST} and lacking from {FEWEST} of the {len(logits)} validation "
            "images; give more of them"
        )
        raise CalibrationError(message)
    pooled = _platt(logits[known], targets[known], towards=None)
    if method is Method.TEMPERATURE:
        pooled = _temperature(logits[known], targets[known])
    for_rare = _cut(pooled(logits[known]), targets[known] > 0.5)
    found = []
    for k, sure in enumerate(known.T):
        if not own[k]:
            found.append(Calibrated(pooled, for_rare, own=False))
            continue
        values, labels = logits[sure, k], targets[sure, k]
        scaling = pooled if method is Method.TEMPERATURE else _platt(values, labels, towards=pooled)
        found.append(Calibrated(scaling, _cut(scaling(values), labels > 0.5), own=True))
    return found


def _platt(logits: NDArray[np.float32], labels: NDArray[np.float32], *, towards: Scaling | None) -> Scaling:
    """Minimise cross entropy over slope (as its logarithm, so that it stays positive) and offset."""

    def loss(parameters: NDArray[np.float64]) -> float:
        entropy = _entropy(np.exp(parameters[0]) * logits + parameters[1], labels)
        if towards is None:
            return entropy
        # The slope is held; the offset follows the label's own frequency, which counts tell well.
        return entropy + _PULL * float((parameters[0] - np.log(towards.slope)) ** 2)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6})
    return _kept(float(np.exp(found.x[0])), float(found.x[1]))


def _temperature(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Scaling:
    """Minimise cross entropy over the slope alone, between a hundredth and a hundred."""
    found = minimize_scalar(
        lambda slope: _entropy(np.exp(slope) * logits, labels), bounds=(np.log(0.01), np.log(100.0))
    )
    return _kept(float(np.exp(found.x)), 0.0)


def _kept(slope: float, offset: float) -> Scaling:
    return Scaling(max(round(slope, 5), 1e-5), round(offset, 5))


def _entropy(values: NDArray[np.float64], labels: NDArray[np.float32]) -> float:
    return float(np.sum(np.logaddexp(0.0, values) - labels * values))


def _cut(probabilities: NDArray[np.float64], positive: NDArray[np.bool_]) -> Cut:
    negatives = np.sort(probabilities[~positive])
    allowed = min(_FALSE_POSITIVES, _FALSE_PER_POSITIVE * float(positive.mean()))
    strictest = float(np.quantile(negatives, 1.0 - allowed))
    candidates = np.unique(probabilities)
    sensitivity = np.array(
        [(probabilities[positive] >= c).mean() if positive.any() else 0.0 for c in candidates]
    )
    specificity = np.array([(negatives < c).mean() for c in candidates])
    best = float(candidates[int(np.argmax(sensitivity + specificity))])
    threshold = _rounded(max(best, strictest))
    share = float((negatives >= threshold).mean())
    doubt = float(np.quantile(negatives, max(0.0, 1.0 - share - _DOUBTED)))
    # Below half of the odds of the threshold it is no longer a matter of doubt.
    floor = float(expit(logit(threshold) - np.log(2.0)))
    return Cut(threshold, _rounded(min(threshold, max(doubt, floor))))


def _rounded(probability: float) -> float:
    return round(min(max(probability, 0.001), 0.999), 4)
