"""What a detector is taught: the boxes of a record on the square that a network sees.

    told_where    whether a record says of every label that it is absent, or where it is
    placed        record -> (n, 5): which label, left, top, right, bottom, in fractions of the square's side
    unplaced      fractions of the square's side -> fractions of the image's width and height
    moved         the boxes of an image that was moved (training/augment.py)

The square is `shared.imaging.model_input`'s: the image in its middle, its longer side the square's.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.dicom.checks import check_header
from training.table import Record, State
from worker_cnn.decoding import MAX_PIXELS

_LEAST: Final = 1e-3
"""Of the square's side: a box of which less is left in the image, either way, is none."""


def told_where(record: Record, labels: Sequence[str]) -> bool:
    """Return whether each label is absent, or present with a box.

    An image on which a label is present without a box, uncertain, or not labelled would teach a detector that
    there is nothing where there may be something.
    """
    outlined = {box.name for box in record.boxes}
    return all(
        record.labels.get(label) == (State.PRESENT if label in outlined else State.ABSENT) for label in labels
    )


def size_of(path: Path) -> tuple[int, int]:
    """Return rows and columns of an image as it is shown, from its header.

    Raises:
        BadInputError: it is no image that the worker reads.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        header = check_header(file, name=path.name, max_pixels=MAX_PIXELS)
    return header.rows, header.columns


def placed(record: Record, labels: Sequence[str], *, rows: int, columns: int) -> Tensor:
    """Return (n, 5) float32 of the boxes of `labels`, whose places there are the first column.

    Args:
        rows: of the image; only its form counts.
        columns: likewise.
    """
    across, down = _margins(rows, columns)
    boxes = [
        (
            labels.index(box.name),
            *(across + (1.0 - 2.0 * across) * box.left, down + (1.0 - 2.0 * down) * box.top),
            *(across + (1.0 - 2.0 * across) * box.right, down + (1.0 - 2.0 * down) * box.bottom),
        )
        for box in record.boxes
        if box.name in labels
    ]
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 5)


def unplaced(points: NDArray[np.float32], *, rows: int, columns: int) -> NDArray[np.float32]:
    """Return (n, 2) points (x, y) of the square as fractions of the image: outside [0, 1] beside it."""
    margins = np.array(_margins(rows, columns), np.float32)
    return (points - margins) / (1.0 - 2.0 * margins)


def moved(boxes: Tensor, matrix: Tensor) -> Tensor:
    """Return (m, 5): the boxes around what the moved boxes have become; those that left the square are out.

    Args:
        boxes: (n, 5) as `placed` gives them.
        matrix: (2, 3) as `training.augment.moves` gives it: where each point of the new image comes from, the
            square reaching from -1 to 1.
    """
    corners = torch.stack([boxes[:, [x, y]] for x, y in product((1, 3), (2, 4))], 1) * 2.0 - 1.0
    went = (corners - matrix[:, 2]) @ torch.linalg.inv(matrix[:, :2]).T
    around = torch.cat([went.amin(1), went.amax(1)], 1)
    inside = (around / 2.0 + 0.5).clamp(0.0, 1.0)
    left = ((inside[:, 2:] - inside[:, :2]) > _LEAST).all(1)
    return torch.cat([boxes[:, :1], inside], 1)[left]


def _margins(rows: int, columns: int) -> tuple[float, float]:
    """Return how much of the square's side lies left of the image, and above it."""
    longer = max(rows, columns)
    return (1.0 - columns / longer) / 2.0, (1.0 - rows / longer) / 2.0
