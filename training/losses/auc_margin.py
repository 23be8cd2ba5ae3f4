"""AUC margin loss over many labels, for libauc's PESG.

    loss = loss_named("auc_margin", …)      # an `AucMargin`, which is a `SaddlePoint`
    PESG(network.parameters(), loss_fn=loss, lr=0.1, margin=loss.margin)

The loss is a minimum over the network, a and b, and a maximum over alpha. Only PESG does both: it adds a and
b to the parameters it was given and moves alpha upwards. Other optimizers would move alpha the wrong way.

libauc's own `MultiLabelAUCMLoss` knows no mask, and its version "v1" leaves out the margin (2.0.1), so the
formula is written here; with a margin of 1 and all known both are the same, which a test holds.
"""

from typing import Annotated, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn
from typing_extensions import override

from training.architectures.base import Criterion
from training.losses.options import LossOptions


class SaddlePoint(Protocol):
    """What PESG needs of a loss, as its argument `loss_fn`.

    Attributes:
        a: (L,) leaf with gradient: mean score of positives, minimised over.
        b: (L,) likewise of negatives.
        alpha: (L,) leaf with gradient, maximised over; 0 or more.
        margin: by which positives are to score higher.
    """

    a: nn.Parameter
    b: nn.Parameter
    alpha: nn.Parameter
    margin: float


class AucMarginOptions(LossOptions):
    """Options of `AucMargin`.

    Attributes:
        margin: by which a positive is to score higher than a negative; scores lie in [0, 1].
    """

    margin: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0

    @override
    def criterion(self, positives: Tensor, counts: Tensor) -> Criterion:
        return AucMargin(len(positives), margin=self.margin)


class AucMargin(nn.Module):
    """AUC margin loss: the mean over labels, each weighed by p (1 - p), p its share of positives in a batch.

    A label of which the batch has only one class does not count: it has no pairs. A soft target counts as
    that much of a positive, and the rest of a negative.

    What it returns has the gradients of the min-max objective at the present alpha, but the value of its
    maximum over alpha, which is what the paper minimises. PESG's alpha lags behind, and the objective itself
    falls below 0 when alpha is more than twice the violated margin, which reads as a loss that improves.

    Source: Yuan 2020, arXiv 2012.03173, as libauc 2.0.1 writes it out (`AUCMLoss`, version "v1").
    """

    def __init__(self, labels: int, *, margin: float) -> None:
        super().__init__()
        self.margin = margin
        self.a = nn.Parameter(torch.zeros(labels))
        self.b = nn.Parameter(torch.zeros(labels))
        self.alpha = nn.Parameter(torch.zeros(labels))

    @override
    def forward(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        scores = torch.sigmoid(logits.float())
        positives, negatives = targets * known, (1.0 - targets) * known
        ones, zeros = positives.sum(0), negatives.sum(0)
        both = (ones > 0) & (zeros > 0)
        of_positives, of_negatives = positives / ones.clamp(min=1e-6), negatives / zeros.clamp(min=1e-6)
        spread = (of_positives * (scores - self.a) ** 2 + of_negatives * (scores - self.b) ** 2).sum(0)
        violation = self.margin + (of_negatives * scores).sum(0) - (of_positives * scores).sum(0)
        weights = both * ones * zeros / (ones + zeros).clamp(min=1e-6) ** 2
        present = (weights * (spread + 2.0 * self.alpha * violation - self.alpha**2)).sum()
        largest = (weights * (spread + violation.clamp(min=0.0) ** 2)).sum()
        value = (present + (largest - present).detach()) / both.sum().clamp(min=1)
        # Without a pair nothing hangs on the logits; this keeps their gradient there, at 0.
        return value + 0.0 * scores.sum()
