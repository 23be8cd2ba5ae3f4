"""What every architecture is: gray squares in, logits and one activation map a label out.

    Classifier.forward    what is exported and served: (N, 1, S, S) in [0, 1] -> `Output`
    Classifier.loss       what is minimised; most take it as it is here
    Batch                 what training gives to `loss`

An architecture normalises by itself (ImageNet's mean and deviation, CLIP's, …): outside of it an image is
gray in [0, 1], as `shared/imaging.py` makes it for the worker.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

Criterion = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits, targets, known), each (N, L) -> a scalar; `training/losses.py` has them."""


class Output(NamedTuple):
    """What a classifier says of a batch.

    Attributes:
        logits: (N, L) uncalibrated, one a label.
        maps: (N, L, h, w) where each label is seen: higher speaks more for it. A class activation map, or
            attention. Zero everywhere where an architecture has none.
    """

    logits: Tensor
    maps: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Training examples.

    Attributes:
        images: (N, 1, S, S) float32 in [0, 1].
        targets: (N, L) float32 in [0, 1]; soft where a policy makes it so.
        known: (N, L) float32, how much the target counts: 0 where nothing is known, else 1 or a weight.
        uncertain: (N, L) float32, 1 where the data set says uncertain, whatever the policy makes of it.
        masks: (N, 2, S, S) float32 of lungs and heart, or None.
        texts: N impressions, or None where no architecture asks for them.
        ap: (N,) float32, how much each is an AP view and not a PA one, NaN where it is neither; or None.
        boxes: of N images, each (n, 5) as `training.boxes.placed` gives them, or None.
    """

    images: Tensor
    targets: Tensor
    known: Tensor
    uncertain: Tensor
    masks: Tensor | None = None
    texts: tuple[str, ...] | None = None
    ap: Tensor | None = None
    boxes: tuple[Tensor, ...] | None = None


class Classifier(nn.Module):
    """Base of all architectures; a subclass gives `see`, and its new part as `head` or several by `heads`."""

    head: nn.Module

    def see(self, images: Tensor) -> Output:
        """Classify (N, 1, S, S) images in [0, 1]."""
        raise NotImplementedError

    @override
    def forward(self, images: Tensor) -> Output:
        """Classify (N, 1, S, S) images in [0, 1]; what `training.export` exports."""
        return self.see(images)

    def loss(self, batch: Batch, criterion: Criterion) -> Tensor:
        """Return the mean loss of a batch, a scalar."""
        return criterion(self.see(batch.images).logits, batch.targets, batch.known)

    def heads(self) -> list[nn.Module]:
        """Return the parts that did not start from trained weights.

        A list of modules that are attributes too must not become an attribute: each weight would then have
        two names, and safetensors writes no such network.
        """
        return [self.head]

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of `heads`, for a learning rate of their own."""
        for part in self.heads():
            yield from part.parameters()

    def start_at(self, priors: Tensor) -> None:
        """Let the first answers be near (L,) shares, those of the labels: nothing has to be unlearnt.

        Raises:
            ValueError: the head is no linear layer with an output a label.
        """
        head = getattr(self, "head", None)
        if not isinstance(head, nn.Linear) or head.out_features != len(priors):
            message = "run.start_at_priors: this architecture has no linear head with one output a label"
            raise ValueError(message)
        with torch.no_grad():
            head.weight.mul_(0.1)
            head.bias.copy_(torch.logit(priors.clamp(0.01, 0.99)))

    def reset_head(self) -> None:
        """Draw the head's weights anew (Yuan 2020, second stage)."""
        for part in self.heads():
            for module in part.modules():
                reset = getattr(module, "reset_parameters", None)
                if callable(reset):
                    reset()
