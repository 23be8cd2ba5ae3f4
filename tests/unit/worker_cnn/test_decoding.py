"""Decoding: the same pixels from every encoding, and a reason for what cannot be decoded."""

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from samples import path
from shared.domain.findings import ViewPosition
from shared.errors import BadInputError, BrokenImageError, TooLargeError
from tests.support.dicoms import a_dicom, a_jpeg, a_picture, a_png
from worker_cnn.decoding import PreparedImage, prepare

LOSSLESS = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
    JPEG2000Lossless,
]
WINDOW: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}


def look(data: bytes, **limits: int) -> PreparedImage:
    return prepare(data, name="film.bin", size=64, **limits)


def shown(data: bytes) -> np.ndarray:
    return look(data).preview


def gray8(rows: int = 48, columns: int = 40) -> np.ndarray:
    return (a_picture(rows, columns) >> 4).astype(np.uint8)


EXPECTED = np.rint(a_picture() / 4095 * 255).astype(np.uint8)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_every_lossless_encoding_gives_the_same_pixels(syntax):
    assert np.array_equal(shown(a_dicom(transfer_syntax=syntax, **WINDOW)), EXPECTED)


def test_a_gray_image_tells_which_of_its_values_are_black_and_white():
    assert look(a_dicom(WindowCenter=2048, WindowWidth=1000)).attributes.shown_range == (1548, 2547)
    colour = a_dicom(SamplesPerPixel=3, PhotometricInterpretation="RGB", pixels=np.zeros((8, 8, 3), np.uint8))
    for file in (colour, a_png(gray8())):
        assert look(file).attributes.shown_range is None


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_monochrome1_is_the_mirror_image_of_monochrome2_in_every_encoding(syntax):
    data = a_dicom(transfer_syntax=syntax, PhotometricInterpretation="MONOCHROME1", **WINDOW)
    assert np.abs(shown(data).astype(int) - (255 - EXPECTED)).max() <= 1


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_signed_values_keep_their_sign(syntax):
    signed = a_picture().astype(np.int16) - 2048
    data = a_dicom(signed, transfer_syntax=syntax, WindowCenter=0, WindowWidth=4096)
    assert np.array_equal(shown(data), EXPECTED)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_colour_becomes_luminance_in_every_encoding(syntax):
    colour = np.stack([gray8(), gray8().T.reshape(48, 40), 255 - gray8()], axis=-1)
    pixels = shown(a_dicom(colour, transfer_syntax=syntax, BitsStored=8, HighBit=7, Modality="OT"))
    luminance = colour @ np.array([0.299, 0.587, 0.114])
    assert np.abs(pixels - luminance).max() <= 1


def test_jpeg_baseline_in_dicom_is_read():
    pixels = shown(a_dicom(smooth8(), transfer_syntax=JPEGBaseline8Bit))
    assert np.abs(pixels.astype(int) - smooth8()).max() <= 3


def smooth8(rows: int = 48, columns: int = 40) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return np.asarray(40 + 2 * y + 3 * x, np.uint8)


def test_bits_that_sit_above_others_are_shifted_down():
    shifted = (a_picture() << 4) | 0xF
    data = a_dicom(shifted, BitsStored=12, HighBit=15, **WINDOW)
    assert np.array_equal(shown(data), EXPECTED)


def test_garbage_in_unused_bits_is_not_seen():
    dirty = a_picture() | 0xF000
    assert np.array_equal(shown(a_dicom(dirty, **WINDOW)), EXPECTED)


def test_a_missing_high_bit_means_the_usual_one():
    assert np.array_equal(shown(a_dicom(HighBit=None, **WINDOW)), EXPECTED)


def test_the_rescale_and_the_window_are_used():
    data = a_dicom(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3096, WindowWidth=8191)
    assert np.abs(shown(data).astype(int) - EXPECTED).max() <= 1


def test_the_first_of_several_windows_is_used():
    data = a_dicom(WindowCenter=[2048, 10], WindowWidth=[4096, 10])
    assert np.array_equal(shown(data), EXPECTED)


@pytest.mark.parametrize("width", [0, -5])
def test_a_window_without_width_counts_as_none(width):
    data = a_dicom(WindowCenter=2048, WindowWidth=width)
    assert look(data).exposure.levels > 100


def test_a_window_beside_the_values_does_not_hide_the_picture():
    assert look(a_dicom(WindowCenter=60_000, WindowWidth=100)).exposure.levels > 100


@pytest.mark.parametrize("signed", [False, True])
def test_a_voi_lut_goes_before_a_window(signed):
    item = Dataset()
    item.LUTDescriptor = [4096, -2048 if signed else 0, 8]
    item.add_new("LUTData", "OW", np.rint(np.arange(4096) / 4095 * 255).astype("<u2").tobytes())
    stored = a_picture().astype(np.int16) - 2048 if signed else a_picture()
    data = a_dicom(stored, VOILUTSequence=[item], WindowCenter=1, WindowWidth=1)
    assert np.array_equal(shown(data), EXPECTED)


