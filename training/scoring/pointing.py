"""How well the maps of a bundle point at what people outlined: the pointing game, and the overlap.

    outlined     record, label -> where the label was outlined, on the pixels of a map
    pointed      a map, that -> `Pointed`: hit or miss, overlap, chance
    figures      many of them -> `Pointing`, with intervals by a bootstrap over patients

Hit: the map's maximum lies in a box or mask of its label (the pointing game of Zhang 2016, arXiv 1608.00507,
and CheXlocalize's hit rate). Overlap: intersection over union of the outlines and the map above Otsu's
threshold (CheXlocalize's mIoU). Checked against `eval.py` and `heatmap_to_segmentation.py` of
rajpurkarlab/cheXlocalize, but for this: where nothing speaks for a label the map is empty, which is a miss
with an overlap of 0 here, and left out there. Chance: how often a point that is drawn at random would hit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.bundles import Interval
from training.metrics import interval
from training.organs import pixels_of
from training.table import Record
from worker_cnn.heatmaps import Map

SIDE: Final = 512
"""Longer side in pixels of what maps and outlines are compared on."""


@dataclass(frozen=True, slots=True)
class Pointed:
    """What a map says of one label that was outlined on one image.

    Attributes:
        called: whether the bundle calls the label present.
        overlap: in [0, 1].
        chance: share of the image that is outlined.
    """

    label: str
    image: str
    patient: str
    called: bool
    hit: bool
    overlap: float
    chance: float


@dataclass(frozen=True, slots=True)
class Pointing:
    """The figures of one label, or of all.

    Attributes:
        images: on which it was outlined; `called` of them the bundle calls present.
        hits: share of the images, and of those that are called (None without any).
        overlap: mean.
        chance: mean.
    """

    images: int
    called: int
    hits: Interval
    hits_called: Interval | None
    overlap: Interval
    chance: float


def outlined(record: Record, label: str, *, rows: int, columns: int) -> NDArray[np.bool_] | None:
    """Return (rows, columns), true where boxes or masks of a label are; None where there are none.

    A box is at least the pixel that it lies in.

    Raises:
        ValueError: the runs of a mask do not fill its image.
    """
    shown = np.zeros((rows, columns), np.bool_)
    for box in record.boxes:
        if box.name == label and box.outline:
            corners = np.rint(np.array(box.outline) * (columns, rows) - 0.5).astype(np.int32)
            shown |= cv2.fillPoly(np.zeros((rows, columns), np.uint8), [corners], (1,)) > 0
        elif box.name == label:
            top, left = int(box.top * rows), int(box.left * columns)
            bottom, right = int(np.ceil(box.bottom * rows)), int(np.ceil(box.right * columns))
            shown[top : max(bottom, top + 1), left : max(right, left + 1)] = True
    for mask in record.masks:
        if mask.name == label:
            pixels = pixels_of(mask, record.image)
            shown |= np.asarray(cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)) > 0.0
    return shown if shown.any() else None


def grid(rows: int, columns: int) -> tuple[int, int]:
    """Return rows and columns of what an image of this form is compared on."""
    scale = SIDE / max(rows, columns)
    return max(1, round(rows * scale)), max(1, round(columns * scale))


def pointed(heat: Map, shown: NDArray[np.bool_]) -> tuple[bool, float]:
    """Return whether a map's maximum is in what is outlined, and their overlap.

    Args:
        heat: (y, x) in [0, 1], of any size; all 0 where nothing speaks for the label.
        shown: (rows, columns) of the same image.
    """
    if heat.max() <= 0.0:
        return False, 0.0
    rows, columns = shown.shape
    large = np.clip(cv2.resize(heat, (columns, rows), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)
    levels = np.rint(large * 255.0).astype(np.uint8)
    _, binary = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    hot = np.asarray(binary) > 0
    hit = bool(shown[np.unravel_index(int(np.argmax(large)), shown.shape)])
    return hit, float((hot & shown).sum() / (hot | shown).sum())


def figures(found: Sequence[Pointed]) -> Pointing:
    """Return the figures of one label's images, or of all labels' together; at least one is needed."""
    hits = np.array([one.hit for one in found], np.float64)
    overlaps = np.array([one.overlap for one in found], np.float64)
    patients = np.array([one.patient for one in found], np.str_)
    called = np.array([one.called for one in found], np.bool_)
    return Pointing(
        images=len(found),
        called=int(called.sum()),
        hits=_mean(hits, patients),
        hits_called=_mean(hits[called], patients[called]) if called.any() else None,
        overlap=_mean(overlaps, patients),
        chance=float(np.mean([one.chance for one in found])),
    )


def _mean(values: NDArray[np.float64], patients: NDArray[np.str_]) -> Interval:
    return interval(lambda counts: counts @ values / counts.sum(1), patients)
