"""Which images a step trains on, and how they are changed.

All that is random hangs on (seed, epoch, step, rank) alone: a run that goes on in the middle of an epoch
draws what it would have drawn, so nothing about a generator's state has to be kept.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from typing_extensions import override

from training import photographs
from training.augment import augment, mix, moves
from training.boxes import moved
from training.policies import Targets
from training.recipe import Augmentation, RecipeError
from training.sampling import EpochSampler
from training.store import ImageStore

Organs = Callable[[Sequence[int]], Tensor]
"""Numbers of images -> (N, 2, S, S) uint8 masks of lungs and heart."""


class Step(NamedTuple):
    """Images and what they are taught as: a `training.architectures.base.Batch` that PyTorch can pass on.

    Attributes:
        images: (N, 1, S, S) float32 in [0, 1].
        targets: (N, L) float32.
        known: (N, L) float32: 0, or how much the target counts.
        uncertain: (N, L) float32.
        texts: N impressions, or None.
        masks: (N, 2, S, S) float32 of lungs and heart, or None.
        ap: (N,) float32, NaN where nothing is known of the view.
        offsets: (N, L) float32 that the logits get before the loss.
        boxes: of N images, each (n, 5) as `training.boxes.placed` gives them, or None.
    """

    images: Tensor
    targets: Tensor
    known: Tensor
    uncertain: Tensor
    texts: tuple[str, ...] | None
    masks: Tensor | None
    ap: Tensor
    offsets: Tensor
    boxes: tuple[Tensor, ...] | None


class Rows(Dataset[tuple[Tensor, list[int]]]):
    """Squares of some images of a store, a batch at a time, with their numbers among these images.

    Args:
        rows: of the store.
    """

    def __init__(self, store: ImageStore, rows: NDArray[np.int64]) -> None:
        self._store = store
        self._rows = rows

    @override
    def __getitem__(self, index: int) -> tuple[Tensor, list[int]]:
        """Return one image as a batch."""
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, list[int]]:
        """Return (B, 1, S, S) uint8 and the indices; torch's `DataLoader` calls it where it is there."""
        return self._store.fetch(self._rows[indices]), indices


class Batches(Sampler[list[int]]):
    """An epoch in batches; one that is not full is left out, unless it is the only one.

    Batch norm cannot learn from a single image, and which images are left out changes with each epoch.
    """

    def __init__(self, sampler: EpochSampler, size: int) -> None:
        self._sampler = sampler
        self._size = size

    def __len__(self) -> int:
        """Return how many batches there are from the sampler's place on."""
        return max(len(self._sampler) // self._size, min(1, len(self._sampler)))

    @override
    def __iter__(self) -> Iterator[list[int]]:
        """Give the indices of each batch."""
        indices = list(self._sampler)
        for number in range(max(len(indices) // self._size, min(1, len(indices)))):
            yield indices[number * self._size : (number + 1) * self._size]


def share_of(batch: int, devices: int) -> int:
    """Return how many images of a step each device has.

    Raises:
        RecipeError: they cannot be shared evenly.
    """
    if batch % devices:
        message = f"run.batch: {batch} images a step cannot be shared evenly by {devices} devices"
        raise RecipeError(message)
    return batch // devices


def batches_of(
    rows: Rows, sampler: Sampler[list[int]] | list[list[int]], *, workers: int
) -> DataLoader[tuple[Tensor, list[int]]]:
    """Return a loader of (squares, indices) in the sampler's order, `workers` processes ahead."""
    return DataLoader(rows, batch_sampler=sampler, num_workers=workers, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:  # noqa: ANN401  # what `Rows` gave: squares and indices
    return batch


def seed_of(*parts: int) -> int:
    """Return a seed that hangs on all of the parts."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def make_step(
    squares: Tensor,
    taught: Targets,
    indices: Sequence[int],
    *,
    augmentation: Augmentation,
    seed: int,
    device: torch.device,
    texts: Sequence[str] | None = None,
    organs: Organs | None = None,
    boxes: Sequence[Tensor] | None = None,
) -> Step:
    """Change (N, 1, S, S) uint8 squares by chance, and put what they are taught as beside them.

    Under mixup all that is said of two images is blended as they are; where either is not known, neither
    counts.

    Args:
        taught: of all images; `indices` says which of them these are.
        seed: of `seed_of`, another one for each step.
    """
    generator = Generator().manual_seed(seed)
    targets, known, uncertain, ap, offsets = (
        torch.from_numpy(part[list(indices)]).to(device)
        for part in (taught.targets, taught.known, taught.uncertain, taught.ap, taught.offsets)
    )
    change = partial(
        augment,
        flip=augmentation.flip,
        degrees=augmentation.degrees,
        zoom=augmentation.zoom,
        shift=augmentation.shift,
        blurred=augmentation.blur,
    )
    images = change(squares.to(device).float() / 255.0, generator, exposure=augmentation.exposure)
    if augmentation.of_photographs:
        images = photographs.change(
            images,
            seed=seed,
            crop=augmentation.crop,
            rand_augment=augmentation.rand_augment,
            erase=augmentation.erase,
        )
    masks = places = None
    # A move is what is drawn first: the same seed moves masks and boxes as it moved the images.
    again = Generator().manual_seed(seed)
    if organs is not None:
        masks = change(organs(indices).to(device).float(), again, exposure=False, blurred=0.0).round()
    if boxes is not None:
        matrices = moves(
            len(indices),
            again,
            flip=augmentation.flip,
            degrees=augmentation.degrees,
            zoom=augmentation.zoom,
            shift=augmentation.shift,
        )
        places = tuple(moved(boxes[i], one).to(device) for i, one in zip(indices, matrices, strict=True))
    if augmentation.mixup:
        labels = targets.shape[1]
        unknown = (known == 0.0).float()
        images, mixed = mix(
            images,
            torch.cat([targets, known, unknown, uncertain, ap[:, None], offsets], 1),
            generator,
            alpha=augmentation.mixup,
        )
        targets, known, unknown, uncertain, views, offsets = torch.split(mixed, [*[labels] * 4, 1, labels], 1)
        known, uncertain, ap = known * (unknown == 0.0), (uncertain > 0.0).float(), views[:, 0]
    said = None if texts is None else tuple(texts[i] for i in indices)
    return Step(images, targets, known, uncertain, said, masks, ap, offsets, places)
