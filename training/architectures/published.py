"""Encoders that were trained on chest radiographs, as their authors released them.

    PUBLISHED    a recipe's name for one -> the timm network that it is, its pixels' range, its file's names
    weights_of   such a file -> a state dict with timm's names

`model.start` is the authors' file; none is passed on with this package. Key names and pixel ranges were read
in the code that each entry names; the files themselves could not be had here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251  # only the error of a file that holds more than weights
from typing import Any, Final

import torch
from timm.layers.mlp import SwiGLUPacked
from timm.models.eva import checkpoint_filter_fn as eva_names
from timm.models.swin_transformer import checkpoint_filter_fn as swin_names
from timm.models.vision_transformer import checkpoint_filter_fn as vit_names
from torch import Tensor, nn

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Published:
    """One of them.

    Attributes:
        network: of timm.
        mean: of each input channel, of pixels in [0, 1].
        deviation: likewise.
        names: from the file's content to the network's names.
        source: repository and file where names and range were read, and where the weights are.
        options: of timm's network, where its own differ.
    """

    network: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    names: Callable[[Mapping[str, Any], nn.Module], Weights]
    source: str
    options: Mapping[str, Any] = field(default_factory=dict)


def weights_of(path: Path, published: Published, network: nn.Module) -> Weights:
    """Read the authors' file: the encoder's weights alone, by the network's names.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or holds more than weights.
    """
    try:
        with torch.serialization.safe_globals(_torchxrayvision_classes()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, EOFError) as error:
        reason = str(error).splitlines()[0]
        message = (
            f"{path} holds more than weights, and is not opened, since that could run any code: {reason}. If "
            "you trust its authors, write its state dict into a file of its own with torch.save"
        )
        raise ValueError(message) from error
    if isinstance(content, nn.Module):
        content = content.state_dict()
    try:
        return published.names(content, network)
    except (KeyError, AttributeError, RuntimeError) as error:
        message = f"{path} is no file of {published.source}: {type(error).__name__} {error}"
        raise ValueError(message) from error


def _torchxrayvision_classes() -> list[Any]:
    """Return what its DenseNets are made of: their files are whole modules, not state dicts."""
    from torchxrayvision import models  # noqa: PLC0415  # takes seconds, which no other start needs

    own = [models.DenseNet, models._DenseBlock, models._DenseLayer, models._Transition]  # noqa: SLF001
    layers = [nn.Sequential, nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.Linear]
    return [*own, *layers]


def _without(prefixes: tuple[str, ...], content: Mapping[str, Any], _: nn.Module) -> Weights:
    """Keep timm's own names, less the head's."""
    return {name: value for name, value in content.items() if not name.startswith(prefixes)}


def _ark(content: Mapping[str, Any], network: nn.Module) -> Weights:
    """Take the teacher; leave out its projector and its heads, one a data set."""
    teacher = {name.removeprefix("module."): value for name, value in content["teacher"].items()}
    kept = _without(("projector.", "omni_heads.", "head."), teacher, network)
    return dict(swin_names(kept, network))


def _eva_x(content: Mapping[str, Any], network: nn.Module) -> Weights:
    """Take the encoder of masked image modelling; its last norm stays one of each token."""
    named = _without(("head.", "lm_head."), eva_names(dict(content), network), network)
    return {name.replace("fc_norm.", "norm."): value for name, value in named.items()}


def _chexfound(content: Mapping[str, Any], network: nn.Module) -> Weights:
    """Take the teacher's backbone; blocks that were kept in chunks are counted through."""
    backbone = {
        re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", name.removeprefix("backbone.")): value
        for name, value in content["teacher"].items()
        if name.startswith("backbone.")
    }
    return dict(vit_names(backbone, network))


_XRV: Final = (0.5,), (1.0 / 2048.0,)
"""One channel between -1024 and 1024."""
_IMAGENET: Final = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_EVA_X_PIXELS: Final = (0.49185243,) * 3, (0.28509309,) * 3
_EVA_X_SOURCE: Final = (
    "hustvl/EVA-X (eva_x.py, classification/utils/datasets.py); weights: MapleF/eva_x on the Hugging Face Hub"
)
_EVA_X: Final = {
    "patch_size": 16,
    "ref_feat_shape": (14, 14),
    "global_pool": "token",  # so that the norm stands before the pooling, as in training with masks
}
_XRV_SOURCE: Final = (
    "mlmed/torchxrayvision (models.py, utils.py `normalize`); weights: its own download, below "
    "~/.torchxrayvision/models_data/"
)

PUBLISHED: Final[Mapping[str, Published]] = {
    "xrv_densenet121": Published(
        "densenet121",
        *_XRV,
        partial(_without, ("classifier.", "op_threshs")),
        _XRV_SOURCE,
        {"in_chans": 1},
    ),
    "xrv_resnet50": Published("resnet50", *_XRV, partial(_without, ("fc.",)), _XRV_SOURCE, {"in_chans": 1}),
    "ark_plus": Published(
        "swin_large_patch4_window12_384",
        *_IMAGENET,
        _ark,
        "jlianglab/Ark (Ark_Plus/Pretraining/models.py, Ark_Plus/Finetuning/models.py and dataloader.py); "
        "weights: on request, as its README says",
    ),
    "eva_x_tiny": Published("eva02_tiny_patch14_224", *_EVA_X_PIXELS, _eva_x, _EVA_X_SOURCE, _EVA_X),
    "eva_x_small": Published("eva02_small_patch14_224", *_EVA_X_PIXELS, _eva_x, _EVA_X_SOURCE, _EVA_X),
    "eva_x_base": Published("eva02_base_patch14_224", *_EVA_X_PIXELS, _eva_x, _EVA_X_SOURCE, _EVA_X),
    "chexfound": Published(
        "vit_large_patch16_224",
        *_IMAGENET,
        _chexfound,
        "RPIDIAL/CheXFound (config.yaml, models/vision_transformer.py; read in a copy of it, "
        "mohammad-kalbasi/CheXFound); weights: its README's link",
        {
            "reg_tokens": 4,
            "no_embed_class": True,
            "init_values": 1e-5,
            "act_layer": nn.SiLU,
            "mlp_layer": SwiGLUPacked,
            # DINOv2's SwiGLU: two thirds of 4 x 1024, up to the next 8, is 2,736, of which timm packs two.
            "mlp_ratio": 2 * 2736 / 1024,
        },
    ),
}
"""The sizes that they were trained with: 224 px and 512 (torchxrayvision), 768, 224 (EVA-X), 512."""
