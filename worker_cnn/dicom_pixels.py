"""From an opened DICOM file to display pixels: decodes the frame, reads the tags that say how to show it.

This runs codecs over bytes from outside: call it through `worker_cnn.decoding`.
"""

from contextlib import suppress
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.processing import apply_color_lut

from shared.attributes import integer_of, number_of, value_of
from shared.dicom_files import DicomFile
from shared.imaging import (
    Grayscale,
    LookupTable,
    Pixels,
    Window,
    WindowFunction,
    display,
    luminance,
    scale,
)
from shared.pixel_data import pixel_bytes
from worker_cnn.repairs import repaired

_PIXEL_DATA: Final = 0x7FE00010
_LONGEST_LUT_BYTES: Final = 200_000
"""65,536 entries of two bytes, and what a sequence takes around them."""


def display_pixels(file: BinaryIO, opened: DicomFile, *, name: str) -> Pixels:
    """Decode the one frame of a checked DICOM file.

    Returns:
        (H, W) float32 in [0, 1]; colour becomes luminance.

    Raises:
        BrokenImageError: the pixel data are cut off.
        Exception: anything else that pydicom or a codec raises over broken bytes.
    """
    dataset = opened.dataset
    stored = _decode(file, opened, name=name)
    bits = integer_of(dataset, "BitsStored") or 8
    if stored.ndim == 3:
        return scale(luminance(stored), 0, 2**bits - 1)
    if value_of(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        colours = apply_color_lut(stored, dataset)
        return scale(luminance(colours), 0, np.iinfo(colours.dtype).max)
    return display(stored, grayscale_of(dataset))


def _decode(file: BinaryIO, opened: DicomFile, *, name: str) -> NDArray[Any]:
    """Decode to (H, W) or (H, W, 3) stored values; YBR comes out as RGB."""
    dataset = opened.dataset
    for keyword, default in _DEFAULTS.items():
        if integer_of(dataset, keyword) is None:
            setattr(dataset, keyword, default)
    dataset.NumberOfFrames = 1
    vr = opened.pixels.vr if opened.pixels is not None and opened.pixels.vr in {"OB", "OW"} else "OW"
    frame = pixel_bytes(file, opened, name=name)
    decoder = get_decoder(opened.transfer_syntax)
    if decoder.is_encapsulated:
        return _decompress(decoder, dataset, frame)
    dataset.add_new(_PIXEL_DATA, vr, frame)
    shift = _unused_low_bits(dataset)
    if shift == 0:
        return _array(decoder, dataset)
    # Retired, but old: the bits that count may sit above others (Bits Stored 12, High Bit 15).
    whole = _array(decoder, dataset, correct_unused_bits=False)
    above = whole.dtype.itemsize * 8 - shift - (integer_of(dataset, "BitsStored") or 0)
    left: NDArray[Any] = whole << above
    return left >> (above + shift)


def _decompress(decoder: Decoder, dataset: Dataset, frame: bytes) -> NDArray[Any]:
    dataset.add_new(_PIXEL_DATA, "OB", encapsulate([frame]))
    try:
        return _array(decoder, dataset)
    except RuntimeError:  # no codec takes the frame
        mended = repaired(frame, decoder.UID)
        if mended is None:
            raise
        dataset.PixelData = encapsulate([mended])
        return _array(decoder, dataset)


def _array(decoder: Decoder, dataset: Dataset, **options: Any) -> NDArray[Any]:  # noqa: ANN401 - flags
    array: NDArray[Any] = decoder.as_array(dataset, index=0, **options)[0]
    return array


_DEFAULTS: Final = {"SamplesPerPixel": 1, "PixelRepresentation": 0, "PlanarConfiguration": 0}
"""What is meant where careless writers leave these out."""


def _unused_low_bits(dataset: Dataset) -> int:
    allocated, stored = integer_of(dataset, "BitsAllocated") or 0, integer_of(dataset, "BitsStored") or 0
    high = integer_of(dataset, "HighBit")  # often missing; then it is the standard's only value
    if high is None or not stored <= high + 1 <= allocated:
        return 0
    return high + 1 - stored


def grayscale_of(dataset: Dataset) -> Grayscale:
    """Read how stored values become gray levels; what cannot be read counts as not there."""
    signed = integer_of(dataset, "PixelRepresentation") == 1
    voi = _table(dataset, "VOILUTSequence", signed=signed) or _window(dataset)
    return Grayscale(
        bits=integer_of(dataset, "BitsStored") or 16,
        signed=signed,
        # Presentation LUT Shape says the same once more (PS3.3 C.8.11.3.1.2): it must not invert again.
        inverted=value_of(dataset, "PhotometricInterpretation") == "MONOCHROME1",
        slope=number_of(dataset, "RescaleSlope") or 1.0,
        intercept=number_of(dataset, "RescaleIntercept") or 0.0,
        modality_lut=_table(dataset, "ModalityLUTSequence", signed=signed),
        voi=voi,
        padding=_padding(dataset),
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


def _table(dataset: Dataset, keyword: str, *, signed: bool) -> LookupTable | None:
    """Read the first LUT of a sequence (PS3.3 C.11.1, C.11.2)."""
    with suppress(Exception):  # a sequence, an item and three tags, each of which may be anything
        item = value_of(dataset, keyword, longest=_LONGEST_LUT_BYTES)[0]
        count, first, bits = (int(value) for value in item.LUTDescriptor)
        if signed and first > 32767:
            first -= 65536  # an item does not know that the image is signed, and reads it as unsigned
        values = _entries(item, count or 65536)
        # Some tables have larger entries than they announce.
        return LookupTable(values, first, max(bits, int(values.max()).bit_length()))
    return None


def _entries(item: Dataset, count: int) -> NDArray[np.uint16]:
    data = item.LUTData
    if isinstance(data, bytes):  # OW: bytes of 8-bit entries, or words in the file's byte order
        order = "<" if item.is_little_endian is not False else ">"
        dtype = np.dtype(np.uint8) if len(data) < 2 * count else np.dtype(f"{order}u2")
        data = np.frombuffer(data, dtype)
    return np.atleast_1d(np.asarray(data))[:count].astype(np.uint16)


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    value = integer_of(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = integer_of(dataset, "PixelPaddingRangeLimit")
    return (value, value) if limit is None else (min(value, limit), max(value, limit))
