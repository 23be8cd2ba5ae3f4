"""A network with its loss: what a step's gradients are of."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from training.architectures.base import Batch, Classifier, Criterion
from training.fitting.plan import Job
from training.losses import loss_named
from training.policies import Targets


class Learner(nn.Module):
    """A network and its loss as one module: DDP and mixed precision work on what `forward` does."""

    def __init__(self, network: Classifier, criterion: Criterion) -> None:
        super().__init__()
        self.network = network
        # A loss may have weights of its own, which are trained and kept with the network's.
        self.criterion = criterion

    @override
    def forward(
        self,
        images: Tensor,
        targets: Tensor,
        known: Tensor,
        uncertain: Tensor,
        texts: tuple[str, ...] | None,
        masks: Tensor | None,
        ap: Tensor,
        offsets: Tensor,
        boxes: tuple[Tensor, ...] | None,
    ) -> Tensor:
        """Return the loss of a step."""
        batch = Batch(images, targets, known, uncertain, texts=texts, masks=masks, ap=ap, boxes=boxes)

        def criterion(logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
            return self.criterion(logits + offsets, targets, known)

        return self.network.loss(batch, criterion)


def learner_of(network: Classifier, taught: Targets, job: Job) -> Learner:
    """Put a job's loss to a network, which begins at the labels' frequencies where the job says so.

    Raises:
        ValueError: the loss or one of its options is unknown, or the network's head cannot begin so.
    """
    known = taught.known > 0
    if job.run.start_at_priors:
        shares = (taught.targets * known).sum(0) / known.sum(0).clip(1)
        network.start_at(torch.from_numpy(shares).float())
    criterion = loss_named(
        job.loss.name,
        job.loss.options,
        labels=taught.targets.shape[1],
        positives=torch.from_numpy(((taught.targets >= 0.5) & known).sum(0)),
        count=torch.from_numpy(known.sum(0)),
    )
    # Convolutions take a third less of a CPU so.
    return Learner(network.to(memory_format=torch.channels_last), criterion)
