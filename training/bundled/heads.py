"""What stands beside the labels, fitted on the trained trunk's description of a picture.

turned     upright, turned by 90, 180 or 270 degrees clockwise, or inverted (gray levels)
chest      a chest radiograph or a negative
distance   how far the description lies from real chests (Mahalanobis, Lee 2018, arXiv 1807.03888)
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from typing_extensions import override

from training.architectures.pooled import Linear
from training.augment import augment
from training.bundled.negatives import draw_negatives

TURNS: Final = 5
"""Upright, 90, 180 and 270 degrees clockwise, inverted: in the order of `turned`'s logits."""

Descriptions = NDArray[np.float64]
_DIRECTIONS: Final = 192  # kept of the covariance; the others share their mean variance
_BATCH: Final = 8


class Distance(nn.Module):
    """Mahalanobis distance to the nearest of several means with one shrunk covariance.

    A covariance of D dimensions from about as many images is kept as K directions and one variance for
    the rest: distance² = |x|²/rest + Σ (x·direction)² (1/variance - 1/rest).
    """

    means: Tensor
    scale: Tensor
    directions: Tensor
    weights: Tensor
    rest: Tensor

    def __init__(
        self, means: Tensor, scale: Tensor, directions: Tensor, weights: Tensor, rest: Tensor
    ) -> None:
        super().__init__()
        self.register_buffer("means", means)  # (K, D)
        self.register_buffer("scale", scale)  # (D,)
        self.register_buffer("directions", directions)  # (D, M)
        self.register_buffer("weights", weights)  # (M,)
        self.register_buffer("rest", rest)  # ()

    @override
    def forward(self, description: Tensor) -> Tensor:
        """Return (N,) distances, about 1 for a real chest."""
        off = (description[:, None, :] - self.means[None]) * self.scale  # (N, K, D)
        along = off @ self.directions  # (N, K, M)
        squared = (off * off).sum(2) / self.rest + (along * along * self.weights).sum(2)
        return torch.sqrt(squared.clamp_min(0.0).amin(1) / len(self.scale))


@dataclass(frozen=True, slots=True)
class Heads:
    """The fitted heads, ready to be exported with the network."""

    turned: nn.Linear
    chest: nn.Linear
    distance: Distance


def fit_heads(
    network: Linear, chests: NDArray[np.uint8], photographs: NDArray[np.uint8], *, seed: int
) -> Heads:
    """Fit all heads on training images only.

    Args:
        chests: (N, S, S) uint8, the training radiographs, upright.
        photographs: (M, S, S) uint8, pictures whose licence allows them.
    """
    size = chests.shape[-1]
    half = chests[::2]
    turn = np.random.default_rng(seed).integers(0, TURNS, len(half))
    positives = np.concatenate([_describe(network, chests), _describe(network, half, turn=turn, seed=seed)])
    turn = np.concatenate([np.zeros(len(chests), int), turn])
    drawn = draw_negatives(len(chests) // 2, size, chests=chests, seed=seed)
    flipped = np.concatenate([photographs, photographs[:, :, ::-1], 255 - photographs])
    negatives = _describe(network, np.concatenate([drawn, flipped]))
    both = np.concatenate([positives, negatives])
    is_chest = np.concatenate([np.ones(len(positives), int), np.zeros(len(negatives), int)])
    return Heads(
        turned=_linear(positives, turn, strength=0.02),
        chest=_linear(both, is_chest, strength=0.002),
        distance=_distance(positives, turn),
    )


def to_batch(images: NDArray[np.uint8]) -> Tensor:
    """Turn (N, S, S) uint8 into (N, 1, S, S) float32 in [0, 1]."""
    return torch.from_numpy(images).float().div_(255.0)[:, None]


def apply_turn(image: Tensor, how: int) -> Tensor:
    """Turn (1, S, S) clockwise by 90 degrees `how` times, or invert it for the last class."""
    return 1.0 - image if how == TURNS - 1 else torch.rot90(image, -how, (1, 2))


@torch.no_grad()
def _describe(
    network: Linear, squares: NDArray[np.uint8], *, turn: NDArray[np.int_] | None = None, seed: int = 0
) -> Descriptions:
    """Describe (N, S, S) pictures, moved and turned when `turn` is given: (N, D)."""
    network.eval()
    generator = torch.Generator().manual_seed(seed)
    rows = []
    # Few at a time: big buffers are given back to the kernel and fetched anew at every layer.
    for start in range(0, len(squares), _BATCH):
        images = to_batch(squares[start : start + _BATCH])
        if turn is not None:
            moved = augment(images, generator, flip=0.0)
            how = turn[start : start + _BATCH]
            images = torch.stack([apply_turn(m, int(h)) for m, h in zip(moved, how, strict=True)])
        rows.append(network.see_and_describe(images)[1])
    described: Descriptions = torch.cat(rows).double().numpy()
    return described


def _linear(described: Descriptions, classes: NDArray[np.int_], *, strength: float) -> nn.Linear:
    """Fit a logistic regression on standardised values and fold the standardisation into its weights."""
    mean, deviation = described.mean(0), described.std(0) + 1e-6
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=500)
    model.fit((described - mean) / deviation, classes)
    weights = model.coef_ / deviation
    offset = model.intercept_ - weights @ mean
    linear = nn.Linear(weights.shape[1], len(weights))
    linear.load_state_dict(
        {"weight": torch.from_numpy(weights).float(), "bias": torch.from_numpy(offset).float()}
    )
    return linear.requires_grad_(requires_grad=False)


def _distance(described: Descriptions, classes: NDArray[np.int_]) -> Distance:
    scale = 1.0 / (described.std(0) + 1e-6)
    means = np.stack([described[classes == one].mean(0) for one in range(TURNS)])
    off = (described - means[classes]) * scale
    covariance, _ = ledoit_wolf(off, assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    kept, rest = variances[-_DIRECTIONS:], variances[:-_DIRECTIONS].mean()
    arrays = (means, scale, directions[:, -_DIRECTIONS:], 1.0 / kept - 1.0 / rest, np.asarray(rest))
    return Distance(*(torch.from_numpy(np.ascontiguousarray(array)).float() for array in arrays))
