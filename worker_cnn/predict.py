"""From a graph's logits to findings: calibrate, then compare with the card's thresholds."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Card, Label
from shared.domain.findings import Box, Finding, FindingStatus, Place


def findings_of(
    logits: NDArray[np.float32],
    card: Card,
    *,
    image: int,
    boxes: Mapping[str, Box],
    places: Mapping[str, Place],
) -> tuple[Finding, ...]:
    """Say for every label of a model whether one image shows it.

    Args:
        logits: (L,) of one image, in the card's order.
        image: its index in the study.
        boxes: where, by label, for those that are present or uncertain.
        places: likewise, in the chest.
    """
    return tuple(
        Finding(
            label=label.id,
            probability=probability,
            threshold=label.threshold,
            uncertain_from=label.uncertain_from,
            status=status_of(probability, label),
            image=image,
            box=boxes.get(label.id),
            place=places.get(label.id),
        )
        for label, probability in zip(card.labels, probabilities_of(logits, card), strict=True)
    )


def probabilities_of(logits: NDArray[np.float32], card: Card) -> list[float]:
    """Calibrate (L,) logits."""
    pairs = zip(card.labels, logits, strict=True)
    return [sigmoid(label.slope * float(logit) + label.offset) for label, logit in pairs]


def status_of(probability: float, label: Label) -> FindingStatus:
    """Compare a calibrated probability with a label's thresholds."""
    if probability >= label.threshold:
        return FindingStatus.PRESENT
    return FindingStatus.UNCERTAIN if probability >= label.uncertain_from else FindingStatus.ABSENT


def sigmoid(logit: float) -> float:
    """Return 1 / (1 + exp(-logit)) without overflow."""
    return float(0.5 * (1.0 + np.tanh(0.5 * logit)))
