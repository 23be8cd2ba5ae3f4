"""Fit the network to the pool: one run is one `Recipe` and one seed; nothing is read or written here."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional

from training.architectures.base import Criterion
from training.augment import augment, mix
from training.bundled.network import Network, from_imagenet
from training.losses import loss_named

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Examples:
    """Images with what is known of them.

    Attributes:
        images: (N, S, S) uint8.
        labels: (N, L) float32, 0 or 1.
        ap: (N,) float32, 1 for an AP view.
        weights: (N,) float32, how much an image counts.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.float32]
    ap: NDArray[np.float32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a run depends on beside its data.

    Attributes:
        backbone: one of network.py's `BACKBONES`.
        size: side of the images.
        epochs: passes over the training images.
        batch: images a step.
        rate: highest learning rate of the trunk (AdamW, one warm-up epoch, then cosine to zero).
        head_rate: factor on it for the heads, which start from nothing.
        decay: weight decay.
        average: decay a step of the running average of the weights, which is what is kept.
        loss: of `training.losses`; with its own options where it is not cross entropy.
        balance: option of the cross entropy.
        view_weight: weight of the loss of the view head.
        flip: share of images that are mirrored.
        noise: most noise that is added to an image, as a standard deviation; 0 is none.
        mixup: alpha of mixup; 0 is none.
        dropout: before the heads.
        frozen: how many leading blocks stay as ImageNet made them (edges and textures): they are the ones
            that cost most on a CPU, and a few thousand images would not improve them.
        low_resolution: how much an image of 64 pixels counts; 0 leaves them out.
        self_supervised: epochs of SimSiam before the labels are shown.
        taught: share of a target that comes from other networks (distillation, arXiv 1503.02531).
        seed: of everything random.
    """

    backbone: str = "lite0"
    size: int = 288
    epochs: int = 8
    batch: int = 32
    rate: float = 5e-4
    head_rate: float = 4.0
    decay: float = 0.05
    average: float = 0.98
    loss: str = "cross_entropy"
    balance: float = 0.4
    view_weight: float = 0.2
    flip: float = 0.5
    noise: float = 0.0
    mixup: float = 0.2
    dropout: float = 0.3
    frozen: int = 3
    low_resolution: float = 0.4
    self_supervised: int = 0
    taught: float = 0.0
    seed: int = 0


def fit(
    examples: Examples, recipe: Recipe, *, checkpoint: Path, say: Say, start: Network | None = None
) -> Network:
    """Train and return the averaged network, in evaluation mode.

    Args:
        start: what the trunk starts from; ImageNet's weights if it is left out.
        checkpoint: written after every epoch; when it is there the run goes on from it.
        say: told one line an epoch.
    """
    torch.manual_seed(recipe.seed)
    run = _Run(examples, recipe, start=start)
    if checkpoint.is_file():
        run.restore(torch.load(checkpoint, map_location="cpu", weights_only=True))
    while run.epoch < recipe.epochs:
        loss = run.train_epoch()
        torch.save(run.state(), checkpoint)
        say(f"epoch {run.epoch}/{recipe.epochs} loss {loss:.4f}")
    return run.averaged


class _Run:
    """A run in progress: all that changes from step to step."""

    def __init__(self, examples: Examples, recipe: Recipe, *, start: Network | None) -> None:
        self._examples = examples
        self._recipe = recipe
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._network = from_imagenet(
            examples.labels.shape[1], backbone=recipe.backbone, dropout=recipe.dropout
        )
        if start is not None:
            self._network.trunk.load_state_dict(start.trunk.state_dict())
        _start_at_priors(self._network, examples)
        freeze(self._network, recipe.frozen)
        self._network.to(memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self._network).eval()
        self._optimizer = _optimizer(self._network, recipe)
        steps = math.ceil(len(examples.images) / recipe.batch)
        factor = _cosine(steps, steps * recipe.epochs)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, factor)
        self._criterion = _criterion(examples.labels, recipe)
        self._step = 0
        self.epoch = 0

    def train_epoch(self) -> float:
        """Go once through the training images; return the mean loss."""
        recipe, total, steps = self._recipe, 0.0, 0
        train_mode(self._network, recipe.frozen)
        for batch in batches(len(self._examples.images), recipe.batch, self._generator):
            loss = _loss(
                self._network,
                self._examples,
                batch,
                recipe=recipe,
                criterion=self._criterion,
                generator=self._generator,
            )
            self._optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), 5.0)
            self._optimizer.step()
            self._schedule.step()
            self._step += 1
            steps += 1
            # Early on the average looks back over fewer steps, so that it forgets the start.
            _average(self.averaged, self._network, decay=min(recipe.average, self._step / (self._step + 10)))
            total += float(loss.detach())
        self.epoch += 1
        return total / steps

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {
            "network": self._network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "generators": [self._generator.get_state(), torch.get_rng_state()],
            "progress": [self._step, self.epoch],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._generator.set_state(state["generators"][0])
        torch.set_rng_state(state["generators"][1])
        self._step, self.epoch = state["progress"]


def to_batch(images: NDArray[np.uint8]) -> Tensor:
    """Turn (N, S, S) uint8 into (N, 1, S, S) float32 in [0, 1]."""
    return torch.from_numpy(images).float().div_(255.0)[:, None]


def _criterion(labels: NDArray[np.float32], recipe: Recipe) -> Criterion:
    options = {"balance": recipe.balance} if recipe.loss == "cross_entropy" else {}
    positives = torch.from_numpy(labels.sum(0))
    return loss_named(recipe.loss, options, labels=labels.shape[1], positives=positives, count=len(labels))


def _start_at_priors(network: Network, examples: Examples) -> None:
    priors = torch.from_numpy(examples.labels.mean(0)).clamp(0.01, 0.99)
    with torch.no_grad():
        network.labels.weight.mul_(0.1)
        network.labels.bias.copy_(torch.logit(priors))


def _frozen_parts(network: Network, blocks: int) -> list[nn.Module]:
    first = [network.trunk.conv_stem, network.trunk.bn1, *list(network.trunk.blocks)[:blocks]]
    return first if blocks else []


def freeze(network: Network, blocks: int) -> None:
    """Leave the stem and the first blocks as they are."""
    for part in _frozen_parts(network, blocks):
        part.requires_grad_(requires_grad=False)


def train_mode(network: Network, blocks: int) -> None:
    """Put all but the frozen parts into training mode."""
    network.train()
    for part in _frozen_parts(network, blocks):
        part.eval()  # batch norm, too, stays as it is


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    heads = [*network.labels.parameters(), *network.view.parameters()]
    trunk = [p for p in network.trunk.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in trunk if p.ndim > 1], "lr": recipe.rate},
            {"params": [p for p in trunk if p.ndim <= 1], "lr": recipe.rate, "weight_decay": 0.0},
            {"params": heads, "lr": recipe.rate * recipe.head_rate},
        ],
        weight_decay=recipe.decay,
    )


def _cosine(warm_up: int, steps: int) -> Callable[[int], float]:
    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1.0 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))

    return factor


def batches(count: int, size: int, generator: Generator) -> Iterator[NDArray[np.int64]]:
    """Go through `count` images in random order, `size` at a time."""
    order = torch.randperm(count, generator=generator).numpy()
    for start in range(0, count, size):
        chunk = order[start : start + size]
        if len(chunk) > 1:  # batch norm has nothing to normalise one image by
            yield chunk


def _loss(
    network: Network,
    examples: Examples,
    batch: NDArray[np.int64],
    *,
    recipe: Recipe,
    criterion: Criterion,
    generator: Generator,
) -> Tensor:
    images = augment(to_batch(examples.images[batch]), generator, flip=recipe.flip, noise=recipe.noise)
    targets = torch.from_numpy(np.concatenate([examples.labels[batch], examples.ap[batch, None]], 1))
    images, targets = mix(images, targets, generator, alpha=recipe.mixup)
    # In float32: bfloat16 takes fifteen times as long on a CPU without instructions for it.
    labels, view = network(images.contiguous(memory_format=torch.channels_last))
    weights = torch.from_numpy(examples.weights[batch])
    of_labels: Tensor = criterion(labels, targets[:, :-1], weights[:, None].expand_as(labels))
    of_view = functional.binary_cross_entropy_with_logits(view, targets[:, -1], reduction="none")
    return of_labels + recipe.view_weight * (of_view * weights).sum() / weights.sum()


@torch.no_grad()
def _average(averaged: Network, network: Network, *, decay: float) -> None:
    for kept, new in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1.0 - decay)
        else:
            kept.copy_(new)


@torch.no_grad()
def logits_of(network: Network, images: NDArray[np.uint8], *, batch: int = 64) -> NDArray[np.float32]:
    """Return label logits and the view logit behind them: (N, L + 1)."""
    network.eval()
    rows = []
    for start in range(0, len(images), batch):
        labels, view = network(to_batch(images[start : start + batch]))
        rows.append(torch.cat([labels, view[:, None]], 1).numpy())
    return np.concatenate(rows)
