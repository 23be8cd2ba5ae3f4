"""Label tokens beside the image tokens of a Vision Transformer (LT-ViT, arXiv 2311.07263)."""

from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from training.architectures.base import Classifier, Output
from training.architectures.encoder import normalise_of, trunk


class LabelTokens(Classifier):
    """One learnt token a label, which reads the image tokens in the last blocks; they do not read it.

    Args:
        blocks: how many of the last blocks the label tokens pass through.
    """

    def __init__(  # the network's whole description
        self, name: str, labels: int, *, start: str, size: int, blocks: int, options: dict[str, Any]
    ) -> None:
        super().__init__()
        self.trunk = trunk(name, start=start, size=size, options=options)
        self.normalise = normalise_of(name, self.trunk)
        if not 1 <= blocks <= len(self.trunk.blocks):
            message = f"blocks must lie between 1 and {len(self.trunk.blocks)}, got {blocks}"
            raise ValueError(message)
        self.first = len(self.trunk.blocks) - blocks
        width = int(self.trunk.num_features)
        self.tokens = nn.Embedding(labels, width)
        self.out = nn.Linear(width, 1)

    @override
    def heads(self) -> list[nn.Module]:
        return [self.tokens, self.out]

    @override
    def see(self, images: Tensor) -> Output:
        vit = self.trunk
        image = vit.norm_pre(vit._pos_embed(vit.patch_embed(self.normalise(images))))  # noqa: SLF001
        tokens = self.tokens.weight[None].expand(image.shape[0], -1, -1)
        attention = tokens
        for index, block in enumerate(vit.blocks):
            if index >= self.first:
                tokens, attention = _read(block, tokens, image)
            image = block(image)
        patches = attention[:, :, vit.num_prefix_tokens :]
        side = int(patches.shape[2] ** 0.5)
        maps = patches.reshape(*patches.shape[:2], side, side)
        return Output(self.out(vit.norm(tokens))[:, :, 0], maps)


def _read(block: Any, tokens: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401  # timm has no types
    """Pass (N, L, C) label tokens through a block: they attend the (N, T, C) image tokens and each other.

    Returns:
        The tokens, and their (N, L, T) attention to the image tokens, the mean over the heads.
    """
    heads = block.attn.num_heads
    normed = block.norm1(torch.cat([tokens, image], 1))
    query, key, value = (
        part.unflatten(2, (heads, -1)).transpose(1, 2) for part in block.attn.qkv(normed).chunk(3, 2)
    )
    labels = tokens.shape[1]
    attention = torch.softmax((query[:, :, :labels] @ key.transpose(2, 3)) * block.attn.scale, 3)
    tokens = tokens + block.attn.proj((attention @ value).transpose(1, 2).flatten(2))
    return tokens + block.mlp(block.norm2(tokens)), attention[:, :, :, labels:].mean(1)
