"""Where on the image a finding is seen: class activation maps, as pictures and as boxes.

feature map x label weights --`activation`--> (h, w) in [0, 1] --`overlay`--> a gray picture
                                                               --`box_of`--> the hottest region

The maps are as coarse as the feature map (9 x 9 for 288 pixels): they point, they do not outline.
Source: Zhou 2016, Learning Deep Features for Discriminative Localization (arXiv 1512.04150).
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.domain.findings import Box

Map = NDArray[np.float32]

OVERLAY_SIDE: Final = 256
"""Longer side of an overlay in pixels: the page stretches it over the image, and it is smooth anyway."""

_GRID: Final = 112  # side of the square on which a map is smoothed before its letterbox is undone
_HOT: Final = 0.6  # of the map's maximum: the region that a box surrounds
_LARGEST_REGION: Final = 0.35  # of the image: hotter than that everywhere points nowhere


def activation(feature_map: Map, weights: Map, *, rows: int, columns: int) -> Map:
    """Make a label's map over the image, the letterbox undone.

    Args:
        feature_map: (C, h, w) of the square that the model saw.
        weights: (C,) of the label.
        rows: of the original image; only the ratio to `columns` counts.
        columns: of the original image.

    Returns:
        (y, x) float32 in [0, 1] with the image's aspect ratio; all zero where nothing speaks for the label.
    """
    raw = np.einsum("chw,c->hw", feature_map, weights).astype(np.float32)
    smooth = np.asarray(cv2.resize(raw, (_GRID, _GRID), interpolation=cv2.INTER_CUBIC), np.float32)
    inside = smooth[_inside(rows, columns)]
    # Against the map's own mean, so a label with much evidence everywhere still points somewhere.
    above = np.maximum(inside - max(float(inside.mean()), 0.0), 0.0)
    highest = float(above.max())
    scaled: Map = above / highest if highest > 0.0 else above
    return scaled


def overlay(heat: Map, *, rows: int, columns: int) -> NDArray[np.uint8]:
    """Make a map a picture: (h, w) gray with the image's aspect ratio, 255 where it is hottest."""
    scale = OVERLAY_SIDE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    large = np.clip(cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR), 0.0, 1.0)
    picture: NDArray[np.uint8] = np.rint(large * 255.0).astype(np.uint8)
    return picture


def box_of(heat: Map) -> Box | None:
    """Return the box around the connected region that holds the maximum, if that is small."""
    if heat.max() <= 0.0:
        return None
    hot = (heat >= _HOT).astype(np.uint8)
    _, regions = cv2.connectedComponents(hot)
    peak = np.unravel_index(int(np.argmax(heat)), heat.shape)
    region = regions == regions[peak]
    if region.mean() > _LARGEST_REGION:
        return None
    height, width = heat.shape
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    return Box(
        left=round(float(columns[0] / width), 4),
        top=round(float(rows[0] / height), 4),
        right=round(float((columns[-1] + 1) / width), 4),
        bottom=round(float((rows[-1] + 1) / height), 4),
    )


def _inside(rows: int, columns: int) -> tuple[slice, slice]:
    """Return the part of the smoothed square that shows the image, by `model_input`'s own rule."""
    longest = max(rows, columns)
    height, width = max(1, round(_GRID * rows / longest)), max(1, round(_GRID * columns / longest))
    top, left = (_GRID - height) // 2, (_GRID - width) // 2
    return slice(top, top + height), slice(left, left + width)
