"""Boxes and masks of data sets, as `training/table.py` keeps them.

region_of       corners in pixels, or any other unit -> Region in fractions
relative_runs   "5 3 10 4": zeros to skip, ones to set, in turn -> Mask
coco_runs       the text that pycocotools makes of the same run lengths -> Mask
polygon_mask    corners in pixels -> Mask
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from training.table import Mask, Region


def region_of(name: str, corners: Sequence[float], *, width: float, height: float) -> Region:
    """Return a box in fractions, cut at the image's edges.

    Args:
        corners: left, top, right, bottom, in the unit of `width` and `height`.

    Raises:
        ValueError: nothing of the box is inside the image, or it has no area.
    """
    left, right = (min(max(x, 0.0), width) / width for x in corners[0::2])
    top, bottom = (min(max(y, 0.0), height) / height for y in corners[1::2])
    if not (left < right and top < bottom):
        message = (
            f"({', '.join(f'{corner:g}' for corner in corners)}) is no box inside {width:g} x {height:g}"
        )
        raise ValueError(message)
    return Region(name, left, top, right, bottom)


def relative_runs(name: str, text: str, *, rows: int, columns: int) -> Mask:
    """Return the mask that SIIM-ACR's run lengths describe, column by column from the top left.

    Each pair of numbers is how many pixels to skip since the last run's end, and how many to set: the counts
    that `Mask` wants, but for the zeros after the last run.

    Raises:
        ValueError: it is no such text, or runs out of the image.
    """
    counts = tuple(int(number) for number in text.split())
    left = rows * columns - sum(counts)
    if not counts or len(counts) % 2 or min(counts) < 0 or left < 0:
        message = f"{len(counts)} run lengths do not describe a mask of {rows} x {columns}"
        raise ValueError(message)
    return Mask(name, rows, columns, (*counts, left) if left else counts)


def coco_runs(name: str, text: str, *, rows: int, columns: int) -> Mask:
    """Return the mask whose run lengths COCO's tools packed into a text.

    Each number is written in groups of five bits, the lowest first, as the character 48 + the group, + 32
    where a group follows; the highest bit of the last group is the sign. From the third run on it is what is
    added to the run before the last one. Source: `rleFrString` in maskApi.c of pycocotools.

    Raises:
        ValueError: it is no such text, or of an image of another size.
    """
    counts: list[int] = []
    number = shift = 0
    for group in (ord(character) - 48 for character in text):
        number |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            number -= 1 << shift
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number = shift = 0
    if shift or not counts or min(counts) < 0 or sum(counts) != rows * columns:
        message = f"{len(counts)} run lengths do not describe a mask of {rows} x {columns}"
        raise ValueError(message)
    return Mask(name, rows, columns, tuple(counts))


def polygon_mask(name: str, corners: Sequence[tuple[float, float]], *, rows: int, columns: int) -> Mask:
    """Return the mask of a filled polygon; what lies outside the image is cut off.

    Args:
        corners: (x, y), three or more.
    """
    image = Image.new("1", (columns, rows))
    ImageDraw.Draw(image).polygon(corners, fill=1)
    pixels = np.asarray(image).ravel(order="F")
    ends = np.flatnonzero(np.diff(pixels)) + 1
    edges = np.concatenate([[0] if not pixels[0] else [0, 0], ends, [pixels.size]])
    return Mask(name, rows, columns, tuple(int(count) for count in np.diff(edges)))
