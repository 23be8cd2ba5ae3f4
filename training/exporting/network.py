"""The networks that a run has trained, as one: what is exported."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from typing_extensions import override

from training.architectures.base import Classifier
from training.architectures.encoder import Encoder
from training.architectures.pooled import Linear
from training.architectures.registry import create
from training.exporting.graph import ExportError
from training.fitting.run_folder import read_weights
from training.recipe import Recipe


def rounded(images: Tensor) -> Tensor:
    """Round pixels in [0, 1] to 8 bits.

    Training kept its squares so, and networks are sensitive to half a gray level: rounded in the graph as
    well, one file means one answer everywhere.
    """
    return torch.round(images * 255.0) / 255.0


class Members(nn.Module):
    """An ensemble: the logit of the mean probability, and the mean of the maps."""

    def __init__(self, members: Sequence[Classifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, L) logits and (N, L, h, w) maps of (N, 1, S, S) images in [0, 1]."""
        said = [member(rounded(images)) for member in self.members]
        if len(said) == 1:
            return said[0].logits, said[0].maps
        logits = torch.stack([one.logits for one in said])
        # log(mean p) - log(mean (1 - p)), which stays finite where float32 rounds p to 1.
        answer = torch.logsumexp(logsigmoid(logits), 0) - torch.logsumexp(logsigmoid(-logits), 0)
        return answer, torch.stack([one.maps for one in said]).mean(0)


class WithEmbedding(nn.Module):
    """One network that also offers what a gate reads."""

    def __init__(self, network: Linear) -> None:
        super().__init__()
        self.network = network

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (N, L) logits, (N, L, h, w) maps and (N, D) embeddings of (N, 1, S, S) images in [0, 1]."""
        said, description = self.network.see_and_describe(rounded(images))
        return said.logits, said.maps, description


def network_of(folder: Path, recipe: Recipe, labels: Sequence[str], files: Sequence[str]) -> nn.Module:
    """Read the networks of a run as the one that is exported, in evaluation mode.

    Args:
        files: of the weights, below `folder`.

    Raises:
        ExportError: the recipe offers an embedding that no one network of it has.
        ValueError: the recipe's architecture cannot be made.
        OSError: a file cannot be read.
    """
    members = [read_member(folder / file, recipe, labels) for file in files]
    if not recipe.card.embedding:
        return Members(members).eval()
    (one, *others) = members
    if others or not (isinstance(one, Linear) and isinstance(one.encoder, Encoder)):
        message = (
            'card.embedding: only one network of the architecture "encoder:NAME" offers one; set '
            'ensemble.mean to "weights", or leave it out'
        )
        raise ExportError(message)
    return WithEmbedding(one).eval()


def read_member(file: Path, recipe: Recipe, labels: Sequence[str]) -> Classifier:
    """Read one network of a run, in evaluation mode; nothing of it is trained any more.

    Raises:
        ValueError: the recipe's architecture cannot be made.
        OSError: the file cannot be read.
    """
    network = create(recipe.model, tuple(labels), size=recipe.data.size, pretrained=False)
    read_weights(file, network)
    return network.eval().requires_grad_(requires_grad=False)
