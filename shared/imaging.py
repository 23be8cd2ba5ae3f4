"""Pixel maths: from stored values to display pixels, and from those to what the model sees.

stored values --modality LUT--> modality units --VOI--> [0, 1] --MONOCHROME1--> display pixels
display pixels --`model_input`--> (size, size) for the classifier
               --`preview`------> 8-bit gray for people
               --`exposure`-----> what the quality gate asks about

Display pixels are (H, W) float32 in [0, 1], 0 is black; air is dark and bone is bright. Training, the
worker and the benchmarks all go through this file, so that they cannot drift apart. Nothing here reads
a file or a tag: see `shared/dicom.py` and `worker_cnn/decoding.py`. It imports cv2: not for the API.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
Stored = NDArray[np.integer[Any]] | NDArray[np.floating[Any]]

PREVIEW_SIDE: Final = 1536
"""Longest side of a preview in pixels: more than a screen shows, and about a megabyte as PNG."""

_PERCENTILES: Final = (0.5, 99.5)
# Percentiles of a strided sample differ from the full image's by far less than one of 256 gray levels.
_PERCENTILE_SAMPLE: Final = 1_000_000


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
    small = _fit(pixels, size)
    height, width = small.shape
    top, left = (size - height) // 2, (size - width) // 2
    square = np.zeros((size, size), np.float32)
    square[top : top + height, left : left + width] = small
    return square


def preview(pixels: Pixels, *, side: int = PREVIEW_SIDE) -> NDArray[np.uint8]:
    """Make the 8-bit picture that people look at.

    Args:
        pixels: (H, W) display pixels in [0, 1].
        side: most pixels of the longer side; a smaller image is left as it is.

    Returns:
        (h, w) uint8 with the aspect ratio of `pixels`.
    """
    small = _fit(pixels, side) if max(pixels.shape) > side else pixels
    return _gray(small)


def _gray(pixels: Pixels) -> NDArray[np.uint8]:
    gray: NDArray[np.uint8] = np.rint(_clip(pixels) * 255.0).astype(np.uint8)
    return gray


def _clip(pixels: Pixels) -> Pixels:
    clipped: Pixels = np.clip(pixels, 0.0, 1.0).astype(np.float32, copy=False)
    return clipped


def _fit(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape
    scale = side / max(height, width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Area averaging does not alias thin lines (tubes, fractures) when shrinking; it cannot enlarge.
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    resized = cv2.resize(pixels.astype(np.float32, copy=False), target, interpolation=how)
    return _clip(np.asarray(resized, np.float32))


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A modality or VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1).

    Attributes:
        values: (N,) what each input value becomes.
        first: the input value that `values[0]` stands for.
        bits: bits of an entry; the output range is 0 to 2**bits - 1.
    """

    values: NDArray[np.uint16]
    first: int
    bits: int

    def __post_init__(self) -> None:
        """Refuse a table with nothing in it: there would be no last entry to clamp to."""
        if self.values.size == 0 or not 1 <= self.bits <= 16:
            message = f"a LUT has entries of 1 to 16 bits, got {self.values.size} of {self.bits}"
            raise ValueError(message)


