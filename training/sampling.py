"""Which images an epoch sees, and in which order: by rarity of their labels, seeded, to be gone on with.

rarity           targets -> a weight an image
EpochSampler     weights -> indices; a torch `Sampler` whose place can be kept in a checkpoint
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler
from typing_extensions import override


def rarity(
    targets: NDArray[np.float32], known: NDArray[np.float32], *, exponent: float
) -> NDArray[np.float64]:
    """Return how often each image is to be drawn, on average 1.

    An image counts as its rarest label that is present; one without any, as the images without any. Its
    weight is (images / images like it) ** exponent: with 0 all weigh the same, with 1 a label that is alone
    on its images is drawn as often as any other.

    Args:
        targets: (N, L) in [0, 1]; a label is present from 0.5.
        known: (N, L); what is not known is not present.
        exponent: in [0, 1].

    Returns:
        (N,) above 0.
    """
    present = (targets >= 0.5) & (known > 0)
    present = np.concatenate([present, ~present.any(1, keepdims=True)], 1)
    counts = present.sum(0)
    rarest = np.where(present, counts, len(targets) + 1).min(1)
    weights = (len(targets) / rarest) ** exponent
    return np.asarray(weights / weights.mean(), np.float64)


class EpochSampler(Sampler[int]):
    """Draws as many images an epoch as there are, with repetition if the weights differ, else each once.

    Seed and number of the epoch alone decide the order, so a run that goes on in the middle of an epoch sees
    what it would have seen. Processes that train together share an order: each takes every `world`th image,
    and all take the same number, for which the last images of the order may be left out.

    A loader with workers asks for indices long before they are trained on. So the sampler cannot know its
    place; the trainer, which counts its steps, says it:

        sampler.start(epoch=3, taken=step_of_epoch * batch)

    Args:
        weights: (N,) above 0.
        rank: of this process.
        world: how many processes train together.

    Raises:
        ValueError: no weights, or one that is not above 0; or fewer images than processes.
    """

    def __init__(self, weights: NDArray[np.float64], *, seed: int, rank: int = 0, world: int = 1) -> None:
        if not len(weights) or not np.all(np.isfinite(weights) & (weights > 0)):
            message = "weights of images must be above 0 and finite, and at least one"
            raise ValueError(message)
        if len(weights) < world:
            message = f"{world} processes cannot share {len(weights)} images"
            raise ValueError(message)
        self._weights = torch.from_numpy(weights)
        self._seed, self._rank, self._world = seed, rank, world
        self._epoch, self._taken = 0, 0

    def __len__(self) -> int:
        """Return how many images this process sees from the place where it starts."""
        return len(self._weights) // self._world - self._taken

    @override
    def __iter__(self) -> Iterator[int]:
        """Give the indices of this process, from its place to the end of the epoch."""
        order = self._order()[self._rank :: self._world]
        return iter(order[self._taken : len(self._weights) // self._world].tolist())

    def start(self, *, epoch: int, taken: int = 0) -> None:
        """Go to a place; the next iteration starts there.

        Args:
            taken: images of the epoch that this process has trained on.

        Raises:
            ValueError: the epoch has not so many.
        """
        if epoch < 0 or not 0 <= taken <= len(self._weights) // self._world:
            message = f"there is no image {taken} of epoch {epoch}; an epoch has {len(self._weights)} images"
            raise ValueError(message)
        self._epoch, self._taken = epoch, taken

    def state_dict(self, *, taken: int) -> dict[str, int]:
        """Return what `load_state_dict` needs to go on behind `taken` images of this epoch."""
        return {"epoch": self._epoch, "taken": taken, "seed": self._seed, "images": len(self._weights)}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go to the place of a state.

        Raises:
            ValueError: it is of another seed, or of another number of images.
        """
        if (state["seed"], state["images"]) != (self._seed, len(self._weights)):
            message = (
                f"the checkpoint was made with seed {state['seed']} and {state['images']} images, this run "
                f"has seed {self._seed} and {len(self._weights)}: it cannot go on from it"
            )
            raise ValueError(message)
        self.start(epoch=state["epoch"], taken=state["taken"])

    def _order(self) -> torch.Tensor:
        generator = torch.Generator().manual_seed(
            int(np.random.SeedSequence([self._seed, self._epoch]).generate_state(1)[0])
        )
        count = len(self._weights)
        if torch.all(self._weights == self._weights[0]):
            return torch.randperm(count, generator=generator)
        # Not torch.multinomial, which takes no more than 2**24 weights.
        ends = self._weights.cumsum(0)
        drawn = torch.rand(count, generator=generator, dtype=torch.float64) * ends[-1]
        return torch.searchsorted(ends, drawn, right=True).clamp(max=count - 1)
