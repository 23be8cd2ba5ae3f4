"""Letters that are burned into a picture: found, and blanked. It imports cv2: not for the API.

Letters are sharp, of one gray level, and stand in a line beside others of their height. What has the first
two and not the third (wires, clips, a side marker alone) is left where it is; what has all three and is none
(a row of clips, a scale) is blanked with them. Lines run from left to right or, on a turned film, up or down.
docs/how-to/protect-patients.md says what it finds and what it misses, as measured by bench/burned_in.py.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.domain.findings import Box

Gray = NDArray[np.uint8]

_SIDE: Final = 2048
"""Pixels of the longer side at which letters are looked for; a larger picture is shrunk to it."""
_SHORTEST, _TALLEST = 6, 140
"""Pixels of a letter's height."""
_WIDEST: Final = 1.7
"""A letter's width over its height; two that touch are wider."""
_THICKEST: Final = (9, 31)
"""Pixels: strokes up to these are told from what is behind them, thin ones and thick ones by themselves."""
_CONTRASTS: Final = (36, 80, 140)
"""Gray levels of 256 between a stroke and what is beside it, at least: the lower ones join bright letters."""
_MOST_SPREAD: Final = 0.35
"""Of a stroke's gray levels, over its contrast."""
_LEAST_SHARPNESS: Final = 0.6
"""Of a letter's contrast, what lies between the pixels next to its edge."""
_CROSS: Final = np.ones((3, 3), np.uint8)
_LARGEST_SCALE: Final = 4.0
_MOST_LETTERS: Final = 2000
_LEAST_LETTERS: Final = 3
_LONGER: Final = 3.0
"""At each end of a line, in heights of it."""
_MARGIN: Final = 0.35
"""Around a line, in heights of it: accents, and the blur of a lossy codec."""


def find(picture: Gray) -> list[Box]:
    """Return where letters are: (left, top, right, bottom) in fractions of the picture."""
    scale = min(_LARGEST_SCALE, _SIDE / max(picture.shape))
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    seen = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how), np.uint8)
    pixel = max(1, round(scale))
    rows, columns = seen.shape
    level = [
        (left / columns, top / rows, right / columns, bottom / rows)
        for left, top, right, bottom in _lines(seen, pixel)
    ]
    turned = _lines(np.ascontiguousarray(seen.T), pixel)
    upright = [
        (top / columns, left / rows, bottom / columns, right / rows) for left, top, right, bottom in turned
    ]
    return [Box(*(min(1.0, max(0.0, side)) for side in box)) for box in (*level, *upright)]


def blank(values: NDArray[Any], boxes: Sequence[Box], *, black: int | NDArray[Any]) -> None:
    """Fill boxes of a picture, in place, with its black: (H, W) or (H, W, C)."""
    rows, columns = values.shape[:2]
    for box in boxes:
        top, bottom = int(box.top * rows), int(np.ceil(box.bottom * rows))
        left, right = int(box.left * columns), int(np.ceil(box.right * columns))
        values[top:bottom, left:right] = black


def _lines(picture: Gray, pixel: int) -> list[tuple[float, float, float, float]]:
    """Return the lines of letters that run from left to right, in pixels."""
    found = []
    around = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * pixel + 1, 2 * pixel + 1))
    steep = cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, around)
    for bright in (True, False):
        seen = picture if bright else cv2.bitwise_not(picture)
        for thick in _THICKEST:
            kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (thick, thick))
            contrast = cv2.morphologyEx(seen, cv2.MORPH_TOPHAT, kernel)
            for least in _CONTRASTS:
                found += list(_rows_of(_letters(seen, contrast, steep, least=least)))
    return _joined(found)


def _joined(lines: list[tuple[float, float, float, float]]) -> list[tuple[float, float, float, float]]:
    """Lengthen lines at both ends, where a letter may have been missed, and join those in one row."""
    joined: list[tuple[float, float, float, float]] = []
    for left, top, right, bottom in sorted(lines):
        more = _LONGER * (bottom - top)
        line = (left - more, top, right + more, bottom)
        for at, other in enumerate(joined):
            low, high = max(top, other[1]), min(bottom, other[3])
            smaller = min(bottom - top, other[3] - other[1])
            if line[0] <= other[2] and high - low >= 0.6 * smaller:
                joined[at] = (other[0], min(top, other[1]), max(line[2], other[2]), max(bottom, other[3]))
                break
        else:
            joined.append(line)
    return joined


def _letters(seen: Gray, contrast: Gray, steep: Gray, *, least: int) -> NDArray[np.float64]:
    """Return what may be letters: (N, 5) left, top, width, height, gray level."""
    strokes = (contrast >= least).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    edges = (strokes > cv2.erode(strokes, _CROSS)).astype(bool)
    _, _, widths, heights, areas = stats.T
    fits = (
        (heights >= _SHORTEST) & (heights <= _TALLEST) & (widths <= _WIDEST * heights) & (areas >= _SHORTEST)
    )
    fits[0] = False
    kept = []
    # Of a texture each grain might be a letter, and no text could be told from it.
    for one in np.flatnonzero(fits) if np.count_nonzero(fits) <= _MOST_LETTERS else ():
        left, top, width, height = stats[one, :4]
        place = np.s_[top : top + height, left : left + width]
        inside = labels[place] == one
        levels = seen[place][inside]
        above = float(np.median(contrast[place][inside]))
        core = np.percentile(levels, (40, 95))
        edge = inside & edges[place]
        sharp = float(np.median(steep[place][edge])) >= _LEAST_SHARPNESS * above
        if sharp and core[1] - core[0] <= _MOST_SPREAD * above:
            kept.append((left, top, width, height, core[1]))
    return np.array(kept, np.float64).reshape(-1, 5)


def _rows_of(letters: NDArray[np.float64]) -> Iterator[tuple[float, float, float, float]]:
    """Join letters that stand beside each other, and yield the lines that are long enough."""
    order = np.argsort(letters[:, 0])
    lines: list[list[NDArray[np.float64]]] = []
    for letter in letters[order]:
        for line in reversed(lines):
            if _stands_beside(line[-1], letter):
                line.append(letter)
                break
        else:
            lines.append([letter])
    for line in lines:
        if len(line) >= _LEAST_LETTERS:
            its = np.array(line)
            margin = _MARGIN * float(its[:, 3].max())
            yield (
                float(its[:, 0].min()) - margin,
                float(its[:, 1].min()) - margin,
                float((its[:, 0] + its[:, 2]).max()) + margin,
                float((its[:, 1] + its[:, 3]).max()) + margin,
            )


def _stands_beside(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    height = max(one[3], other[3])
    gap = other[0] - (one[0] + one[2])
    level = abs((one[1] + one[3] / 2) - (other[1] + other[3] / 2))
    return bool(
        -0.5 * height <= gap <= 1.6 * height
        and level <= 0.4 * height
        and min(one[3], other[3]) >= 0.45 * height
        and abs(one[4] - other[4]) <= 45
    )
