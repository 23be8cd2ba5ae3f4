"""Tags that contradict the pixels: the pixels are believed, or their reader is told."""

import zlib
from io import BytesIO
from struct import pack
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGExtended12Bit, RLELossless

from shared.errors import UnsupportedImageError
from shared.reporting.warnings import ImageWarning
from tests.support.codestreams import a_dicom_around, a_png_with
from tests.support.dicoms import a_dicom, a_jpeg, a_picture, a_png
from tests.support.jpegs import EXTENDED, LOSSLESS
from worker_cnn.decoding import PreparedImage, prepare

Y, X = np.mgrid[:96, :80]
FILM = (500 + 20 * Y + 15 * X).astype(np.uint16)
"""12 bits, smooth: 500 to 3,585."""
GRAY = (FILM // 16).astype(np.uint8)
WINDOW: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}


def look(data: bytes) -> PreparedImage:
    return prepare(data, name="film", size=64)


def off(data: bytes, expected: bytes | np.ndarray) -> int:
    """Return by how many gray levels two pictures differ at most."""
    other = expected if isinstance(expected, np.ndarray) else look(expected).preview
    return int(np.abs(look(data).preview.astype(int) - other).max())


@pytest.mark.parametrize("code", [" MONOCHROME2", "monochrome2", "MONOCHROME2 \0"])
def test_a_photometric_interpretation_may_be_padded_or_in_small_letters(code: str):
    plain = a_dicom(FILM, **WINDOW)
    stored = b"(\0\4\0CS" + pack("<H", 12) + b"MONOCHROME2 "
    padded = code.encode().ljust(12)
    padded = padded if len(padded) % 2 == 0 else padded + b" "
    changed = plain.replace(stored, stored[:6] + pack("<H", len(padded)) + padded)
    assert changed != plain
    assert off(changed, plain) == 0


@pytest.mark.parametrize("value", [-2000, 63536])
def test_padding_may_have_the_wrong_sign(value: int):
    stored = FILM.astype(np.int16) - 1024
    stored[:, :15] = -2000
    data = a_dicom(stored, BitsStored=16, HighBit=15)
    element = b"(\0\x20\x01" + (b"SS" if value < 0 else b"US") + b"\2\0" + pack("<i", value)[:2]
    slope = data.index(b"\xe0\x7f\x10\0")
    seen = look(data[:slope] + element + data[slope:])
    assert not seen.preview[:, :15].any()
    assert seen.preview[:, 15:].mean() > 100


def test_padding_that_is_the_films_white_is_told():
    white = FILM.copy()
    white[70:] = 4095
    assert look(a_dicom(white, PixelPaddingValue=4095, **WINDOW)).warnings == (ImageWarning.PADDING_IS_WHITE,)
    assert look(a_dicom(white, PixelPaddingValue=0, **WINDOW)).warnings == ()
    white[70:] = 0
    assert look(a_dicom(white, PixelPaddingValue=0, **WINDOW)).warnings == ()


@pytest.mark.parametrize(("bits", "said"), [(12, 16), (8, 16), (12, 12), (16, 12)])
def test_a_voi_lut_reaches_from_black_to_white_whatever_it_says_of_its_bits(bits: int, said: int):
    item = Dataset()
    item.LUTDescriptor = [4096, 0, said]
    entries = np.rint(np.arange(4096) / 4095 * (2**bits - 1)).astype("<u2")
    item.add_new("LUTData", "OW", entries.tobytes())
    assert off(a_dicom(FILM, VOILUTSequence=[item]), a_dicom(FILM, **WINDOW)) <= 2


def without_jfif(jpeg: bytes) -> bytes:
    return jpeg[:2] + jpeg[4 + int.from_bytes(jpeg[4:6], "big") :]


