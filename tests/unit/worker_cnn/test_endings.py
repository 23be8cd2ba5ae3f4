"""A frame that ends early is refused, whatever its codec; one that lacks only its end marker is read."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import generate_fragments
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from shared.errors import BrokenImageError
from tests.support.codestreams import a_dicom_around
from tests.support.dicoms import a_dicom, a_jpeg, a_picture
from tests.support.jpegs import EXTENDED, LOSSLESS
from worker_cnn.decoding import prepare

END = b"\xff\xd9"
NOISE = np.random.default_rng(0).integers(60, 200, (192, 160), np.uint8)
BITS12 = {"Rows": 48, "Columns": 40, "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}


def saved(pixels: np.ndarray, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def frame_of(syntax: UID) -> bytes:
    """Return what pydicom's own encoder makes of a picture."""
    data = a_dicom(NOISE, transfer_syntax=syntax)
    element = data.index(b"\xe0\x7f\x10\0OB")
    _, frame = generate_fragments(data[element + 12 :])
    return frame


FRAMES = {
    "baseline": (a_jpeg(NOISE), JPEGBaseline8Bit, {}),
    "restarts": (saved(NOISE, "JPEG", quality=90, restart_marker_rows=1), JPEGBaseline8Bit, {}),
    "colour": (a_jpeg(np.dstack([NOISE] * 3)), JPEGBaseline8Bit, {}),
    "progressive": (a_jpeg(NOISE, progressive=True), JPEGBaseline8Bit, {}),
    "extended": (EXTENDED, JPEGExtended12Bit, BITS12),
    "lossless": (LOSSLESS, JPEGLosslessSV1, BITS12),
    "jpeg-ls": (frame_of(JPEGLSLossless), JPEGLSLossless, {}),
    "jpeg-2000": (saved(NOISE, "JPEG2000", no_jp2=True), JPEG2000Lossless, {}),
    "tiles": (saved(NOISE, "JPEG2000", no_jp2=True, tile_size=(16, 16)), JPEG2000Lossless, {}),
    "rle": (frame_of(RLELossless), RLELossless, {}),
}
every_codec = pytest.mark.parametrize("codec", FRAMES)


def shown(codec: str, frame: bytes) -> np.ndarray:
    _, syntax, tags = FRAMES[codec]
    data = a_dicom_around(frame, syntax, **{"Rows": 192, "Columns": 160, **tags})
    return prepare(data, name="film", size=64).preview


def cut(frame: bytes, percent: int) -> bytes:
    return frame[: len(frame) * percent // 100]


@every_codec
@pytest.mark.parametrize("percent", [40, 70, 95, 99])
def test_a_frame_that_ends_early_is_refused(codec: str, percent: int):
    with pytest.raises(BrokenImageError, match="cut off"):
        shown(codec, cut(FRAMES[codec][0], percent))


@pytest.mark.parametrize("codec", sorted(FRAMES.keys() - {"rle", "progressive"}))
@pytest.mark.parametrize("percent", [40, 70, 95])
def test_a_frame_that_ends_early_and_has_its_end_marker_is_refused(codec: str, percent: int):
    with pytest.raises(BrokenImageError, match="cut off"):
        shown(codec, cut(FRAMES[codec][0], percent) + END)


@pytest.mark.parametrize("codec", sorted(FRAMES.keys() - {"rle"}))
def test_a_frame_without_its_end_marker_is_read(codec: str):
    whole = FRAMES[codec][0].rstrip(b"\0")
    bare = whole.removesuffix(END)
    padded = bare + b"\0" * (len(bare) % 2)
    for frame in (bare, padded, whole + b"\0\0"):
        assert np.array_equal(shown(codec, frame), shown(codec, whole))


def test_tiles_that_are_missing_are_not_shown_black():
    whole = FRAMES["tiles"][0]
    with pytest.raises(BrokenImageError, match="cut off"):
        shown("tiles", whole[: whole.rindex(b"\xff\x90")] + END)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_too_few_uncompressed_pixels_are_refused(syntax: UID):
    whole = a_picture().tobytes()
    data = a_dicom(transfer_syntax=syntax, PixelData=whole[: len(whole) * 95 // 100 // 2 * 2])
    with pytest.raises(BrokenImageError, match="cut off"):
        prepare(data, name="film", size=64)


@pytest.mark.parametrize("kind", ["baseline", "restarts", "colour", "progressive"])
@pytest.mark.parametrize("percent", [40, 70, 95, 99])
def test_a_bare_jpeg_that_ends_early_is_refused(kind: str, percent: int):
    with pytest.raises(BrokenImageError, match="cut off"):
        prepare(cut(FRAMES[kind][0], percent), name="film", size=64)


@pytest.mark.parametrize("kind", ["baseline", "restarts", "colour", "progressive"])
def test_a_bare_jpeg_without_its_end_marker_is_read(kind: str):
    whole = FRAMES[kind][0]
    expected = prepare(whole, name="film", size=64).preview
    for data in (whole[:-2], whole + b"what a camera adds" + END):
        assert np.array_equal(prepare(data, name="film", size=64).preview, expected)
