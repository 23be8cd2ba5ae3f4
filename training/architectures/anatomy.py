"""Attention to lungs and heart, at several depths of a DenseNet (Anatomy-XNet, arXiv 2106.05915).

image -> U-Net -> lungs, heart between them
image -> encoder -> the last feature maps, each: attention to lungs and heart -> weighted mean -> linear layer

The paper's equations and code could not be had. The attention follows the code of the same group's later
network (ThoraX-PriorNet, rafizunaed/PriorAttentionNetCXR, `MaskedAttention`): a channel gate, made from
the features with and without the mask, mixes the two.
"""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu
from typing_extensions import override

from training.architectures import unet
from training.architectures.base import Batch, Classifier, Criterion, Output
from training.architectures.encoder import Encoder


class OrganAttention(nn.Module):
    """Mixes features with themselves inside an organ, channel by channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(4))
        self.mix = nn.Conv2d(channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels)

    @override
    def forward(self, features: Tensor, organ: Tensor) -> Tensor:
        """Return (N, C, h, w) for features like it and an (N, 1, h, w) mask in [0, 1]."""
        inside = features * organ
        pooled = [
            reduced
            for seen in (features, inside)
            for reduced in (seen.mean((2, 3), keepdim=True), seen.amax((2, 3), keepdim=True))
        ]
        gated = [leaky_relu(gate(part), 0.2) for gate, part in zip(self.gate, pooled, strict=True)]
        share = torch.sigmoid(self.mix(torch.stack(gated).sum(0)))
        mixed: Tensor = self.norm(share * inside + (1.0 - share) * features)
        return mixed


class WeightedPool(nn.Module):
    """Mean of a feature map, each cell weighted by a learnt probability that it matters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.probability = nn.Conv2d(channels, 1, 1)

    @override
    def forward(self, features: Tensor) -> Tensor:
        """Return the features, each cell by its weight; the weights' mean is 1."""
        weights = torch.sigmoid(self.probability(features))
        return features * (weights / weights.mean((2, 3), keepdim=True))


class Anatomy(Classifier):
    """An encoder whose last `scales` feature maps are looked at organ by organ.

    Args:
        lungs: outlines the lungs; it is not trained here.
    """

    def __init__(self, encoder: Encoder, labels: int, *, lungs: unet.UNet, scales: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.lungs = lungs.requires_grad_(requires_grad=False)
        depths = [int(level["num_chs"]) for level in encoder.trunk.feature_info]
        if not 1 <= scales <= len(depths):
            message = f"scales must lie between 1 and {len(depths)}, got {scales}"
            raise ValueError(message)
        self.channels = depths[-scales:]
        self.lung_attention = nn.ModuleList(OrganAttention(channels) for channels in self.channels)
        self.heart_attention = nn.ModuleList(OrganAttention(channels) for channels in self.channels)
        self.pools = nn.ModuleList(WeightedPool(2 * channels) for channels in self.channels)
        self.linear = nn.Linear(2 * sum(self.channels), labels)

    @override
    def heads(self) -> list[nn.Module]:
        return [self.lung_attention, self.heart_attention, self.pools, self.linear]

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.lungs.eval()
        return self

    def outline(self, images: Tensor, given: Tensor | None = None) -> Tensor:
        """Return (N, 2, s, s) masks of lungs and heart.

        Args:
            given: (N, 2, S, S) masks; where one of an image is empty, it is made: the lungs by the U-Net,
                the heart as what lies between the lungs.
        """
        small = interpolate(images, (unet.SIDE, unet.SIDE), mode="bilinear", antialias=False)
        lungs = torch.sigmoid(self.lungs(small))
        if given is None:
            return torch.cat([lungs, unet.heart_of(lungs)], 1)
        told = interpolate(given, (unet.SIDE, unet.SIDE), mode="bilinear", antialias=False)
        there = told.amax((2, 3), keepdim=True) > 0.0
        lungs = torch.where(there[:, :1], told[:, :1], lungs)
        return torch.cat([lungs, torch.where(there[:, 1:], told[:, 1:], unet.heart_of(lungs))], 1)

    def _classify(self, images: Tensor, masks: Tensor) -> Output:
        features = self.encoder.trunk.forward_intermediates(
            self.encoder.normalise(images), indices=len(self.channels), norm=True, intermediates_only=True
        )
        finest = features[0].shape[2:]
        means: list[Tensor] = []
        maps: list[Tensor] = []
        weights = torch.split(self.linear.weight, [2 * channels for channels in self.channels], 1)
        for scale, (seen, weight) in enumerate(zip(features, weights, strict=True)):
            organs = interpolate(masks, seen.shape[2:], mode="bilinear", antialias=False)
            lung = self.lung_attention[scale](seen, organs[:, :1])
            heart = self.heart_attention[scale](seen, organs[:, 1:])
            weighted = self.pools[scale](torch.cat([lung, heart], 1))
            means.append(weighted.mean((2, 3)))
            maps.append(interpolate(torch.einsum("nchw,lc->nlhw", weighted, weight), finest))
        return Output(self.linear(torch.cat(means, 1)), torch.stack(maps).sum(0))

    @override
    def see(self, images: Tensor) -> Output:
        return self._classify(images, self.outline(images))

    @override
    def loss(self, batch: Batch, criterion: Criterion) -> Tensor:
        """Return the criterion's loss, with the batch's masks where it has some."""
        logits, _ = self._classify(batch.images, self.outline(batch.images, batch.masks))
        return criterion(logits, batch.targets, batch.known)


def lungs_of(path: str, widths: tuple[int, ...], *, weights: bool) -> unet.UNet:
    """Return the U-Net in a file, or a fresh one of these widths where a checkpoint's weights follow.

    Raises:
        ValueError: the file holds no U-Net, or one of other widths.
    """
    if not weights:
        return unet.UNet(widths)
    network = unet.load(Path(path))
    if network.widths != widths:
        message = f"{path} has the widths {list(network.widths)}: set model.options.lung_widths to these"
        raise ValueError(message)
    return network
