"""From a recipe's `[model]` to its network."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from training.architectures.anatomy import Anatomy, lungs_of
from training.architectures.base import Classifier
from training.architectures.detector import Detector
from training.architectures.encoder import Encoder, SimpleEncoder
from training.architectures.lt_vit import LabelTokens
from training.architectures.pooled import LabelHeads, Linear, Multiclass, Transition
from training.architectures.unet import WIDTHS
from training.architectures.yao import Sequence
from training.recipe import Model

DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "simple_cnn": {"widths": [32, 64, 128, 256]},
    "densenet121": {"encoder": "densenet121.tv_in1k", "encoder_options": {}},
    "multiclass": {"encoder": "densenet121.tv_in1k", "encoder_options": {}},
    "chestxray8": {"encoder": "resnet50.tv_in1k", "encoder_options": {}, "width": 1024, "sharpness": 10.0},
    "yao2017": {"encoder": "densenet121", "encoder_options": {}, "width": 512},
    "swinchex": {
        "encoder": "swin_large_patch4_window7_224.ms_in22k",
        "encoder_options": {},
        "widths": [384, 48, 48],
    },
    "lt_vit": {"encoder": "vit_small_patch16_224.augreg_in21k_ft_in1k", "encoder_options": {}, "blocks": 4},
    "anatomy_xnet": {
        "encoder": "densenet121.tv_in1k",
        "encoder_options": {},
        "scales": 2,
        "lungs": "runs/lungs/unet.pt",
        "lung_widths": list(WIDTHS),
    },
    "detector": {"encoder": "resnet50.tv_in1k", "encoder_options": {}, "width": 256, "smallest": 16},
    "hugging_face": {"frozen": False},
    "chexzero": {},
    "encoder": {"encoder_options": {}, "frozen": False, "dropout": 0.0, "view_weight": 0.0},
}
"""Architecture -> its options and what they are when a recipe does not say.

"encoder:NAME", and each `encoder`, is one of timm's networks or of published.py's. A tag behind a point names
the weights that a paper started from, where they are not timm's default: "tv_in1k" are torchvision's first.
`frozen` is true for the whole encoder, or how many of its leading blocks stay as they are.
"""
_FROM_A_FOLDER: Final = frozenset({"hugging_face", "chexzero"})
"""Their configuration comes from where `start` points, even where their weights do not."""
_HEADS: Final[Mapping[str, Callable[[Encoder, int, Mapping[str, Any]], Classifier]]] = {
    "densenet121": lambda encoder, labels, _: Linear(encoder, labels),
    "multiclass": lambda encoder, labels, _: Multiclass(encoder, labels),
    "chestxray8": lambda encoder, labels, options: Transition(
        encoder, labels, width=options["width"], sharpness=options["sharpness"]
    ),
    "yao2017": lambda encoder, labels, options: Sequence(encoder, labels, width=options["width"]),
    "swinchex": lambda encoder, labels, options: LabelHeads(encoder, labels, widths=options["widths"]),
    "encoder": lambda encoder, labels, options: _linear(encoder, labels, **options),
}
"""What stands on an encoder's feature map and needs nothing else."""


def _linear(
    encoder: Encoder,
    labels: int,
    *,
    frozen: bool | int,
    dropout: float,
    view_weight: float,
    encoder_options: Mapping[str, Any],  # noqa: ARG001  # they are in the encoder already
) -> Linear:
    if frozen and frozen is not True:
        encoder.freeze(frozen)
    return Linear(encoder, labels, frozen=frozen is True, dropout=dropout, view_weight=view_weight)


def create(model: Model, labels: tuple[str, ...], *, size: int, pretrained: bool = True) -> Classifier:
    """Make a recipe's network for squares of `size` pixels.

    Args:
        pretrained: False where a checkpoint's weights follow, so that none are downloaded.

    Raises:
        ValueError: the architecture or an option is unknown, or the weights of `start` cannot be had.
    """
    family, _, name = model.architecture.partition(":")
    if family not in DEFAULTS or (family == "encoder") != bool(name):
        choices = ", ".join(sorted(DEFAULTS.keys() - {"encoder"}))
        message = f"there is no architecture {model.architecture}; choose one of {choices}, encoder:NAME"
        raise ValueError(message)
    unknown = model.options.keys() - DEFAULTS[family].keys()
    if unknown:
        message = f"{family} has no options {sorted(unknown)}; it has {sorted(DEFAULTS[family])}"
        raise ValueError(message)
    options = {**DEFAULTS[family], **model.options}
    if family in _FROM_A_FOLDER:
        return _from_folder(family, model.start, labels, size=size, weights=pretrained, options=options)
    start = model.start if pretrained else "scratch"
    count = len(labels)
    if family == "simple_cnn":
        if start != "scratch":
            message = f'simple_cnn has no trained weights: set model.start to "scratch", not "{start}"'
            raise ValueError(message)
        return Linear(SimpleEncoder(tuple(options["widths"])), count)
    network, inside = name or options["encoder"], options["encoder_options"]
    if family == "lt_vit":
        blocks = options["blocks"]
        return LabelTokens(network, count, start=start, size=size, blocks=blocks, options=inside)
    if family == "detector":
        of_boxes = {name: options[name] for name in ("width", "smallest")}
        return Detector(network, count, start=start, size=size, options=inside, **of_boxes)
    encoder = Encoder(network, start=start, size=size, options=inside)
    if family == "anatomy_xnet":
        lungs = lungs_of(options["lungs"], tuple(options["lung_widths"]), weights=pretrained)
        return Anatomy(encoder, count, lungs=lungs, scales=options["scales"])
    return _HEADS[family](encoder, count, options)


def _from_folder(
    family: str, start: str, labels: tuple[str, ...], *, size: int, weights: bool, options: Mapping[str, Any]
) -> Classifier:
    if start in ("imagenet", "scratch"):
        message = (
            f'{family} starts from a Hugging Face model: set model.start to its folder or id, not "{start}"'
        )
        raise ValueError(message)
    # Imported here: transformers takes seconds, which no other architecture needs.
    if family == "chexzero":
        from training.architectures.chexzero import ImageText  # noqa: PLC0415

        return ImageText(start, labels, size=size, weights=weights)
    from training.architectures.hugging_face import Tokens  # noqa: PLC0415

    return Tokens(start, len(labels), size=size, frozen=options["frozen"], weights=weights)
