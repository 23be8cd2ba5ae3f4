"""Frames as they are stored (PS3.18 8.7.3.3): nothing is decoded, the media type says what a viewer gets."""

from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO, Final

import numpy as np
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from api.dicomweb.media import ANY, BYTES, MULTIPART, MediaRange
from api.dicomweb.multipart import Part
from shared.dicom.attributes import integer_of
from shared.dicom.files import open_dicom
from shared.dicom.pixel_data import pixel_bytes

_TYPES: Final[dict[str, str]] = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1), "image/jpeg"),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), "image/jls"),
    **dict.fromkeys((JPEG2000Lossless, JPEG2000), "image/jp2"),
    **dict.fromkeys((HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K), "image/jphc"),
    RLELossless: "image/dicom-rle",
}
"""Table 8.7.3-5; whatever is not compressed is bytes."""
_NAME: Final = "the stored original"


def form_of(syntax: str, accepted: Sequence[MediaRange]) -> MediaRange | None:
    """Return the range that takes frames of a transfer syntax as they are; None where none does."""
    return next((one for one in accepted if _takes(one, syntax)), None)


def _takes(one: MediaRange, syntax: str) -> bool:
    kind, asked, within = _TYPES.get(syntax), one.transfer_syntax, one.within
    if kind is None:
        return within in {BYTES, ANY, "application/*"} and asked in {None, "*", ExplicitVRLittleEndian}
    if within == BYTES:
        # Bytes of which nothing more is said are not compressed.
        return asked in {"*", syntax}
    return within in {kind, ANY, "image/*"} and asked in {None, "*", syntax}


def frame_of(content: BinaryIO, form: MediaRange, place: str) -> Part:
    """Return the one frame of an instance.

    Args:
        form: as `form_of` returns it.

    Raises:
        BadInputError: the file has no pixel data, or not all of them.
    """
    opened = open_dicom(content, name=_NAME)
    pixels, syntax = pixel_bytes(content, opened, name=_NAME), opened.transfer_syntax
    kind = _TYPES.get(syntax)
    if kind is None:
        if syntax == ExplicitVRBigEndian:
            bits = integer_of(opened.dataset, "BitsAllocated") or 8
            pixels = np.frombuffer(pixels, f"u{max(bits // 8, 1)}").byteswap().tobytes()
        syntax = ExplicitVRLittleEndian
    media_type = BYTES if kind is None or form.within == BYTES else kind
    return Part(f"{media_type}; transfer-syntax={syntax}", BytesIO(pixels), place)


def is_multiple(form: MediaRange) -> bool:
    """Tell whether an answer in this form is a multipart one."""
    return form.media_type in {MULTIPART, ANY}