class WindowFunction(StrEnum):
    """How a window maps values (VOI LUT Function, 0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window in modality units (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

    center: float
    width: float
    function: WindowFunction = WindowFunction.LINEAR

    def __post_init__(self) -> None:
        """Refuse the widths that the standard refuses (and NaN with them)."""
        least_is_allowed = self.function is WindowFunction.LINEAR and self.width == 1
        least = 1.0 if self.function is WindowFunction.LINEAR else 0.0
        if not (self.width > least or least_is_allowed) or not np.isfinite(self.center + self.width):
            message = f"a {self.function} window is wider than {least}, got {self.width!r}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Grayscale:
    """All that turns a DICOM image's stored values into display pixels, read from its tags once.

    Attributes:
        bits: Bits Stored; 8 or fewer without a VOI are display values already.
        signed: whether Pixel Representation is 1.
        inverted: whether Photometric Interpretation is MONOCHROME1.
        slope: of the modality rescale (PS3.3 C.11.1.1.2), not zero.
        intercept: of the modality rescale.
        modality_lut: instead of slope and intercept, when there is one.
        voi: the first VOI; a LUT goes before a window, as viewers do.
        padding: stored values from and up to which (inclusive) a pixel is outside of the image (PS3.3
            C.7.5.1.1.2); it becomes black and counts in no percentile.
    """

    bits: int = 16
    signed: bool = False
    inverted: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: LookupTable | None = None
    voi: Window | LookupTable | None = None
    padding: tuple[int, int] | None = None


def display(stored: Stored, grayscale: Grayscale) -> Pixels:
    """Turn stored values into display pixels.

    Modality LUT first, then the VOI, and MONOCHROME1 last and once: window tags refer to values before
    the inversion (PS3.3 C.11.2.1.2; inverting first puts the window on the wrong end).

    Args:
        stored: (H, W) as decoded, before any LUT.
        grayscale: what the file says about them.

    Returns:
        (H, W) float32 in [0, 1].
    """
    outside = _padded(stored, grayscale.padding)
    values = modality(stored, grayscale)
    pixels: Pixels
    match grayscale.voi:
        case Window() as voi:
            pixels = window(values, voi)
        case LookupTable() as voi:
            pixels = look_up(values, voi) / np.float32(2**voi.bits - 1)
        case _ if grayscale.bits <= 8:
            # A capture of a screen or of a PNG: stretching it again would move its contrast.
            pixels = scale(values, *_range(grayscale))
        case _:
            pixels = stretch(values, ignore=outside)
    if grayscale.voi is not None and np.ptp(pixels) == 0.0:
        # A window beside the values: seen where an encoder moved them by half their range, and in
        # windows that were written before the rescale. A picture is worth more than its window.
        pixels = stretch(values, ignore=outside)
    if grayscale.inverted:
        pixels = 1.0 - pixels
    if outside is not None:
        pixels[outside] = 0.0
    return _clip(pixels)


def modality(stored: Stored, grayscale: Grayscale) -> Pixels:
    """Apply the modality LUT or rescale (PS3.3 C.11.1.1): (H, W) float32 in modality units."""
    if grayscale.modality_lut is not None:
        return look_up(stored, grayscale.modality_lut)
    values = stored.astype(np.float32)
    if (grayscale.slope, grayscale.intercept) != (1.0, 0.0):
        values *= np.float32(grayscale.slope)
        values += np.float32(grayscale.intercept)
    return values


def window(values: Pixels, voi: Window) -> Pixels:
    """Map a VOI window to [0, 1].

    The halves and the -1 of LINEAR are the standard's, not a slip: without them an 8-bit image comes out
    half a gray level off from what a viewer shows.

    Args:
        values: (H, W) in modality units.
        voi: the window.

    Returns:
        (H, W) float32; what lies outside of a linear window is clipped.

    Source: DICOM PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT).
    """
    center, width = np.float32(voi.center), np.float32(voi.width)
    match voi.function:
        case WindowFunction.SIGMOID:
            # Beyond 60 the answer is 0 or 1 in float32, and exp would overflow.
            exponent = np.clip(-4.0 * (values - center) / width, -60.0, 60.0)
            return _clip(1.0 / (1.0 + np.exp(exponent)))
        case WindowFunction.LINEAR_EXACT:
            return _clip((values - center) / width + np.float32(0.5))
        case WindowFunction.LINEAR if width == 1.0:
            return (values > center - np.float32(0.5)).astype(np.float32)
        case WindowFunction.LINEAR:
            half = np.float32(0.5)
            return _clip((values - (center - half)) / (width - np.float32(1.0)) + half)


def look_up(values: Stored, table: LookupTable) -> Pixels:
    """Replace each value by its entry; what lies outside of the table takes the first or last entry.

    pydicom 3.0.2's `apply_voi` keeps the indices in the type of the entries, so that a table of more
    than 256 8-bit entries wraps around; that is why this is ours.

    Source: DICOM PS3.3 C.11.1.1.1 and C.11.2.1.1.
    """
    # In float64, since 16-bit values minus a negative first entry leave the integer types.
    index = np.clip(np.rint(values.astype(np.float64) - table.first), 0, table.values.size - 1)
    return table.values[index.astype(np.intp)].astype(np.float32)


def scale(values: Stored, low: float, high: float) -> Pixels:
    """Map [low, high] to [0, 1], clipped; an empty range gives black."""
    if not high > low:
        return np.zeros(values.shape, np.float32)
    scaled = (values.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return _clip(scaled)


def stretch(values: Stored, *, ignore: NDArray[np.bool_] | None = None) -> Pixels:
    """Window an image that carries no window: from its 0.5th to its 99.5th percentile.

    Minimum and maximum would hang on one dead pixel or one letter of a burnt-in marker. For 16-bit PNG
    as well, since many hold 10 or 12 bits of values, from a minimum that is not zero.

    Args:
        values: (H, W), any unit.
        ignore: (H, W), true where a pixel does not count.
    """
    flat = values.ravel() if ignore is None else values[~ignore]
    sample = flat[:: max(1, flat.size // _PERCENTILE_SAMPLE)]
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return np.zeros(values.shape, np.float32)
    low, high = (float(bound) for bound in np.percentile(sample, _PERCENTILES))
    if not high > low:  # nearly all one value, such as a small picture on a flat ground
        low, high = float(sample.min()), float(sample.max())
    return scale(values, low, high)


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


def exposure(pixels: Pixels) -> Exposure:
    """Measure how display pixels are exposed."""
    gray = _gray(pixels)
    shares = np.bincount(gray.ravel(), minlength=256) / max(1, gray.size)
    grays = np.arange(256) / 255.0
    mean = float(shares @ grays)
    return Exposure(
        mean=mean,
        deviation=float(shares @ (grays - mean) ** 2) ** 0.5,
        black=float(shares[:2].sum()),
        white=float(shares[-2:].sum()),
        levels=int((shares >= 1e-4).sum()),
    )


def _range(grayscale: Grayscale) -> tuple[float, float]:
    """Return the lowest and highest modality value that the stored bits can hold."""
    if grayscale.modality_lut is not None:
        return 0.0, float(2**grayscale.modality_lut.bits - 1)
    lowest = -(2 ** (grayscale.bits - 1)) if grayscale.signed else 0
    ends = [end * grayscale.slope + grayscale.intercept for end in (lowest, lowest + 2**grayscale.bits - 1)]
    return min(ends), max(ends)


def _padded(stored: Stored, padding: tuple[int, int] | None) -> NDArray[np.bool_] | None:
    if padding is None:
        return None
    outside = (stored >= padding[0]) & (stored <= padding[1])
    # A padding value that covers the whole picture is a mistake of the file, not a black picture.
    return outside if outside.any() and not outside.all() else None
