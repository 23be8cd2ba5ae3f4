"""From the values that an image stores to display pixels.

stored values --modality LUT--> modality units --VOI--> [0, 1] --MONOCHROME1--> display pixels

Nothing here reads a file or a tag: see `worker_cnn/dicom_pixels.py`. What is made of display pixels is in
`shared.imaging`. It imports cv2: not for the API.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.bands import Bands, Pixels

Stored = NDArray[np.integer[Any]] | NDArray[np.floating[Any]]

_PERCENTILES: Final = (0.5, 99.5)
# Percentiles of a strided sample differ from the full image's by far less than one of 256 gray levels.
_PERCENTILE_SAMPLE: Final = 1_000_000
_FILM_SAMPLE: Final = 16_384
_MOST_OF_ONE_VALUE: Final = 0.02
"""Share of a picture's pixels; of an 8-bit film, the most frequent gray level has about as much."""
_LEAST_FILM: Final = 0.1
_LEAST_WITHIN: Final = 0.1
"""Share of film that a window has to leave neither black nor white; usual ones leave more than 0.9."""
_LEAST_SPREAD: Final = 0.1
"""Of the range from black to white, what film has to take; a chest takes more than 0.6."""
_MOST_BITS: Final = 16
"""Of a gray level in a file that a presentation state can be of."""
_WIDE: Final = 1e38
"""A range that float32 may not hold."""
_FEW_VALUES: Final = 200
_WHITE: Final = 0.9


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


@dataclass(frozen=True, slots=True)
class Shown:
    """Display pixels, and what of the file's own words about them was doubtful.

    Attributes:
        pixels: (H, W) float32 in [0, 1].
        window_is_unfit: its VOI would have hidden the picture and was not used.
        padding_is_white: what it calls padding, now black, would have been white: it may be film.
        range: the stored values that become black and white, before an inversion: of a table or a curve,
            those of the straight line through its tenth and its nine tenths. None where the values fall.
    """

    pixels: Bands
    window_is_unfit: bool = False
    padding_is_white: bool = False
    range: tuple[float, float] | None = None


def display(stored: Bands, grayscale: Grayscale) -> Shown:
    """Turn stored values into display pixels.

    Modality LUT first, then the VOI, and MONOCHROME1 last and once: window tags refer to values before
    the inversion (PS3.3 C.11.2.1.2; inverting first puts the window on the wrong end).

    Args:
        stored: (H, W) as decoded, before any LUT.
        grayscale: what the file says about them.
    """
    padded = _padded(stored, grayscale.padding)

    def stretched() -> Callable[[Pixels], Pixels]:
        inside = None if padded is None else lambda band: ~padded(band)
        return scale_to(modality(stored.sample(_PERCENTILE_SAMPLE, where=inside), grayscale))

    shown: Callable[[Pixels], Pixels]
    match grayscale.voi:
        case Window() as voi:
            shown = partial(window, voi=voi)
        case LookupTable() as voi:
            shown = partial(_look_up_voi, table=voi)
        case _ if grayscale.bits <= 8:
            # A capture of a screen or of a PNG: stretching it again would move its contrast.
            low, high = _range(grayscale)
            shown = partial(scale, low=low, high=high)
        case _:
            shown = stretched()
    unfit = False
    if grayscale.voi is not None:
        film = modality(_film(stored, padded), grayscale)
        own = scale_to(film)
        # A window beside the values: seen where an encoder moved them by half their range, in windows that
        # were written before the rescale, and in those left over from 8 bits. A picture is worth more than
        # its window.
        unfit = _hides(shown(film), own(film))
        shown = own if unfit else shown

    def unpadded(band: Stored) -> Pixels:
        result = shown(modality(band, grayscale))
        return 1.0 - result if grayscale.inverted else result

    def pixels(band: Stored) -> Pixels:
        result = unpadded(band)
        if padded is not None:
            result[padded(band)] = 0.0
        return _clip(result)

    is_white = padded is not None and float(unpadded(np.array([grayscale.padding])).max()) >= _WHITE
    return Shown(
        stored.map(pixels),
        window_is_unfit=unfit,
        padding_is_white=is_white,
        range=_range_of(lambda values: shown(modality(values, grayscale)), grayscale),
    )


def _range_of(shown: Callable[[Stored], Pixels], grayscale: Grayscale) -> tuple[float, float] | None:
    """Return the stored values that a display, whatever its curve, makes black and white."""
    if grayscale.bits > _MOST_BITS:
        return None
    values = np.arange(1 << grayscale.bits) - (int(grayscale.signed) << (grayscale.bits - 1))
    levels = _clip(shown(values[None]))[0]
    if levels[0] >= levels[-1]:
        return None
    rising = np.maximum.accumulate(levels)
    low, high = (float(rising[0] + share * (rising[-1] - rising[0])) for share in (0.1, 0.9))
    dark, light = (float(np.interp(level, rising, values)) for level in (low, high))
    a_level = (light - dark) / (high - low)
    return round(dark - low * a_level, 3) + 0.0, round(light + (1.0 - high) * a_level, 3)


