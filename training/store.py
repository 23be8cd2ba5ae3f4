"""The image store: squares of all images, memory-mapped, so that an epoch decodes nothing.

    open_store     records -> `ImageStore`, made where it is not there yet (squares.py says how)
    ImageStore     a torch `Dataset`: index -> (1, S, S) uint8; `fetch` gives a whole batch

Processes that read the same store share one copy in memory, the operating system's.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from typing_extensions import override

from training.datasets.base import Problem
from training.squares import SHARD, Root, problems_of, write_shards
from training.table import Record


class ImageStore(Dataset[Tensor]):
    """Squares of records, in their order.

    It holds paths and opened maps only; what a loader's worker gets of it, forked or spawned, is the paths.

    Attributes:
        size: side of the squares in pixels.
        readable: (N,) bool, False where the image could not be read: such a square is black.
        problems: those images with the reasons.
    """

    def __init__(self, shards: Sequence[Path], *, count: int, size: int) -> None:
        """Open shards that `write_shards` made of `count` images.

        Raises:
            ValueError: a shard is not what was written; the message names it.
        """
        self._shards = tuple(shards)
        self._count = count
        self.size = size
        self._maps: list[NDArray[np.uint8]] = []
        self._open()
        self.readable = np.ones(count, np.bool_)
        self.problems: list[Problem] = []
        for number, shard in enumerate(self._shards):
            for place, (name, reason) in problems_of(shard).items():
                self.readable[number * SHARD + place] = False
                self.problems.append(Problem(name, reason))

    def __len__(self) -> int:
        """Return how many images there are, those that could not be read among them."""
        return self._count

    @override
    def __getitem__(self, index: int) -> Tensor:
        """Return an image as (1, S, S) uint8: a view of the mapped file, so do not write into it.

        Raises:
            IndexError: there is no such image.
        """
        if not -self._count <= index < self._count:
            message = f"there is no image {index}; there are {self._count}"
            raise IndexError(message)
        number, place = divmod(index % self._count, SHARD)
        return torch.from_numpy(self._maps[number][place])[None]

    def fetch(self, indices: NDArray[np.int64] | Sequence[int]) -> Tensor:
        """Return images as (B, 1, S, S) uint8, in memory of their own.

        Raises:
            IndexError: one of the images is not there.
        """
        wanted = np.asarray(indices, np.int64)
        if np.any((wanted < 0) | (wanted >= self._count)):
            message = f"there are images 0 to {self._count - 1}, not {wanted.min()} to {wanted.max()}"
            raise IndexError(message)
        batch = torch.empty((len(wanted), 1, self.size, self.size), dtype=torch.uint8)
        rows = batch.numpy()
        numbers, places = np.divmod(wanted, SHARD)
        for row, number, place in zip(rows, numbers.tolist(), places.tolist(), strict=True):
            row[0] = self._maps[number][place]
        return batch

    @override
    def __getstate__(self) -> Mapping[str, Any]:
        """Leave the maps behind: pickled, they would be copied."""
        return self.__dict__ | {"_maps": []}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Open the maps anew."""
        self.__dict__.update(state)
        self._open()

    def _open(self) -> None:
        for number, shard in enumerate(self._shards):
            # "c": torch wants memory that may be written to; what is written stays in this process.
            squares = np.load(shard, mmap_mode="c", allow_pickle=False)
            images = min(SHARD, self._count - number * SHARD)
            if squares.shape != (images, self.size, self.size) or squares.dtype != np.uint8:
                message = f"{shard} holds {squares.dtype} {squares.shape}, not {images} squares: delete it"
                raise ValueError(message)
            self._maps.append(squares)


def open_store(
    records: Sequence[Record], root: Root, *, size: int, cache: Path, processes: int
) -> ImageStore:
    """Return the store of records, and make what is missing of it first, with a progress bar.

    Args:
        root: folder that the images are below, or one a data set.
        size: side of the squares in pixels.
        cache: folder that stores are kept in.
        processes: that decode.

    Raises:
        ValueError: no folder is given for a data set, or a shard is damaged.
        OSError: the cache cannot be written, or a disk fails.
    """
    shards = write_shards(records, root, size=size, cache=cache, processes=processes)
    return ImageStore(shards, count=len(records), size=size)
