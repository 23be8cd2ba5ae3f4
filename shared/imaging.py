"""Display pixels, and what is made of them: the classifier's input, a picture for people, the exposure.

Display pixels are (H, W) float32 in [0, 1], 0 is black; air is dark and bone is bright. `shared.grayscale`
makes them of a DICOM image. They are made and measured in bands of rows (`shared.bands`). Training, the
worker and the benchmarks all go through these files, so that they cannot drift apart. It imports cv2: not for
the API.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.bands import Bands, Fit, Pixels

PREVIEW_SIDE: Final = 1536
"""Longest side of a preview in pixels: more than a screen shows, and about a megabyte as PNG."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What later steps need of a picture.

    Attributes:
        model_input: (size, size) float32 in [0, 1].
        preview: (h, w) uint8, the longer side at most `PREVIEW_SIDE`.
    """

    model_input: Pixels
    preview: NDArray[np.uint8]
    exposure: "Exposure"


def summary(pixels: Bands, size: int) -> Summary:
    """Look once at display pixels, and make everything from them.

    Args:
        size: side of the model's input in pixels.
    """
    longest = max(pixels.rows, pixels.columns)
    for_model = Fit(pixels.rows, pixels.columns, size)
    for_people = Fit(pixels.rows, pixels.columns, min(PREVIEW_SIDE, longest))
    counts = np.zeros(256, np.int64)
    for band in pixels:
        for_model.add(band)
        for_people.add(band)
        counts += np.bincount(_gray(band).ravel(), minlength=256)
    return Summary(_squared(for_model.result(), size), _gray(for_people.result()), _exposure(counts))


def model_input(pixels: Pixels, size: int) -> Pixels:
    """Fit a radiograph into the square that the classifier sees.

    The aspect ratio is kept: a stretched chest changes the cardiothoracic ratio, and with it the sign of
    cardiomegaly. What is left of the square is black, as collimated film is.

    Args:
        pixels: (H, W) display pixels in [0, 1].
        size: side of the square in pixels.

    Returns:
        (size, size) float32 in [0, 1].
    """
    fit = Fit(pixels.shape[0], pixels.shape[1], size)
    fit.add(pixels.astype(np.float32, copy=False))
    return _squared(fit.result(), size)


def _squared(small: Pixels, size: int) -> Pixels:
    height, width = small.shape
    top, left = (size - height) // 2, (size - width) // 2
    square = np.zeros((size, size), np.float32)
    square[top : top + height, left : left + width] = small
    return square


def _gray(pixels: Pixels) -> NDArray[np.uint8]:
    gray: NDArray[np.uint8] = np.rint(np.clip(pixels, 0.0, 1.0) * 255.0).astype(np.uint8)
    return gray


def luminance(colour: NDArray[Any]) -> Pixels:
    """Turn (H, W, 3) RGB into (H, W) float32 in the same unit, by the weights of ITU-R BT.601."""
    weighted: Pixels = colour[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return weighted


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the gray levels of a picture are spread: what tells an empty or clipped one.

    Attributes:
        mean: of the display pixels, in [0, 1].
        deviation: their standard deviation; about 0 for a blank picture, about 0.25 for a chest film.
        black: share of pixels at or below 1/255.
        white: share of pixels at or above 254/255.
        levels: how many of the 256 gray levels at least one pixel in 10,000 has.
    """

    mean: float
    deviation: float
    black: float
    white: float
    levels: int


def _exposure(counts: NDArray[np.int64]) -> Exposure:
    """Measure by how many pixels each gray level has."""
    shares = counts / max(1, counts.sum())
    grays = np.arange(256) / 255.0
    mean = float(shares @ grays)
    return Exposure(
        mean=mean,
        deviation=float(shares @ (grays - mean) ** 2) ** 0.5,
        black=float(shares[:2].sum()),
        white=float(shares[-2:].sum()),
        levels=int((shares >= 1e-4).sum()),
    )
