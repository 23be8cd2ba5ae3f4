"""A small network that tells a mirrored radiograph, for the gate: labels are free, for any can be mirrored.

    fit_mirror    training radiographs -> `Mirror`
    add_mirror    a gate's folder -> mirror.onnx in it, its limit set on validation and measured on test ones

A mirrored radiograph and dextrocardia look alike, so that is all that it can tell: on which side the heart
seems to lie. What it says of a picture is by construction the opposite of what it says of it mirrored.
"""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus
from typing_extensions import override

from shared.gates import MIRROR, Gate
from training.augment import augment
from training.bundled.heads import to_batch
from training.exporting.graph import write_onnx
from worker_cnn.gate import MIRRORED

Squares = NDArray[np.uint8]

_SIDE: Final = 72
"""Pixels, about: a heart is a quarter of that wide."""
_WIDTH: Final = 12
_EPOCHS: Final = 6
"""With 20, what it says of patients whom it has not seen gets worse again."""
_BATCH: Final = 64
_RATE: Final = 4e-3
_FALSE: Final = 0.005
"""Share of validation radiographs, and of changed copies of them, that may be taken for mirrored."""
_CHANGED_COPIES: Final = 15


class Mirror(nn.Module):
    """(N, 1, S, S) images in [0, 1] -> (N,) logits of a picture that is mirrored."""

    def __init__(self, size: int) -> None:
        """Take the side of the squares in pixels, 16 at least."""
        super().__init__()
        self.shrink = nn.AvgPool2d(max(1, size // _SIDE))
        self.trunk = nn.Sequential(
            *_block(1, _WIDTH, stride=2),
            *(*_block(_WIDTH, 2 * _WIDTH), nn.MaxPool2d(2)),
            *(*_block(2 * _WIDTH, 3 * _WIDTH), nn.MaxPool2d(2)),
            *(*_block(3 * _WIDTH, 3 * _WIDTH), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.3)),
        )
        cells = self.trunk.eval()(self.shrink(torch.zeros(1, 1, size, size))).shape[1]
        self.head = nn.Linear(cells, 1)

    @override
    def forward(self, images: Tensor) -> Tensor:
        small = self.shrink(images)
        small = (small - small.mean((1, 2, 3), keepdim=True)) / (small.std((1, 2, 3), keepdim=True) + 1e-3)
        upright, mirrored = (self.head(self.trunk(one))[:, 0] for one in (small, small.flip(3)))
        logits: Tensor = upright - mirrored
        return logits


def fit_mirror(chests: Squares, *, seed: int, epochs: int = _EPOCHS) -> Mirror:
    """Fit the network to (N, S, S) training radiographs, none of them mirrored."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mirror = Mirror(chests.shape[-1])
        # Shrunk once: a step then costs little beside what it learns.
        with torch.no_grad():
            small = torch.cat(
                [mirror.shrink(to_batch(part)) for part in np.array_split(chests, 1 + len(chests) // 64)]
            )
        learner = Mirror(small.shape[-1]).train()
        optimizer = torch.optim.AdamW(learner.parameters(), lr=_RATE, weight_decay=0.01)
        steps = epochs * -(-len(small) // _BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(epochs):
            for rows in torch.split(torch.randperm(len(small), generator=generator), _BATCH):
                # As a picture is the logit should be low; of its mirror image it then is high by itself.
                loss = softplus(learner(augment(small[rows], generator, flip=0.0))).mean()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimizer.step()
                schedule.step()
    mirror.load_state_dict(learner.state_dict())
    return mirror.eval().requires_grad_(requires_grad=False)


def add_mirror(
    gate: Gate, folder: Path, *, train: Squares, validation: Squares, test: Squares, seed: int
) -> Gate:
    """Write mirror.onnx into a gate's folder, and return its limits and figures with those of the mirror.

    Args:
        train: (N, S, S) radiographs of each part, none of them mirrored; so the others.
    """
    mirror = fit_mirror(train, seed=seed)
    size = train.shape[-1]
    write_onnx(mirror, torch.rand(2, 1, size, size), folder / MIRROR, entry="images", outputs=[MIRRORED])
    generator = torch.Generator().manual_seed(seed)
    images = to_batch(validation)
    copies = [images, *(augment(images, generator, flip=0.0) for _ in range(_CHANGED_COPIES))]
    usual = np.concatenate([logits_of(mirror, copy) for copy in copies])
    limit = round(max(float(np.quantile(usual, 1.0 - _FALSE)), 1e-4), 4)
    found = logits_of(mirror, to_batch(test))
    return gate.model_copy(
        update={
            "mirrored_from": limit,
            "mirrored_caught": round(float((-found >= limit).mean()), 4),
            "mirrored_false": round(float((found >= limit).mean()), 4),
        }
    )


@torch.no_grad()
def logits_of(mirror: Mirror, images: Tensor) -> NDArray[np.float32]:
    """Run (N, 1, S, S) images, few at a time."""
    return torch.cat([mirror(part) for part in torch.split(images, _BATCH)]).numpy()


def _block(channels: int, width: int, *, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(width), nn.ReLU()
