"""Lungs and heart of a record, as the classifier's square sees them: for `Batch.masks`.

Masks belong to a record of the unified table (`Record.masks`) under the names below; where there are none, an
architecture that wants some outlines the organs itself (architectures/anatomy.py).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.imaging import model_input
from training.table import Mask, Record

ORGANS: Final = (("lungs", "lung", "left lung", "right lung"), ("heart",))
"""Names of masks that show lungs, and heart, in any case; masks of one organ are put together."""


def organs_of(record: Record, size: int) -> NDArray[np.uint8]:
    """Return (2, size, size) masks of lungs and heart, 0 or 1; all 0 where the record has none.

    Raises:
        ValueError: a mask's runs do not fill its image; the message names the image.
    """
    organs = np.zeros((2, size, size), np.uint8)
    for place, names in enumerate(ORGANS):
        for mask in record.masks:
            if mask.name.casefold() in names:
                organs[place] |= _square(mask, size, record.image)
    return organs


def pixels_of(mask: Mask, image: str) -> NDArray[np.float32]:
    """Return (rows, columns) 0 or 1.

    Raises:
        ValueError: the mask's runs do not fill its image; the message names the image.
    """
    if sum(mask.counts) != mask.rows * mask.columns:
        message = (
            f"{image}: the mask {mask.name} has {sum(mask.counts)} pixels, not {mask.rows} x {mask.columns}"
        )
        raise ValueError(message)
    runs = np.repeat(np.arange(len(mask.counts)) % 2, mask.counts)
    return runs.reshape(mask.columns, mask.rows).T.astype(np.float32)


def _square(mask: Mask, size: int, image: str) -> NDArray[np.uint8]:
    square: NDArray[np.uint8] = (model_input(pixels_of(mask, image), size) > 0.5).astype(np.uint8)
    return square
