"""Boxes and masks of data sets, as `training/table.py` keeps them.

region_of       corners in pixels, or any other unit -> Region in fractions
polygon_of      corners of a polygon -> Region with its outline
ellipse_of      the rectangle around an ellipse -> Region with an outline of as many corners as matter
relative_runs   "5 3 10 4": zeros to skip, ones to set, in turn -> Mask
coco_runs       the text that pycocotools makes of the same run lengths -> Mask
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from training.table import Mask, Region

_CORNERS: Final = 72
"""Of an ellipse: its outline then lies within a thousandth of its half axes."""


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


def polygon_of(name: str, corners: Sequence[tuple[float, float]], *, width: float, height: float) -> Region:
    """Return a polygon, with the rectangle around it cut at the image's edges.

    Args:
        corners: (x, y), three or more, in the unit of `width` and `height`.

    Raises:
        ValueError: as `region_of` does.
    """
    across, down = [x for x, _ in corners], [y for _, y in corners]
    around = region_of(name, (min(across), min(down), max(across), max(down)), width=width, height=height)
    return replace(around, outline=tuple((x / width, y / height) for x, y in corners))


def ellipse_of(name: str, corners: Sequence[float], *, width: float, height: float) -> Region:
    """Return the ellipse that touches the sides of a rectangle, the rectangle cut at the image's edges.

    Args:
        corners: as `region_of` takes them.

    Raises:
        ValueError: as `region_of` does.
    """
    left, top, right, bottom = corners
    x, y, across, down = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    turns = [2.0 * math.pi * k / _CORNERS for k in range(_CORNERS)]
    outline = [(x + across * math.cos(turn), y + down * math.sin(turn)) for turn in turns]
    return polygon_of(name, outline, width=width, height=height)


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