def a_jpeg_of_rgb(pixels: np.ndarray) -> bytes:
    """Store RGB as it is, without a word about it: its components are numbered as those of YCbCr are."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0, keep_rgb=True)
    data = file.getvalue()
    adobe = data.find(b"\xff\xee")
    return (
        data
        if adobe < 0
        else data[:adobe] + data[adobe + 2 + int.from_bytes(data[adobe + 2 : adobe + 4], "big") :]
    )


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("is_rgb", [False, True])
def test_colours_are_told_by_the_picture(photometric: str, *, is_rgb: bool):
    colours = np.dstack([GRAY] * 3)
    stream = a_jpeg_of_rgb(colours) if is_rgb else without_jfif(a_jpeg(colours))
    tags: dict[str, Any] = {"SamplesPerPixel": 3, "PlanarConfiguration": 0}
    data = a_dicom_around(
        stream, JPEGBaseline8Bit, Rows=96, Columns=80, PhotometricInterpretation=photometric, **tags
    )
    assert off(data, GRAY) <= 3


def test_uncompressed_colours_are_told_by_the_picture():
    ybr = np.dstack([GRAY, np.full_like(GRAY, 128), np.full_like(GRAY, 128)])
    assert off(a_dicom(ybr, PhotometricInterpretation="RGB"), GRAY) <= 1
    assert off(a_dicom(np.dstack([GRAY] * 3), PhotometricInterpretation="YBR_FULL"), GRAY) <= 1


def test_a_jpeg_of_8_bits_may_be_said_to_have_16():
    for bits in (8, 12):
        stream = a_dicom_around(
            a_jpeg(GRAY),
            JPEGBaseline8Bit,
            Rows=96,
            Columns=80,
            BitsAllocated=16,
            BitsStored=bits,
            HighBit=bits - 1,
        )
        assert off(stream, GRAY) <= 3


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("has_colours", [False, True])
def test_the_stream_says_how_many_components_there_are(kind: str, *, has_colours: bool):
    file = BytesIO()
    options: dict[str, Any] = {"quality": 100} if kind == "JPEG" else {"no_jp2": True}
    Image.fromarray(np.dstack([GRAY] * 3) if has_colours else GRAY).save(file, kind, **options)
    said: dict[str, Any] = (
        {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"}
        if has_colours
        else {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    )
    syntax = JPEGBaseline8Bit if kind == "JPEG" else JPEG2000Lossless
    assert off(a_dicom_around(file.getvalue(), syntax, Rows=96, Columns=80, **said), GRAY) <= 3


@pytest.mark.parametrize("border", [0, 127, 60_000])
def test_a_window_left_over_is_recognised_whatever_border_there_is(border: int):
    film = FILM.copy()
    film[:10] = film[:, :10] = border
    seen = look(a_dicom(film, BitsStored=16, HighBit=15, WindowCenter=127, WindowWidth=255))
    assert seen.warnings == (ImageWarning.WINDOW_NOT_USED,)
    inside = seen.preview[12:, 12:]
    assert inside.max() - inside.min() > 200


def test_a_window_far_too_wide_is_recognised():
    seen = look(a_dicom(FILM, WindowCenter=32768, WindowWidth=65535))
    assert seen.warnings == (ImageWarning.WINDOW_NOT_USED,)
    assert seen.preview.max() - seen.preview.min() > 200


def test_usual_windows_are_used():
    narrow: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 1500}
    collimated = FILM.copy()
    collimated[:, :40] = 0
    for data in (a_dicom(FILM, **WINDOW), a_dicom(FILM, **narrow), a_dicom(collimated, **narrow)):
        assert look(data).warnings == ()


def test_an_empty_exposure_stays_empty():
    noise = np.random.default_rng(0).normal(2000, 5, FILM.shape).astype(np.uint16)
    assert look(a_dicom(noise, **WINDOW)).exposure.deviation < 0.02


@pytest.mark.parametrize("syntax", [None, RLELossless])
@pytest.mark.parametrize("stored", [8, 10])
def test_values_larger_than_the_stored_bits_are_kept(stored: int, syntax: Any):
    tags: dict[str, Any] = {"transfer_syntax": syntax} if syntax else {}
    smaller = a_dicom(FILM, **tags, **WINDOW)
    at = smaller.index(b"(\0\1\1US\2\0") + 8  # Bits Stored, and High Bit ten bytes behind it
    data = smaller[:at] + pack("<H", stored) + smaller[at + 2 : at + 10]
    data += pack("<H", stored - 1) + smaller[at + 12 :]
    assert off(data, a_dicom(FILM, **WINDOW)) == 0


def test_an_overlay_in_the_unused_bits_is_no_value():
    drawn = FILM.copy()
    drawn[30:60:3, 20:50] |= 0x1000
    assert off(a_dicom(drawn, **WINDOW), a_dicom(FILM, **WINDOW)) == 0


@pytest.mark.parametrize("tags", [{"RescaleSlope": 0}, {"RescaleIntercept": 1e9}, {"RescaleSlope": 1e30}])
def test_an_absurd_rescale_costs_no_gray_levels(tags: dict[str, Any]):
    assert off(a_dicom(FILM, **tags), a_dicom(FILM)) <= 1


def a_deep_png(samples: np.ndarray, colour: int) -> bytes:
    """Make a PNG of 16 bits that Pillow does not write."""
    head = pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    body = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data)) for kind, data in body
    )


@pytest.mark.parametrize("colour", [2, 4, 6])
def test_a_png_of_16_bits_keeps_all_of_them(colour: int):
    samples = [FILM] * (1 if colour == 4 else 3) + [np.full_like(FILM, 65535)] * (colour != 2)
    assert off(a_deep_png(np.dstack(samples), colour), a_png(FILM)) <= 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"iCCP", b"p\0\0" + zlib.compress(bytes(1_100_000))),
        (b"zTXt", b"t\0\0" + zlib.compress(bytes(1_100_000))),
        (b"iTXt", b"t\0\1\0\0\0" + zlib.compress(bytes(1_100_000))),
    ],
)
def test_a_pngs_text_and_profile_may_be_large(kind: bytes, body: bytes):
    assert off(a_png_with(kind, body, 1), a_png_with(b"tEXt", b"t\0x", 1)) == 0


def test_a_pngs_text_may_be_damaged():
    whole = a_png_with(b"tEXt", b"Comment\0x", 1)
    assert off(whole.replace(b"Comment", b"Comnent"), whole) == 0


@pytest.mark.parametrize(
    ("data", "said"), [(EXTENDED, "JPEG of 12 bits"), (LOSSLESS, "lossless JPEG of 12 bits")]
)
def test_a_jpeg_that_is_read_in_dicom_only_is_said_to_be_what_it_is(data: bytes, said: str):
    with pytest.raises(UnsupportedImageError, match=f"a {said}"):
        look(data)


def test_a_12_bit_jpeg_is_read_in_dicom():
    tags = {"Rows": 48, "Columns": 40, "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, **WINDOW}
    assert off(a_dicom_around(EXTENDED, JPEGExtended12Bit, **tags), a_dicom(a_picture(), **WINDOW)) < 255
