"""A finding's box in the pixels of the file that was sent, though the picture was turned to be read."""

from typing import NamedTuple

from shared.domain.findings import Box
from shared.rendering.document import ImageLine
from shared.reporting.warnings import ImageWarning


class Region(NamedTuple):
    """A rectangle in pixels; 0, 0 is the top left corner of the first (PS3.3 C.10.5.1.2, C.18.6.1.1)."""

    left: float
    top: float
    right: float
    bottom: float


def size_as_sent(image: ImageLine) -> tuple[int, int]:
    """Return width and height of the file's own picture."""
    width, height = image.size
    return (height, width) if _turned_a_quarter(image) else (width, height)


def region_of(box: Box, image: ImageLine) -> Region:
    """Return where a box of the picture as it was classified lies in the file's own."""
    left, top, right, bottom = _turned_back(box, image)
    width, height = size_as_sent(image)
    return Region(left * width, top * height, right * width, bottom * height)


def _turned_back(box: Box, image: ImageLine) -> tuple[float, float, float, float]:
    if ImageWarning.WAS_TURNED_CLOCKWISE in image.warnings:
        return box.top, 1.0 - box.right, box.bottom, 1.0 - box.left
    if ImageWarning.WAS_TURNED_ANTICLOCKWISE in image.warnings:
        return 1.0 - box.bottom, box.left, 1.0 - box.top, box.right
    if ImageWarning.WAS_TURNED_UPSIDE_DOWN in image.warnings:
        return 1.0 - box.right, 1.0 - box.bottom, 1.0 - box.left, 1.0 - box.top
    return box.left, box.top, box.right, box.bottom


def _turned_a_quarter(image: ImageLine) -> bool:
    quarters = {ImageWarning.WAS_TURNED_CLOCKWISE, ImageWarning.WAS_TURNED_ANTICLOCKWISE}
    return not quarters.isdisjoint(image.warnings)
