"""A feature map, pooled, and a linear layer: most of the papers.

Linear       mean map, linear (CheXNet, arXiv 1711.05225): maps are class activation maps
Multiclass   three outputs a label (CheXpert's U-MultiClass, arXiv 1901.07031, section 3)
Transition   transition layer, log-sum-exp pooling, linear (ChestX-ray8, arXiv 1705.02315, section 3.2)
LabelHeads   one perceptron a label over the mean map (SwinCheX, arXiv 2206.04246)
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from typing_extensions import override

from training.architectures.base import Batch, Classifier, Criterion, Output
from training.architectures.encoder import Encoder, SimpleEncoder


class Linear(Classifier):
    """A linear layer over the mean of the feature map.

    Args:
        frozen: whether the encoder stays as it is, its batch norm figures too: a linear probe.
        dropout: share of the mean's values that are left out in training.
        view_weight: of the loss of a second head, which tells AP from PA; 0 makes none.
    """

    def __init__(
        self,
        encoder: Encoder | SimpleEncoder,
        outputs: int,
        *,
        frozen: bool = False,
        dropout: float = 0.0,
        view_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(requires_grad=False) if frozen else encoder
        self.frozen = frozen
        self.dropout = nn.Dropout(dropout)
        self.head: nn.Linear = nn.Linear(encoder.features, outputs)
        self.view_weight = view_weight
        self.view: nn.Linear | None = nn.Linear(encoder.features, 1) if view_weight else None

    @override
    def heads(self) -> list[nn.Module]:
        return [self.head] if self.view is None else [self.head, self.view]

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    @override
    def see(self, images: Tensor) -> Output:
        return self._answer(self.encoder(images))

    def see_and_describe(self, images: Tensor) -> tuple[Output, Tensor]:
        """Classify, and return what a gate may read of the same run: (N, D), the mean map last."""
        assert isinstance(self.encoder, Encoder)  # simple_cnn offers none
        features, description = self.encoder.describe(images)
        return self._answer(features), description

    @override
    def loss(self, batch: Batch, criterion: Criterion) -> Tensor:
        """Return the criterion's loss, and that of the view where it is learnt too."""
        if self.view is None or batch.ap is None:
            return super().loss(batch, criterion)
        mean = self.dropout(self.encoder(batch.images).mean((2, 3)))
        of_labels = criterion(self.head(mean), batch.targets, batch.known)
        # An image weighs as its labels do; one of no known view not at all.
        weights = torch.where(batch.ap.isnan(), 0.0, batch.known.amax(1))
        losses = binary_cross_entropy_with_logits(
            self.view(mean)[:, 0], batch.ap.nan_to_num(), reduction="none"
        )
        return of_labels + self.view_weight * (losses * weights).sum() / weights.sum().clamp(min=1e-6)

    def _answer(self, features: Tensor) -> Output:
        maps = torch.einsum("nchw,lc->nlhw", features, self.head.weight)
        return Output(self.head(self.dropout(features.mean((2, 3)))), maps)


class Multiclass(Linear):
    """Absent, present and uncertain are three classes; the logit is of present against absent."""

    def __init__(self, encoder: Encoder | SimpleEncoder, labels: int) -> None:
        super().__init__(encoder, 3 * labels)

    @override
    def see(self, images: Tensor) -> Output:
        logits, maps = super().see(images)
        return Output(logits[:, 1::3] - logits[:, 0::3], maps[:, 1::3] - maps[:, 0::3])

    @override
    def loss(self, batch: Batch, criterion: Criterion) -> Tensor:
        """Return the cross entropy of the three classes; a criterion of two classes has no say in it."""
        logits, _ = super().see(batch.images)
        classes = torch.where(batch.uncertain > 0, 2, (batch.targets > 0.5).long())
        losses = cross_entropy(logits.reshape(len(logits), -1, 3).transpose(1, 2), classes, reduction="none")
        counts = torch.maximum(batch.known, batch.uncertain)
        return (losses * counts).sum() / counts.sum().clamp(min=1.0)


class Transition(Classifier):
    """Transition layer, log-sum-exp pooling and a linear layer.

    Args:
        sharpness: r of the pooling: 0 is near the mean, a large one near the maximum.
    """

    def __init__(self, encoder: Encoder, labels: int, *, width: int, sharpness: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.sharpness = sharpness
        self.transition = nn.Sequential(
            nn.Conv2d(encoder.features, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.linear = nn.Linear(width, labels)

    @override
    def heads(self) -> list[nn.Module]:
        return [self.transition, self.linear]

    @override
    def see(self, images: Tensor) -> Output:
        features = self.transition(self.encoder(images))
        maps = torch.einsum("nchw,lc->nlhw", features, self.linear.weight)
        cells = features.shape[2] * features.shape[3]
        sums = torch.logsumexp(self.sharpness * features.flatten(2), 2)
        return Output(self.linear((sums - math.log(cells)) / self.sharpness), maps)


class LabelHeads(Classifier):
    """One perceptron a label with two outputs, absent and present; its map is what it says of a cell alone.

    Args:
        widths: of the layers before the last; SwinCheX's are 384, 48 and 48 (rohban-lab/SwinCheX,
            models/swin_transformer.py, num_mlp_heads=3).
    """

    def __init__(self, encoder: Encoder, labels: int, *, widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.head: nn.ModuleList = nn.ModuleList(
            _perceptron((encoder.features, *widths, 2)) for _ in range(labels)
        )

    def _say(self, features: Tensor) -> Tensor:
        """Return (..., L) logits of present against absent for (..., C) features."""
        outputs = torch.stack([head(features) for head in self.head], -2)
        return outputs[..., 1] - outputs[..., 0]

    @override
    def see(self, images: Tensor) -> Output:
        features = self.encoder(images)
        # Each cell through the heads: what a label's perceptron says of that place alone.
        maps = self._say(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return Output(self._say(features.mean((2, 3))), maps)


def _perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Return linear layers with ReLU between them, drawn as Swin Transformers draw theirs."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        linear = nn.Linear(before, after)
        nn.init.trunc_normal_(linear.weight, std=0.02)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
