"""The networks that a run has trained, as one: what is exported."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from typing_extensions import override

from training.architectures.base import Classifier
from training.architectures.registry import create
from training.fitting.run_folder import read_weights
from training.recipe import Recipe


class Members(nn.Module):
    """An ensemble: the logit of the mean probability, and the mean of the maps."""

    def __init__(self, members: Sequence[Classifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, L) logits and (N, L, h, w) maps of (N, 1, S, S) images in [0, 1]."""
        # Training kept its squares in 8 bits: rounded here as well, one file means one answer everywhere.
        squares = torch.round(images * 255.0) / 255.0
        said = [member(squares) for member in self.members]
        if len(said) == 1:
            return said[0].logits, said[0].maps
        logits = torch.stack([one.logits for one in said])
        # log(mean p) - log(mean (1 - p)), which stays finite where float32 rounds p to 1.
        answer = torch.logsumexp(logsigmoid(logits), 0) - torch.logsumexp(logsigmoid(-logits), 0)
        return answer, torch.stack([one.maps for one in said]).mean(0)


def members_of(folder: Path, recipe: Recipe, labels: Sequence[str], files: Sequence[str]) -> Members:
    """Read the networks of a run.

    Args:
        files: of the weights, below `folder`.

    Raises:
        ValueError: the recipe's architecture cannot be made.
        OSError: a file cannot be read.
    """
    members = []
    for file in files:
        network = create(recipe.model, tuple(labels), size=recipe.data.size, pretrained=False)
        read_weights(folder / file, network)
        members.append(network)
    return Members(members).eval().requires_grad_(requires_grad=False)
