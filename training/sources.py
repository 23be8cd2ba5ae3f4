"""That a network need not learn where an image comes from: data sets differ in how frequent labels are.

evenness    data sets -> how often each image is drawn, so that small sets are seen as often as large ones
log_odds    targets, data sets -> what a look-up of the data set would answer
adjusted    targets -> the same, with that answer for each logit

A network that is given the answer of the look-up has nothing left to gain from telling the data sets apart:
its own logits become what the pixels say beyond it (logit adjustment, Menon 2020, arXiv 2007.07314, with the
data set in place of the class). When it answers, nothing is added.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.policies import Targets


def evenness(sources: NDArray[np.str_], *, exponent: float) -> NDArray[np.float64]:
    """Return how often each image is to be drawn, on average 1: (N,) above 0.

    Args:
        sources: (N,).
        exponent: in [0, 1]: on (images / images of its data set). With 0 all are drawn alike, with 1 each
            data set as often as any other.
    """
    _, owner, counts = np.unique(sources, return_inverse=True, return_counts=True)
    weights = (len(sources) / counts[owner]) ** exponent
    return np.asarray(weights / weights.mean(), np.float64)


def log_odds(taught: Targets, drawn: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """Return (L,) log-odds of each label in each data set; one image more on both sides keeps them finite.

    Args:
        taught: of N training images.
        drawn: (N,) how often each is drawn: what is learnt is what is seen.
    """
    found = {}
    for source in np.unique(taught.sources):
        rows = taught.sources == source
        counts = (taught.known[rows] > 0) * drawn[rows, None]
        positives = (taught.targets[rows] * counts).sum(0)
        negatives = ((1.0 - taught.targets[rows]) * counts).sum(0)
        found[str(source)] = np.log((positives + 1.0) / (negatives + 1.0)).astype(np.float32)
    return found


def adjusted(taught: Targets, odds: Mapping[str, NDArray[np.float32]]) -> Targets:
    """Return what is taught with the log-odds of each image's data set; 0 for one that is not in `odds`."""
    offsets = np.zeros_like(taught.targets)
    for source, values in odds.items():
        offsets[taught.sources == source] = values
    return replace(taught, offsets=offsets)
