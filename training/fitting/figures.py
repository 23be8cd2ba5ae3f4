"""What networks say of images, and how good that is on validation patients."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from scipy.special import expit, logit
from torch import Tensor, nn

from training.architectures.base import Criterion
from training.fitting.steps import Rows, batches_of
from training.metrics import macro_auroc
from training.policies import Targets


class Figures(NamedTuple):
    """How good a network is; a higher one is better.

    Attributes:
        auroc: macro, over pairs of images of one data set and the labels that validation shows and lacks five
            times; NaN without one.
        loss: of the training's criterion.
    """

    auroc: float
    loss: float

    @property
    def key(self) -> tuple[float, float]:
        """By what the best epoch is chosen: the AUROC, and the loss where there is none or a tie."""
        return (-math.inf if math.isnan(self.auroc) else self.auroc, -self.loss)


@torch.no_grad()
def logits_of(
    fabric: Fabric, network: nn.Module, rows: Rows, count: int, *, batch: int, workers: int
) -> NDArray[np.float32]:
    """Return (count, L) logits of all rows; processes that train together share the work.

    Afterwards the network is in evaluation mode.
    """
    network.eval()
    _agree(fabric, network)
    share = -(-count // fabric.world_size)
    # All processes take the same number: the last may take some images of the first once more.
    mine = [i % count for i in range(fabric.global_rank * share, (fabric.global_rank + 1) * share)]
    order = [mine[start : start + batch] for start in range(0, share, batch)]
    found = []
    for squares, _ in batches_of(rows, order, workers=workers):
        with fabric.autocast():
            found.append(network(squares.to(fabric.device).float() / 255.0).logits.float())
    logits: NDArray[np.float32] = _gathered(fabric, torch.cat(found))[:count].cpu().numpy()
    return logits


@torch.no_grad()
def figures_of(
    logits: NDArray[np.float32], truth: Targets, criterion: Criterion, device: torch.device
) -> Figures:
    """Measure (N, L) logits."""
    told = (logits + truth.offsets, truth.targets, truth.known)
    loss = float(criterion(*(torch.from_numpy(part).to(device) for part in told)))
    auroc = macro_auroc(logits, truth.targets > 0.5, known=truth.known > 0, strata=truth.sources)
    return Figures(auroc, loss)


def mean_logits(members: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the logit of the mean probability; of one network its own logits."""
    if len(members) == 1:
        return members[0]
    # In double precision: a float32 probability near 1 has no logit.
    mean = np.mean([expit(one.astype(np.float64)) for one in members], 0)
    return logit(mean.clip(1e-7, 1.0 - 1e-7)).astype(np.float32)  # type: ignore[no-any-return]  # scipy has no types


def _gathered(fabric: Fabric, share: Tensor) -> Tensor:
    """Return the (n, L) shares of all processes one after the other."""
    if fabric.world_size == 1:
        return share
    shares = [torch.empty_like(share) for _ in range(fabric.world_size)]
    torch.distributed.all_gather(shares, share)
    return torch.cat(shares)


def _agree(fabric: Fabric, network: nn.Module) -> None:
    """Give all processes the first one's batch norm figures: each has gathered its own."""
    if fabric.world_size > 1:
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, src=0)