def test_padding_is_black_in_monochrome1_as_well():
    stored = a_picture() // 2 + 1000
    stored[:5] = 0
    pixels = shown(a_dicom(stored, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0))
    assert not pixels[:5].any()
    assert pixels[5:].mean() > 50


def palette(entries: int) -> dict[str, Any]:
    ramp = (np.arange(256) * 257).astype("<u2").tobytes()[: 2 * entries]
    tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR", "Modality": "OT"}
    for colour in ("Red", "Green", "Blue"):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{colour}PaletteColorLookupTableData"] = ramp
    return tags


def test_a_palette_is_looked_up():
    assert np.abs(shown(a_dicom(gray8(), **palette(256))).astype(int) - gray8()).max() <= 1


def test_a_palette_shorter_than_it_says_is_broken():
    with pytest.raises(BrokenImageError):
        look(a_dicom(gray8(), **palette(10)))


def test_a_known_slip_in_a_jpeg_2000_stream_is_mended():
    data = a_dicom(transfer_syntax=JPEG2000Lossless, **WINDOW)
    start, end = data.index(b"\xff\x4f\xff\x51"), data.rindex(b"\xff\xd9")
    length = int.from_bytes(data[start - 4 : start], "little")
    padded = data[start:end] + b"\xff\x64\0\x0b\0\x01PADDING" + data[end : start + length]
    mended = data[: start - 4] + len(padded).to_bytes(4, "little") + padded + data[start + length :]
    assert np.array_equal(shown(mended), EXPECTED)


@pytest.mark.parametrize(
    "pixels", [gray8(), np.dstack([gray8()] * 3), np.dstack([gray8()] * 3 + [np.full_like(gray8(), 9)])]
)
def test_an_8_bit_png_is_shown_as_it_is(pixels):
    assert np.array_equal(shown(a_png(pixels)), gray8())


def test_a_16_bit_png_is_shown_over_the_range_that_it_uses():
    low, high = np.percentile(a_picture(), (0.5, 99.5))
    expected = np.rint(np.clip((a_picture() - low) / (high - low), 0, 1) * 255)
    assert np.array_equal(shown(a_png(a_picture() + 5000)), expected)


def test_a_jpeg_is_read_and_turned_as_its_exif_says():
    straight = shown(a_jpeg(smooth8()))
    turned = shown(
        a_jpeg(smooth8(), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
    )
    assert np.abs(straight.astype(int) - smooth8()).max() <= 3
    assert np.array_equal(turned, np.rot90(straight, -1))


def test_exif_that_is_garbage_does_not_hide_the_picture():
    assert shown(a_jpeg(smooth8(), exif=b"Exif\0\0" + b"\xff" * 50)).shape == (48, 40)


@pytest.mark.parametrize("data", [a_png(gray8()), a_jpeg(gray8())], ids=["png", "jpeg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_png_or_jpeg_is_broken(data, share):
    with pytest.raises(BrokenImageError) as caught:
        look(data[: int(len(data) * share)])
    assert caught.value.file == "film.bin"


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_a_damaged_frame_is_broken_or_still_a_picture(syntax):
    data = bytearray(a_dicom(transfer_syntax=syntax, **WINDOW))
    random = np.random.default_rng(1)
    for _ in range(30):
        damaged = bytearray(data)
        for at in random.integers(len(data) // 2, len(data), 8):
            damaged[at] ^= int(random.integers(1, 256))
        try:
            assert look(bytes(damaged)).preview.shape == (48, 40)
        except BadInputError:
            continue


def test_what_is_needed_downstream_comes_along():
    seen = look(a_dicom(a_picture(2000, 1600), PatientAge="064Y", PatientSex="F", **WINDOW))
    assert (seen.rows, seen.columns) == (2000, 1600)
    assert seen.preview.shape == (1536, 1229)
    assert seen.model_input.shape == (64, 64)
    assert seen.model_input.dtype == np.float32
    assert seen.attributes.view is ViewPosition.PA
    assert seen.attributes.age_years == 64
    assert seen.exposure.levels > 200


def test_more_pixels_than_the_limit_are_refused_before_decoding():
    with pytest.raises(TooLargeError):
        look(a_dicom(), max_pixels=100)


@pytest.mark.parametrize(
    "name", ["chest-4-rle.dcm", "chest-5-monochrome1-jpegls.dcm", "chest-6-jpeg2000.dcm"]
)
def test_the_samples_have_bright_spines_and_dark_air(name):
    picture = shown(path(name).read_bytes())
    spine, lung, corner = picture[300:400, 225:245], picture[150:250, 110:150], picture[:20, :20]
    assert spine.mean() > lung.mean() + 60
    assert corner.mean() < spine.mean()


def test_the_same_sample_in_two_encodings_is_the_same_picture():
    plain, packed = (look(path(name).read_bytes()) for name in ("chest-4.dcm", "chest-4-rle.dcm"))
    assert np.array_equal(plain.model_input, packed.model_input)
