"""From validation patients: what a logit is worth, where a finding starts, and where doubt starts.

Platt scaling a label, held towards one scaling for all labels, since a rare label has a handful of
positives. The threshold maximises Youden's J (sensitivity + specificity), but is raised until no more
images that lack the label are called present than a reader would bear: with 14 labels, a normal image
gets 14 chances of a false alarm.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

_PULL: Final = 20.0  # how many images' worth of evidence holds a label to the pooled scaling
_FALSE_POSITIVES: Final = 0.15  # at most this share of images without a finding is called present,
_FALSE_PER_POSITIVE: Final = 1.5  # and at most this many for each image with it, which binds the rare ones
_DOUBTED: Final = 0.12  # and this share more is called uncertain


@dataclass(frozen=True, slots=True)
class Scaling:
    """probability = sigmoid(slope * logit + offset)."""

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


def scalings(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> list[Scaling]:
    """Fit one Platt scaling a label: (N, L) logits and 0/1 labels."""
    pooled = _platt(logits.ravel(), labels.ravel(), towards=None)
    return [_platt(logits[:, k], labels[:, k], towards=pooled) for k in range(labels.shape[1])]


def _platt(logits: NDArray[np.float32], labels: NDArray[np.float32], *, towards: Scaling | None) -> Scaling:
    """Minimise cross entropy over slope (as its logarithm, so that it stays positive) and offset."""

    def loss(parameters: NDArray[np.float64]) -> float:
        values = np.exp(parameters[0]) * logits + parameters[1]
        entropy = float(np.sum(np.logaddexp(0.0, values) - labels * values))
        if towards is None:
            return entropy
        # The slope is held; the offset follows the label's own frequency, which counts tell well.
        return entropy + _PULL * float((parameters[0] - np.log(towards.slope)) ** 2)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6})
    return Scaling(float(np.exp(found.x[0])), float(found.x[1]))


def cuts(probabilities: NDArray[np.float64], labels: NDArray[np.float32]) -> list[Cut]:
    """Choose one cut a label from (N, L) calibrated probabilities and 0/1 labels."""
    return [_cut(probabilities[:, k], labels[:, k] > 0.5) for k in range(labels.shape[1])]


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
