"""A detector: a classifier that also says where, by boxes.

RetinaNet (Lin 2017, arXiv 1708.02002) as torchvision has it, on the last three feature maps of any of timm's
convolutional networks. It learns from `Batch.boxes`, by its own losses. As a classifier its logit of a label
is that of the surest box, so it is measured, exported and served as any other; `detect` gives the boxes.
"""

import math
from collections import OrderedDict
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from typing_extensions import override

from training.architectures.base import Batch, Classifier, Criterion, Output
from training.architectures.encoder import normalise_of, trunk

_GROUP: Final = 8
"""Channels of a group of the head's norms; the pyramid's width is a multiple of it."""
_LEVELS: Final = 5
_RATIOS: Final = (0.5, 1.0, 2.0)
_PRIOR: Final = 0.01
"""What each box begins with as its probability (section 4.1 of the paper)."""
_STRIDE: Final = 32


class _Pyramid(nn.Module):
    """Feature maps of `_LEVELS` sizes, each with `out_channels` channels."""

    def __init__(self, trunk: Any, width: int) -> None:  # noqa: ANN401  # timm has no types
        super().__init__()
        self.trunk = trunk
        channels = trunk.feature_info.channels()
        self.fpn = FeaturePyramidNetwork(channels, width, extra_blocks=LastLevelP6P7(width, width))
        self.out_channels = width

    @override
    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        maps = OrderedDict((str(level), one) for level, one in enumerate(self.trunk(images)))
        levels: OrderedDict[str, Tensor] = self.fpn(maps)
        return levels


class Detector(Classifier):
    """RetinaNet.

    Args:
        width: channels of the pyramid's maps, a multiple of 8.
        smallest: side in pixels of the smallest anchor.

    Raises:
        ValueError: the size is no multiple of 32, or the width none of 8.
    """

    def __init__(
        self,
        name: str,
        labels: int,
        *,
        start: str,
        size: int,
        options: dict[str, Any],
        width: int,
        smallest: float,
    ) -> None:
        super().__init__()
        if size % _STRIDE:
            message = f"data.size: {size} pixels; a detector needs a multiple of {_STRIDE}"
            raise ValueError(message)
        if width % _GROUP:
            message = f"model.options.width: {width} channels; a detector needs a multiple of {_GROUP}"
            raise ValueError(message)
        inside = {**options, "features_only": True, "out_indices": (-3, -2, -1)}
        encoder = trunk(name, start=start, size=size, options=inside)
        self.normalise = normalise_of(name, encoder)
        sizes = tuple(
            tuple(round(smallest * 2 ** (level + third / 3)) for third in range(3))
            for level in range(_LEVELS)
        )
        pyramid, anchors = _Pyramid(encoder, width), AnchorGenerator(sizes, (_RATIOS,) * _LEVELS)
        self.network = RetinaNet(
            pyramid,
            labels,
            # Norms in the head, as torchvision's second version has them: without, little is learnt at first.
            head=RetinaNetHead(
                width,
                anchors.num_anchors_per_location()[0],
                labels,
                norm_layer=partial(nn.GroupNorm, width // _GROUP),
            ),
            # The squares come as they shall be, and normalised.
            min_size=size,
            max_size=size,
            image_mean=[0.0],
            image_std=[1.0],
            anchor_generator=anchors,
            # FROC asks for up to eight false boxes an image: the unsure ones are wanted too.
            score_thresh=_PRIOR,
            detections_per_img=100,
        )

    @override
    def see(self, images: Tensor) -> Output:
        head = self.network.head.classification_head
        maps: list[Tensor] = []
        for level in self.network.backbone(self.normalise(images)).values():
            height, width = level.shape[2:]
            said = head([level]).reshape(-1, height, width, head.num_anchors, head.num_classes).amax(3)
            # The first level is the finest.
            finest = maps[0].shape[2:] if maps else (height, width)
            maps.append(interpolate(said.permute(0, 3, 1, 2), size=finest, mode="nearest"))
        surest = torch.stack(maps).amax(0)
        return Output(surest.amax((2, 3)), surest)

    @override
    def loss(self, batch: Batch, criterion: Criterion) -> Tensor:
        """Return the focal loss of the anchors and the error of the boxes; a criterion has no say in it."""
        if batch.boxes is None:
            message = "a detector learns from boxes: set data.boxes"
            raise ValueError(message)
        side = batch.images.shape[-1]
        targets = [{"labels": one[:, 0].long(), "boxes": one[:, 1:] * side} for one in batch.boxes]
        losses: dict[str, Tensor] = self.network(list(self.normalise(batch.images)), targets)
        return torch.stack(list(losses.values())).sum()

    @torch.no_grad()
    def detect(self, images: Tensor) -> list[Tensor]:
        """Return what is seen on each of (N, 1, S, S) images in [0, 1], the surest first, in evaluation mode.

        Returns:
            (n, 6) an image: which label, its probability, and left, top, right, bottom as fractions of S.
        """
        side = images.shape[-1]
        return [
            torch.cat([one["labels"][:, None], one["scores"][:, None], one["boxes"] / side], 1)
            for one in self.network(list(self.normalise(images)))
        ]

    @override
    def heads(self) -> list[nn.Module]:
        return [self.network.head, self.network.backbone.fpn]

    @override
    def reset_head(self) -> None:
        super().reset_head()
        bias = self.network.head.classification_head.cls_logits.bias
        nn.init.constant_(bias, -math.log((1.0 - _PRIOR) / _PRIOR))
