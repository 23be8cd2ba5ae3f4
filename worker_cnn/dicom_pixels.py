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
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.uid import JPEG2000TransferSyntaxes

from shared.attributes import integer_of, number_of, value_of
from shared.bands import Bands, Pixels
from shared.dicom_files import DicomFile
from shared.imaging import (
    Grayscale,
    LookupTable,
    Window,
    WindowFunction,
    display,
    luminance,
    scale,
)
from shared.pixel_data import fragments, native_bytes, pixel_bytes
from worker_cnn.repairs import repaired
from worker_cnn.room import check_room

_PIXEL_DATA: Final = 0x7FE00010
_LONGEST_LUT_BYTES: Final = 200_000
"""65,536 entries of two bytes, and what a sequence takes around them."""


def display_pixels(file: BinaryIO, opened: DicomFile, *, name: str) -> Bands:
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
    if (integer_of(dataset, "SamplesPerPixel") or 1) > 1:
        return stored.map(lambda band: scale(luminance(band), 0, 2**bits - 1))
    if value_of(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        return stored.map(lambda band: _looked_up(band, dataset))
    return display(stored, grayscale_of(dataset))


def _looked_up(band: NDArray[Any], dataset: Dataset) -> Pixels:
    colours = apply_color_lut(band, dataset)
    return scale(luminance(colours), 0, np.iinfo(colours.dtype).max)


def _decode(file: BinaryIO, opened: DicomFile, *, name: str) -> Bands:
    """Decode to (H, W) or (H, W, 3) stored values; YBR comes out as RGB."""
    dataset = opened.dataset
    for keyword, default in _DEFAULTS.items():
        if integer_of(dataset, keyword) is None:
            setattr(dataset, keyword, default)
    dataset.NumberOfFrames = 1
    vr = opened.pixels.vr if opened.pixels is not None and opened.pixels.vr in {"OB", "OW"} else "OW"
    check_room(_most_bytes(opened, name=name), rows=dataset.Rows, columns=dataset.Columns, name=name)
    frame = pixel_bytes(file, opened, name=name)
    decoder = get_decoder(opened.transfer_syntax)
    if decoder.is_encapsulated:
        return _decompress(decoder, dataset, frame)
    dataset.add_new(_PIXEL_DATA, vr, frame)
    if dataset.SamplesPerPixel > 1:
        return _array(decoder, dataset, view_only=True)
    below, above = _unused_bits(dataset)
    whole = _array(decoder, dataset, correct_unused_bits=False, view_only=True)
    return whole.map(lambda band: band << above >> above + below) if below + above else whole


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


def _decompress(decoder: Decoder, dataset: Dataset, frame: bytes) -> Bands:
    dataset.add_new(_PIXEL_DATA, "OB", encapsulate([frame]))
    try:
        return _array(decoder, dataset)
    except RuntimeError:  # no codec takes the frame
        mended = repaired(frame, decoder.UID)
        if mended is None:
            raise
        dataset.PixelData = encapsulate([mended])
        return _array(decoder, dataset)


def _array(decoder: Decoder, dataset: Dataset, **options: Any) -> Bands:  # noqa: ANN401 - flags
    array, found = decoder.as_array(dataset, index=0, raw=True, **options)
    photometric = found["photometric_interpretation"]
    if photometric in {"YBR_FULL", "YBR_FULL_422"}:
        return Bands.of(array).map(lambda band: convert_color_space(band, photometric, "RGB"))
    return Bands.of(array)


_DEFAULTS: Final = {"SamplesPerPixel": 1, "PixelRepresentation": 0, "PlanarConfiguration": 0}
"""What is meant where careless writers leave these out."""


def _unused_bits(dataset: Dataset) -> tuple[int, int]:
    """Return how many bits below and above those that count may hold anything.

    Above: the standard has them so. Below: retired, but old (Bits Stored 12, High Bit 15).
    """
    allocated, stored = integer_of(dataset, "BitsAllocated") or 0, integer_of(dataset, "BitsStored") or 0
    high = integer_of(dataset, "HighBit")  # often missing; then it is the standard's only value
    if high is None or not stored <= high + 1 <= allocated:
        return 0, allocated - stored
    return high + 1 - stored, allocated - high - 1


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