def _film(stored: Bands, padded: Callable[[Stored], NDArray[np.bool_]] | None) -> Stored:
    """Take a sample of the pixels that show something: (N,), without padding, borders and empty grounds.

    Those are of one value, and more of them than of any that film has; a border that a window happens to
    show well says nothing about the film.
    """
    sample = stored.lines(_FILM_SAMPLE)
    shows = sample.ravel() if padded is None else sample[~padded(sample)]
    values, counts = np.unique(shows, return_counts=True)
    film: Stored = shows[~np.isin(shows, values[counts > _MOST_OF_ONE_VALUE * shows.size])]
    return film if film.size >= _LEAST_FILM * sample.size else sample.ravel()


def _hides(shown: Pixels, stretched: Pixels) -> bool:
    """Tell whether a film that has something to show, as its stretched pixels do, shows nothing of it."""
    if not stretched.max() > stretched.min():
        return False
    spread = np.subtract(*np.percentile(shown, (99, 1)))
    if spread < _LEAST_SPREAD:
        # Nearly one gray level. An empty exposure is that as well, of few values: it stays empty.
        return bool(shown.min() == shown.max()) or np.unique(stretched).size > _FEW_VALUES
    return _share_within(shown) < _LEAST_WITHIN and _share_within(stretched) > 0.5


def _share_within(pixels: Pixels) -> float:
    return float(np.mean((pixels > 0.5 / 255) & (pixels < 254.5 / 255)))


def scale_to(film: Stored) -> Callable[[Pixels], Pixels]:
    """Return what maps a film's own range, from its 0.5th to its 99.5th percentile, to [0, 1]."""
    low, high = _percentiles(film)
    return partial(scale, low=low, high=high)


def _look_up_voi(values: Pixels, table: LookupTable) -> Pixels:
    return look_up(values, table) / np.float32(2**table.bits - 1)


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
    half = np.float32(0.5)
    if voi.function is WindowFunction.SIGMOID:
        # Beyond 60 the answer is 0 or 1 in float32, and exp would overflow.
        exponent = np.clip(-4.0 * (values - center) / width, -60.0, 60.0)
        return _clip(1.0 / (1.0 + np.exp(exponent)))
    if voi.function is WindowFunction.LINEAR_EXACT:
        return _clip((values - center) / width + half)
    if width == 1.0:
        return (values > center - half).astype(np.float32)
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
    real: Any = np.float32 if high - low < _WIDE else np.float64
    # A value beyond what float32 holds once `low` is taken from it is white all the same.
    with np.errstate(over="ignore"):
        scaled = (values.astype(real) - real(low)) / real(high - low)
    return _clip(scaled)


def stretch(values: Bands) -> Bands:
    """Window an image that carries no window: from its 0.5th to its 99.5th percentile.

    Minimum and maximum would hang on one dead pixel or one letter of a burnt-in marker. For 16-bit PNG
    as well, since many hold 10 or 12 bits of values, from a minimum that is not zero.

    Args:
        values: (H, W), any unit.
    """
    low, high = _percentiles(values.sample(_PERCENTILE_SAMPLE))
    return values.map(lambda band: scale(band, low, high))


def _percentiles(sample: Stored) -> tuple[float, float]:
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        return 0.0, 0.0
    low, high = (float(bound) for bound in np.percentile(finite.astype(np.float64), _PERCENTILES))
    if not high > low:  # nearly all one value, such as a small picture on a flat ground
        return float(finite.min()), float(finite.max())
    return low, high


def _clip(pixels: Pixels) -> Pixels:
    clipped: Pixels = np.clip(pixels, 0.0, 1.0).astype(np.float32, copy=False)
    return clipped


def _range(grayscale: Grayscale) -> tuple[float, float]:
    """Return the lowest and highest modality value that the stored bits can hold."""
    if grayscale.modality_lut is not None:
        return 0.0, float(2**grayscale.modality_lut.bits - 1)
    lowest = -(2 ** (grayscale.bits - 1)) if grayscale.signed else 0
    ends = [end * grayscale.slope + grayscale.intercept for end in (lowest, lowest + 2**grayscale.bits - 1)]
    return min(ends), max(ends)


def _padded(stored: Bands, padding: tuple[int, int] | None) -> Callable[[Stored], NDArray[np.bool_]] | None:
    if padding is None:
        return None
    lowest, highest = padding

    def padded(band: Stored) -> NDArray[np.bool_]:
        return (band >= lowest) & (band <= highest)

    # A padding value that covers the whole picture is a mistake of the file, not a black picture.
    return None if all(padded(band).all() for band in stored) else padded
