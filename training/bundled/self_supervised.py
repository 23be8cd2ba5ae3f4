"""A start that needs no labels: SimSiam (Chen 2020, arXiv 2011.10566), from ImageNet, on radiographs."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional

from training.augment import augment
from training.bundled.fit import Recipe, Say, batches, freeze, to_batch, train_mode
from training.bundled.network import FEATURES, Network, from_imagenet

_WIDTH: Final = 512
_NARROW: Final = 128  # the predictor's waist, a quarter as in the paper


def simsiam(images: NDArray[np.uint8], recipe: Recipe, *, kept: Path, say: Say) -> Network:
    """Return a network whose trunk sees two views of a radiograph alike, and those of others otherwise.

    Args:
        images: (N, S, S) uint8, of training patients only.
        recipe: its `self_supervised` epochs; backbone, batch, rate, decay, frozen and seed count too.
        kept: file that the network is written to when it is finished, or read from when it is there.
        say: told one line an epoch.
    """
    network = from_imagenet(1, backbone=recipe.backbone)
    if kept.is_file():
        network.load_state_dict(torch.load(kept, map_location="cpu", weights_only=True))
        return network
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    freeze(network, recipe.frozen)
    network.to(memory_format=torch.channels_last)
    projector = nn.Sequential(
        nn.Linear(FEATURES, _WIDTH, bias=False),
        nn.BatchNorm1d(_WIDTH),
        nn.ReLU(),
        nn.Linear(_WIDTH, _WIDTH, bias=False),
        nn.BatchNorm1d(_WIDTH, affine=False),
    )
    predictor = nn.Sequential(
        nn.Linear(_WIDTH, _NARROW, bias=False), nn.BatchNorm1d(_NARROW), nn.ReLU(), nn.Linear(_NARROW, _WIDTH)
    )
    learnt = [
        p for part in (network.trunk, projector, predictor) for p in part.parameters() if p.requires_grad
    ]
    optimizer = torch.optim.AdamW(learnt, lr=recipe.rate, weight_decay=recipe.decay)
    for epoch in range(recipe.self_supervised):
        train_mode(network, recipe.frozen)
        losses, alike = [], []
        for batch in batches(len(images), recipe.batch, generator):
            first, second = (projector(_view(network, images[batch], generator)) for _ in range(2))
            loss = -(_likeness(predictor(first), second) + _likeness(predictor(second), first)) / 2
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(float(loss.detach()))
            # 1 would mean that all radiographs have come to look alike to it.
            alike.append(float(functional.normalize(first.detach()).mean(0).norm()))
        done = f"SimSiam epoch {epoch + 1}/{recipe.self_supervised}"
        say(f"{done} loss {np.mean(losses):.4f}, alike {np.mean(alike):.2f}")
    torch.save(network.state_dict(), kept)
    return network


def _view(network: Network, images: NDArray[np.uint8], generator: Generator) -> Tensor:
    changed = augment(to_batch(images), generator, flip=0.5, degrees=15.0, zoom=0.4, shift=0.2, blurred=0.3)
    return network.see(changed.contiguous(memory_format=torch.channels_last)).features


def _likeness(predicted: Tensor, projected: Tensor) -> Tensor:
    return functional.cosine_similarity(predicted, projected.detach()).mean()
