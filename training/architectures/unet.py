"""A small U-Net (Ronneberger 2015, arXiv 1505.04597) of the lungs; `training.train_lungs` trains it.

UNet          gray squares -> logits of lung, pixel by pixel
save, load    its file: side of its squares, widths, weights
heart_of      lungs -> what lies between them
"""

from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251  # only the error of a file that is no checkpoint
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d
from typing_extensions import override

SIDE: Final = 128
"""Side in pixels of the squares that it looks at: lungs need no detail, and an attention map has 14 cells."""
WIDTHS: Final = (8, 16, 32, 64, 128)


class UNet(nn.Module):
    """Convolutions down and up again, each level's features handed across.

    Args:
        widths: channels of each level, the finest first; a side must divide by 2 ** (levels - 1).
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.widths = tuple(widths)
        before = (1, *self.widths)
        self.down = nn.ModuleList(_level(a, b) for a, b in zip(before, self.widths, strict=False))
        # From the coarsest up: what comes from below beside what was handed across.
        pairs = list(zip(self.widths, self.widths[1:], strict=False))[::-1]
        self.up = nn.ModuleList(_level(fine + coarse, fine) for fine, coarse in pairs)
        self.out = nn.Conv2d(self.widths[0], 1, 1)

    @override
    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 1, S, S) logits for (N, 1, S, S) images in [0, 1]."""
        features = images * 2.0 - 1.0
        levels: list[Tensor] = []
        for level in self.down:
            features = level(max_pool2d(features, 2) if levels else features)
            levels.append(features)
        for level, across in zip(self.up, levels[-2::-1], strict=True):
            larger = interpolate(features, scale_factor=2.0, mode="bilinear")
            features = level(torch.cat([across, larger], 1))
        logits: Tensor = self.out(features)
        return logits


def heart_of(lungs: Tensor) -> Tensor:
    """Return (N, 1, S, S), 1 between the lungs and 0 elsewhere: heart, great vessels and spine.

    Args:
        lungs: (N, 1, S, S) in [0, 1]; more than a half is lung.
    """
    lung = (lungs > 0.5).to(lungs)
    # Along each row: is there lung to the left, and to the right.
    left = torch.cumsum(lung, 3).clamp(max=1.0)
    right = torch.cumsum(lung.flip(3), 3).flip(3).clamp(max=1.0)
    return left * right * (1.0 - lung)


def save(path: Path, network: UNet) -> None:
    """Write a network, at its end under its name, so that it is never half a file."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    torch.save({"widths": list(network.widths), "network": network.state_dict()}, unfinished)
    unfinished.replace(path)


def load(path: Path) -> UNet:
    """Read a network that `save` wrote.

    Raises:
        ValueError: there is none; the message says how one is made.
    """
    try:
        said = torch.load(path, map_location="cpu", weights_only=True)
        network = UNet(said["widths"])
        network.load_state_dict(said["network"])
    except (OSError, RuntimeError, KeyError, TypeError, UnpicklingError) as error:
        message = (
            f"{path} is no U-Net of the lungs: {error}. Make one (its weights may not be passed on): "
            f"python -m training.train_lungs --images DIR --csv FILE --out {path}"
        )
        raise ValueError(message) from error
    return network


def _level(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)
