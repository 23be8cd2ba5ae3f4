"""From an opened DICOM file to display pixels: decodes the frame, reads the tags that say how to show it.

This runs codecs over bytes from outside: call it through `worker_cnn.decoding`.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from shared.bands import Bands
from shared.dicom.attributes import integer_of, number_of, value_of
from shared.dicom.codestreams import FrameHeader
from shared.dicom.files import DicomFile
from shared.dicom.pixel_data import fragments, frame_header_of, native_bytes, pixel_bytes
from shared.errors import BrokenImageError
from shared.grayscale import Grayscale, Window, WindowFunction, display, scale
from shared.imaging import luminance
from shared.reporting.warnings import ImageWarning
from worker_cnn.endings import sealed
from worker_cnn.lookup_tables import palette_of, table_of
from worker_cnn.repairs import repaired
from worker_cnn.room import check_room

_PIXEL_DATA: Final = 0x7FE00010
_GRAY: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_MAY_HAVE_UNUSED_BITS: Final = frozenset({*JPEGTransferSyntaxes, RLELossless})
_SAMPLE: Final = 16_384
_CLEARLY: Final = 4.0
_LARGEST_SLOPE: Final = 1e6
_LARGEST_SHIFT: Final = 1e6
"""In stored values: float32 tells those apart up to 16 million."""


@dataclass(frozen=True, slots=True)
class Displayed:
    """An image's display pixels, and what is known of them.

    Attributes:
        pixels: (H, W) float32 in [0, 1]; colour has become luminance.
        warnings: what their reader must know.
        shown_range: as `Attributes` has it; None of colour.
    """

    pixels: Bands
    warnings: tuple[ImageWarning, ...] = ()
    shown_range: tuple[float, float] | None = None


def display_pixels(file: BinaryIO, opened: DicomFile, *, name: str) -> Displayed:
    """Decode the one frame of a checked DICOM file.

    Raises:
        BrokenImageError: the pixel data are cut off, or no codec takes them.
        Exception: anything else that pydicom or a codec raises over broken bytes.
    """
    dataset = opened.dataset
    stored = _decode(file, opened, name=name)
    bits = integer_of(dataset, "BitsStored") or 8
    if (integer_of(dataset, "SamplesPerPixel") or 1) > 1:
        return Displayed(stored.map(lambda band: scale(luminance(band), 0, 2**bits - 1)))
    if value_of(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        palette = palette_of(dataset, signed=integer_of(dataset, "PixelRepresentation") == 1)
        return Displayed(stored.map(lambda band: scale(luminance(palette.colours(band)), 0, palette.most)))
    shown = display(stored, grayscale_of(dataset))
    doubts = {
        ImageWarning.WINDOW_NOT_USED: shown.window_is_unfit,
        ImageWarning.PADDING_IS_WHITE: shown.padding_is_white,
    }
    warnings = tuple(warning for warning, holds in doubts.items() if holds)
    return Displayed(shown.pixels, warnings, shown.range)


def _decode(file: BinaryIO, opened: DicomFile, *, name: str) -> Bands:
    """Decode to (H, W) or (H, W, 3) stored values; YBR comes out as RGB."""
    dataset = opened.dataset
    for keyword, default in _DEFAULTS.items():
        if integer_of(dataset, keyword) is None:
            setattr(dataset, keyword, default)
    dataset.NumberOfFrames = 1
    if opened.transfer_syntax.is_encapsulated:
        _believe(frame_header_of(opened, name=name), dataset)
    vr = opened.pixels.vr if opened.pixels is not None and opened.pixels.vr in {"OB", "OW"} else "OW"
    check_room(_most_bytes(opened, name=name), rows=dataset.Rows, columns=dataset.Columns, name=name)
    frame = pixel_bytes(file, opened, name=name)
    decoder = get_decoder(opened.transfer_syntax)
    if decoder.is_encapsulated:
        # The codec makes whole pixels of the bits: High Bit says nothing of those.
        return _used_bits(_decompress(decoder, dataset, frame, name=name), dataset, high=None)
    dataset.add_new(_PIXEL_DATA, vr, frame)
    array = _array(decoder, dataset, correct_unused_bits=False, view_only=True)
    return _used_bits(array, dataset, high=integer_of(dataset, "HighBit"))


def _believe(header: FrameHeader | None, dataset: Dataset) -> None:
    """Let tags say what the compressed pixel data say: those are what is decoded."""
    if header is None:
        return
    if header.components != dataset.SamplesPerPixel:
        dataset.SamplesPerPixel, dataset.PlanarConfiguration = header.components, 0
        if header.components > 1:
            dataset.PhotometricInterpretation = "RGB"
        elif value_of(dataset, "PhotometricInterpretation") not in _GRAY:
            dataset.PhotometricInterpretation = "MONOCHROME2"
    if dataset.BitsAllocated != (allocated := 8 if header.bits <= 8 else 16):
        dataset.BitsAllocated = allocated
        dataset.BitsStored = min(header.bits, dataset.BitsStored) if allocated == 8 else header.bits


def _most_bytes(opened: DicomFile, *, name: str) -> int:
    """Return what reading and decoding the frame takes."""
    stored, dataset = native_bytes(opened.dataset), opened.dataset
    if not opened.transfer_syntax.is_encapsulated:
        copies = 3 if opened.is_deflated or dataset.BitsAllocated == 1 else 1
        return copies * stored * (8 if dataset.BitsAllocated == 1 else 1)
    samples: int = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    packed = sum(length for _, length in fragments(opened, name=name))
    # The frame as it came, in items, and out of them; the codec's picture, its bytes, and their array.
    planes = 2 if opened.transfer_syntax in JPEG2000TransferSyntaxes else 0  # OpenJPEG's has 32 bits
    return 3 * packed + 3 * stored + planes * samples


def _decompress(decoder: Decoder, dataset: Dataset, frame: bytes, *, name: str) -> Bands:
    options: dict[str, Any] = {"correct_unused_bits": False} if decoder.UID in _MAY_HAVE_UNUSED_BITS else {}
    if decoder.UID in JPEGLSTransferSyntaxes:
        options["decoding_plugin"] = "pyjpegls"  # the other one completes what is cut off from nothing
    try:
        frame = sealed(frame, decoder.UID)
        dataset.add_new(_PIXEL_DATA, "OB", encapsulate([frame]))
        try:
            return _array(decoder, dataset, **options)
        except RuntimeError:  # no codec takes the frame
            mended = repaired(frame, decoder.UID)
            if mended is None:
                raise
            dataset.PixelData = encapsulate([mended])
            return _array(decoder, dataset, **options)
    except RuntimeError:
        message = "the DICOM file's compressed pixel data are cut off or corrupt"
        raise BrokenImageError(message, file=name) from None


def _array(decoder: Decoder, dataset: Dataset, **options: Any) -> Bands:  # noqa: ANN401 - flags
    array, found = decoder.as_array(dataset, index=0, raw=True, **options)
    if array.ndim == 3 and _is_ybr(array, str(found["photometric_interpretation"])):
        return Bands.of(array).map(lambda band: convert_color_space(band, "YBR_FULL", "RGB"))
    return Bands.of(array)


def _is_ybr(array: NDArray[Any], said: str) -> bool:
    """Tell whether colours are luminance and chrominance: by the picture, where it is in doubt by tags.

    A radiograph is gray, marks on it aside: either all three are alike, or two are near the middle. What
    encoders write about it is wrong either way, and a JPEG without a marker does not say.
    """
    rows, columns = (max(1, length // 256) for length in array.shape[:2])
    first, second, third = np.moveaxis(array[::rows, ::columns].astype(np.float32), -1, 0)
    middle = np.float32(2 ** (8 * array.itemsize - 1))
    as_rgb = float((np.abs(first - second) + np.abs(first - third)).mean())
    as_ybr = float((np.abs(second - middle) + np.abs(third - middle)).mean())
    if max(as_rgb, as_ybr) > _CLEARLY * min(as_rgb, as_ybr) and array.itemsize == 1:
        return as_ybr < as_rgb
    return said in {"YBR_FULL", "YBR_FULL_422"}


def _used_bits(whole: Bands, dataset: Dataset, *, high: int | None) -> Bands:
    """Leave away bits that may hold anything, unless they continue the values: then mend Bits Stored."""
    if dataset.SamplesPerPixel > 1:
        return whole
    below, above = _unused_bits(dataset, high)
    if above and not below and _goes_on(whole, above):
        above, dataset.BitsStored = 0, dataset.BitsAllocated
    return whole.map(lambda band: band << above >> above + below) if below + above else whole


def _goes_on(whole: Bands, above: int) -> bool:
    """Tell whether the bits above those that count are needed, since neighbours would be torn apart without.

    Garbage there, such as the overlays of old writers, tears them apart itself.
    """
    lines = whole.lines(_SAMPLE, apart=1)
    used = lines << above >> above
    if np.array_equal(used, lines):
        return False
    steps, torn = (np.abs(np.diff(values.astype(np.int64), axis=1)).sum() for values in (lines, used))
    return bool(steps < torn)


_DEFAULTS: Final = {"SamplesPerPixel": 1, "PixelRepresentation": 0, "PlanarConfiguration": 0}
"""What is meant where careless writers leave these out."""


def _unused_bits(dataset: Dataset, high: int | None) -> tuple[int, int]:
    """Return how many bits below and above those that count may hold anything.

    Above: the standard has them so. Below: retired, but old (Bits Stored 12, High Bit 15).
    """
    allocated, stored = integer_of(dataset, "BitsAllocated") or 0, integer_of(dataset, "BitsStored") or 0
    # Often missing; then it is the standard's only value.
    if high is None or not stored <= high + 1 <= allocated:
        return 0, allocated - stored
    return high + 1 - stored, allocated - high - 1


def grayscale_of(dataset: Dataset) -> Grayscale:
    """Read how stored values become gray levels; what cannot be read counts as not there."""
    signed = integer_of(dataset, "PixelRepresentation") == 1
    voi = table_of(dataset, "VOILUTSequence", signed=signed) or _window(dataset)
    slope, intercept = (
        number_of(dataset, "RescaleSlope") or 1.0,
        number_of(dataset, "RescaleIntercept") or 0.0,
    )
    if abs(intercept / slope) > _LARGEST_SHIFT or not 1 / _LARGEST_SLOPE < abs(slope) < _LARGEST_SLOPE:
        # No unit of any detector; and as float32 the gray levels would fall together.
        slope, intercept = 1.0, 0.0
    return Grayscale(
        bits=integer_of(dataset, "BitsStored") or 16,
        signed=signed,
        # Presentation LUT Shape says the same once more (PS3.3 C.8.11.3.1.2): it must not invert again.
        inverted=value_of(dataset, "PhotometricInterpretation") == "MONOCHROME1",
        slope=slope,
        intercept=intercept,
        modality_lut=table_of(dataset, "ModalityLUTSequence", signed=signed),
        voi=voi,
        padding=_padding(dataset, signed=signed),
    )


def _window(dataset: Dataset) -> Window | None:
    center, width = number_of(dataset, "WindowCenter"), number_of(dataset, "WindowWidth")
    if center is None or width is None:
        return None
    said = str(value_of(dataset, "VOILUTFunction") or "").strip().upper()
    function = WindowFunction(said) if said in set(WindowFunction) else WindowFunction.LINEAR
    with suppress(ValueError):  # too narrow to be a window
        return Window(center, width, function)
    return None


def _padding(dataset: Dataset, *, signed: bool) -> tuple[int, int] | None:
    value, limit = (
        _stored(dataset, f"PixelPadding{what}", signed=signed) for what in ("Value", "RangeLimit")
    )
    if value is None:
        return None
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def _stored(dataset: Dataset, keyword: str, *, signed: bool) -> int | None:
    """Read a stored value, whose VR should follow the pixels' (PS3.3 C.7.5.1.1.2) and often does not."""
    value, bits = integer_of(dataset, keyword), integer_of(dataset, "BitsAllocated") or 16
    if value is None:
        return None
    values = 1 << bits
    value %= values
    return value - values if signed and 2 * value >= values else value
