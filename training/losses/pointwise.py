"""Losses that look at each label of each image by itself, and average over what is known."""

from typing import Annotated

import torch
from pydantic import Field
from timm.loss import AsymmetricLossMultiLabel
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.ops import sigmoid_focal_loss
from typing_extensions import override

from training.architectures.base import Criterion
from training.losses.options import LossOptions


class CrossEntropyOptions(LossOptions):
    """Options of `CrossEntropy`.

    Attributes:
        balance: exponent on negatives/positives as the weight of a positive; 0 is plain cross entropy, with 1
            the positives of a label weigh as much as its negatives.
        smoothing: s; a target t becomes (1 - s) t + s / 2: label smoothing of two classes (Szegedy 2016,
            arXiv 1512.00567, section 7).
    """

    balance: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    @override
    def criterion(self, positives: Tensor, counts: Tensor) -> Criterion:
        # A label that is on no image, or on each, has no ratio; 1 for 0 keeps its weight finite.
        ratio = (counts - positives).clamp(min=1.0) / positives.clamp(min=1.0)
        return CrossEntropy(ratio**self.balance, smoothing=self.smoothing)


class CrossEntropy(nn.Module):
    """Binary cross entropy.

    Args:
        positive: (L,) weight of a positive.
        smoothing: by which targets are drawn towards 1/2.
    """

    positive: Tensor

    def __init__(self, positive: Tensor, *, smoothing: float) -> None:
        super().__init__()
        self.register_buffer("positive", positive, persistent=False)
        self.smoothing = smoothing

    @override
    def forward(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        targets = (1.0 - self.smoothing) * targets + self.smoothing / 2.0
        losses = binary_cross_entropy_with_logits(logits, targets, pos_weight=self.positive, reduction="none")
        return over_known(losses, known)


class BalancedCrossEntropyOptions(LossOptions):
    """`BalancedCrossEntropy` has no options."""

    @override
    def criterion(self, positives: Tensor, counts: Tensor) -> Criterion:
        return BalancedCrossEntropy()


class BalancedCrossEntropy(nn.Module):
    """W-CEL of ChestX-ray8: positives and negatives of a batch weigh (P + N) / P and (P + N) / N.

    P and N count over all labels of the batch, as in the paper, so a rare label is not made up for by its
    own rarity. We divide the paper's sum by P + N, so that the rate does not hang on batch and labels. A
    batch without positives has no such term, and one without negatives likewise.

    Source: Wang 2017, arXiv 1705.02315, equation 1.
    """

    @override
    def forward(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        total, ones = known.sum(), (targets * known).sum()
        # 1 for 0: the term that is divided is 0 then, and must not become NaN.
        positive, negative = total / ones.clamp(min=1.0), total / (total - ones).clamp(min=1.0)
        weights = targets * positive + (1.0 - targets) * negative
        losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return over_known(losses * weights, known)


class FocalOptions(LossOptions):
    """Options of `Focal`.

    Attributes:
        alpha: weight of positives, 1 - alpha that of negatives; None weighs both alike.
        gamma: how much an example that is right already is passed over; 0 is cross entropy.
    """

    alpha: Annotated[float, Field(ge=0.0, le=1.0)] | None = 0.25
    gamma: Annotated[float, Field(ge=0.0)] = 2.0

    @override
    def criterion(self, positives: Tensor, counts: Tensor) -> Criterion:
        return Focal(alpha=self.alpha, gamma=self.gamma)


class Focal(nn.Module):
    """Focal loss (Lin 2017, arXiv 1708.02002), torchvision's, over what is known."""

    def __init__(self, *, alpha: float | None, gamma: float) -> None:
        super().__init__()
        self._alpha, self._gamma = alpha, gamma

    @override
    def forward(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        alpha = -1.0 if self._alpha is None else self._alpha  # torchvision's way to say none
        losses = sigmoid_focal_loss(logits, targets, alpha=alpha, gamma=self._gamma, reduction="none")
        return over_known(losses, known)


class AsymmetricOptions(LossOptions):
    """Options of `Asymmetric`; the defaults are those of the authors' code.

    Attributes:
        gamma_negative: focusing exponent of negatives.
        gamma_positive: focusing exponent of positives; less, since they are few.
        clip: probability below which a negative no longer counts; 0 lets all count.
    """

    gamma_negative: Annotated[float, Field(ge=0.0)] = 4.0
    gamma_positive: Annotated[float, Field(ge=0.0)] = 1.0
    clip: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.05

    @override
    def criterion(self, positives: Tensor, counts: Tensor) -> Criterion:
        return Asymmetric(self)


class Asymmetric(nn.Module):
    """Asymmetric loss (Ridnik 2020, arXiv 2009.14119), timm's, over what is known.

    The mean, where the authors take the sum: their rate has to be multiplied accordingly.
    """

    def __init__(self, options: AsymmetricOptions) -> None:
        super().__init__()
        self._each = AsymmetricLossMultiLabel(
            gamma_neg=options.gamma_negative,
            gamma_pos=options.gamma_positive,
            clip=options.clip,
            reduction="none",
        )

    @override
    def forward(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        return over_known(self._each(logits, targets), known)


def over_known(losses: Tensor, known: Tensor) -> Tensor:
    """Return the mean of (N, L) losses, weighed by (N, L) `known`; 0, with a gradient, where nothing is."""
    # Not losses * known alone: the loss of what is not known may be infinite, and 0 times that is NaN.
    counted = torch.where(known > 0, losses * known, losses.new_zeros(()))
    return counted.sum() / known.sum().clamp(min=1.0)
