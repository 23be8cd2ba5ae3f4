"""Which images show the same film, though their files differ: re-encoded, resized, brightened, cropped.

    film          a square of the store -> the film in it, without black borders
    fingerprints  a film -> perceptual hashes of itself and of what two crops leave of it
    candidates    pairs whose hashes are near: exact, every pair is compared
    likeness      two films -> how alike they are, once one is laid upon the other

To a perceptual hash all frontal radiographs look alike: films of two NIH patients may differ by 2 of 64 bits
(imagehash's default), and by fewer of 256 than a crop of 2 % changes. So the hash only proposes, with 256
bits and with crops, and the pixels decide. `python -m training.leak_figures` measures what the cut-offs do.

Comparing all pairs is exact, and a matter of minutes for 100,000 images; trees and bands save nothing where a
third of the bits may differ. Not found: films that were mirrored, turned by more than a few degrees, or
cropped by much more than 4 % at an edge.
"""

from collections.abc import Iterator
from typing import Final

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE: Final = 128
"""Of films, in pixels."""
CROPS: Final = (0.0, 0.02, 0.04)
"""Shares of the side that are cut off at each edge for the hashes of a film."""
FAR: Final = 56
"""Most bits of 256 that the hashes of a candidate differ by."""
ALIKE: Final = 0.9
"""Least likeness of what is called the same film."""

_BLACK: Final = 16
"""Gray levels up to which a border counts as black: JPEG leaves a little in it."""
_FLAT: Final = 4.0
"""Deviation of gray levels below which there is nothing to compare."""
_HASH_SIDE: Final = 16
ROWS: Final = 32
"""Films that are compared with all others at once: more would not fit into a core's cache."""
_VIEWS: Final = (
    (0, 0),
    *((crop, 0) for crop in range(1, len(CROPS))),
    *((0, crop) for crop in range(1, len(CROPS))),
)
"""Pairs of `CROPS` of two films that are compared."""


def film(square: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the picture in an (S, S) square as (SIDE, SIDE), or None where there is hardly any.

    Borders are cut off, and the aspect ratio with them, so that one copy may have them and another not.
    """
    rows, columns = (np.flatnonzero(square.max(axis) > _BLACK) for axis in (1, 0))
    if min(len(rows), len(columns)) < len(square) // 4:
        return None
    inside = square[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if inside.std() < _FLAT:
        return None
    return np.asarray(cv2.resize(inside, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def fingerprints(picture: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the hashes of a film: (crops, 4), of 256 bits each."""
    rows = []
    for crop in CROPS:
        edge = round(SIDE * crop)
        inside = Image.fromarray(picture[edge : SIDE - edge, edge : SIDE - edge])
        bits = imagehash.phash(inside, hash_size=_HASH_SIDE).hash
        rows.append(np.packbits(bits).view(np.uint64))
    return np.stack(rows)


def candidates(
    first: NDArray[np.uint64], second: NDArray[np.uint64], *, far: int = FAR
) -> Iterator[NDArray[np.int64]]:
    """Compare every film of one group with every film of another.

    A film is compared with the other's crops and its crops with the other: either may be the cropped copy.

    Args:
        first: (N, crops, 4) fingerprints.
        second: (M, crops, 4) fingerprints.

    Yields:
        For some of the N rows at a time: (P, 2) pairs of a row of `first` and a row of `second`.
    """
    words = np.ascontiguousarray(second.transpose(1, 2, 0))  # side by side, they are read three times as fast
    for start in range(0, len(first), ROWS):
        block = first[start : start + ROWS]
        near = np.zeros((len(block), len(second)), np.bool_)
        for one, other in _VIEWS:
            near |= _bits_apart(block[:, one, :, None], words[other]) <= far
        rows, columns = np.nonzero(near)
        yield np.stack([rows + start, columns], 1)


def nearest_scale(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Tell from (crops, 4) fingerprints which crop lays one film best upon another.

    Returns:
        How much larger the first film's structures are in the second one: above 1 where that is the crop.
    """
    apart = [_bits_apart(one[view, :, None], other[others, :, None]).item() for view, others in _VIEWS]
    view, others = _VIEWS[int(np.argmin(apart))]
    return (1.0 - 2.0 * CROPS[others]) / (1.0 - 2.0 * CROPS[view])


def _bits_apart(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Count in how many bits hashes of (..., words, N) differ, word by word to save memory."""
    apart = np.bitwise_count(one[..., 0, :] ^ other[..., 0, :]).astype(np.uint16)
    for word in range(1, one.shape[-2]):
        apart += np.bitwise_count(one[..., word, :] ^ other[..., word, :])
    return np.asarray(apart, np.uint16)


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8], *, scale: float = 1.0) -> float:
    """Return the correlation of two films of (SIDE, SIDE), after the one is laid upon the other: up to 1.

    They are aligned by an affine map (Evangelidis 2008, OpenCV's ECC), first by their gross shape and then by
    what is compared: structures of 1 to 6 pixels, ribs and vessels, since the gross shape is everybody's.

    Args:
        scale: that alignment starts from, see `nearest_scale`.
    """
    gross, others_gross = one.astype(np.float32), other.astype(np.float32)
    fine, others_fine = _structures(gross), _structures(others_gross)
    edge = (SIDE - 1) * (1.0 - scale) / 2.0
    start = np.array([[scale, 0.0, edge], [0.0, scale, edge]], np.float32)
    warp = _aligned(fine, others_fine, _aligned(gross, others_gross, start, blur=5), blur=1)
    return _correlation(fine, others_fine, warp, one > 0)


def _structures(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(
        cv2.GaussianBlur(picture, (0, 0), 1.0) - cv2.GaussianBlur(picture, (0, 0), 6.0), np.float32
    )


def _aligned(
    one: NDArray[np.float32], other: NDArray[np.float32], start: NDArray[np.float32], *, blur: int
) -> NDArray[np.float32]:
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)
    warp = start.copy()
    try:
        cv2.findTransformECC(one, other, warp, cv2.MOTION_AFFINE, criteria, None, blur)
    except cv2.error:  # it does not converge: they are no copies, or start is far off
        return start
    return warp


def _correlation(
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    warp: NDArray[np.float32],
    exposed: NDArray[np.bool_],
) -> float:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(other, warp, (SIDE, SIDE), flags=flags)
    seen = cv2.warpAffine(np.ones_like(other), warp, (SIDE, SIDE), flags=flags) > 0.99
    # Black corners are equal in all films that have them, and their edge is the strongest structure.
    both = seen & (cv2.erode(exposed.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    if both.sum() < SIDE * SIDE / 2:
        return -1.0
    a, b = one[both] - one[both].mean(), laid[both] - laid[both].mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6))
