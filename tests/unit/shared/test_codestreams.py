"""Codestreams that are legal and small, and keep a decoder busy for minutes or fill its memory."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000, UID, HTJ2KLossless, JPEGBaseline8Bit, JPEGLSLossless

from shared.dicom.checks import check_header
from shared.errors import BrokenImageError, TooLargeError
from tests.support.codestreams import (
    SIDE,
    a_dicom_around,
    a_jpeg2000,
    a_jpeg_of_scans,
    a_jpeg_of_segments,
    a_jpeg_of_two_headers,
    a_png_with,
    in_a_jp2,
)
from tests.support.dicoms import a_dicom, a_jpeg

Wrap = Callable[[bytes], bytes]


def check(data: bytes) -> tuple[int, int]:
    header = check_header(BytesIO(data), name="film", max_pixels=100_000_000)
    return header.rows, header.columns


def refusal(data: bytes) -> str:
    with pytest.raises(TooLargeError) as caught:
        check(data)
    assert caught.value.file == "film"
    return caught.value.detail


def bare(stream: bytes) -> bytes:
    return stream


def in_dicom(stream: bytes) -> bytes:
    return a_dicom_around(stream, JPEGBaseline8Bit)


def in_pieces(stream: bytes) -> bytes:
    return a_dicom_around(stream, JPEGBaseline8Bit, piece=1000)


WRAPS = pytest.mark.parametrize("wrap", [bare, in_dicom, in_pieces])


@WRAPS
def test_thousands_of_scans_are_refused(wrap: Wrap):
    bomb = wrap(a_jpeg_of_scans(5006))
    assert len(bomb) < 200_000
    assert "more than 100 scans" in refusal(bomb)


@WRAPS
@pytest.mark.parametrize("scans", [6, 100])
def test_a_progressive_picture_is_let_in(wrap: Wrap, scans: int):
    assert check(wrap(a_jpeg_of_scans(scans))) == (SIDE, SIDE)


@WRAPS
@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\xfe\0\x03x",
        b"\xff\xe5\0\x02",
        b"\xff\xdd\0\x04\0\0",
        b"\xff\xc4\0\x02",
        b"garbage\xff\xff\xff\xfe\0\x02",
    ],
    ids=["comments", "applications", "restarts", "tables", "with garbage between"],
)
def test_thousands_of_segments_are_refused(wrap: Wrap, segment: bytes):
    assert "segments" in refusal(wrap(a_jpeg_of_segments(segment, 20_000)))


def test_scans_behind_a_picture_within_the_picture_are_counted_and_that_one_is_not():
    thumbnail = a_jpeg_of_scans(500)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = a_jpeg_of_scans(90)
    assert check(whole[:2] + segment + whole[2:]) == (SIDE, SIDE)
    whole = a_jpeg_of_scans(101)
    assert "scans" in refusal(whole[:2] + segment + whole[2:])


def test_a_second_jpeg_header_does_not_undo_the_first():
    assert "more than one header" in refusal(a_jpeg_of_two_headers(60_000, 60_000))


def test_a_large_picture_with_restarts_and_all_bytes_is_let_in():
    noise = np.random.default_rng(1).integers(0, 256, (1500, 1500), np.uint8)
    assert check(a_jpeg(noise, restart_marker_blocks=1)) == (1500, 1500)


def test_jpeg_ls_data_are_not_taken_for_segments():
    noise = np.random.default_rng(1).integers(0, 65_536, (1200, 1200), np.uint16)
    data = a_dicom(noise, transfer_syntax=JPEGLSLossless, BitsStored=16, HighBit=15)
    assert check(data) == (1200, 1200)


def test_a_png_of_very_many_chunks_is_refused():
    assert "chunks beside the pixels" in refusal(a_png_with(b"tEXt", b"a\0b", 20_000))
    assert "more than 50000 chunks" in refusal(a_png_with(b"IDAT", b"", 60_000))
    assert check(a_png_with(b"tEXt", b"a\0b", 900)) == (SIDE, SIDE)


def test_a_second_png_header_does_not_undo_the_first():
    body = b"\0\1\0\0\0\1\0\0\x08\0\0\0\0"  # 65,536 x 65,536
    assert "more than one header" in refusal(a_png_with(b"IHDR", body, 1))


@pytest.mark.parametrize("syntax", [JPEG2000, HTJ2KLossless], ids=["jpeg2000", "htj2k"])
@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (a_jpeg2000(layers=65_535, rows=9000, columns=9000, tile_rows=9000, tile_columns=9000), "packets"),
        (a_jpeg2000(rows=9000, columns=9000, tile_rows=40, tile_columns=40), "tiles"),
        (a_jpeg2000(rows=9000, columns=9000, tile_rows=9000, tile_columns=9000, precinct=1), "packets"),
        (a_jpeg2000(rows=9000, columns=9000, tile_rows=9000, tile_columns=9000, block=2), "code-blocks"),
    ],
    ids=["layers", "tiles", "precincts", "blocks"],
)
def test_a_jpeg_2000_picture_of_very_many_parts_is_refused(syntax: UID, stream: bytes, said: str):
    assert said in refusal(a_dicom_around(stream, syntax, Rows=9000, Columns=9000))


def test_a_jpeg_2000_tile_that_claims_what_the_picture_does_not_is_refused():
    stream = a_jpeg2000()
    start, end = stream.index(b"\xff\x52"), stream.index(b"\xff\x5c")
    many = bytearray(stream[start:end])
    many[6:8] = b"\xff\xff"
    many[14:] = b"\x11" * (len(many) - 14)
    data = stream.index(b"\xff\x93")
    tile = stream.index(b"\xff\x90")
    length = int.from_bytes(stream[tile + 6 : tile + 10], "big") + len(many)
    changed = stream[: tile + 6] + length.to_bytes(4, "big") + stream[tile + 10 : data] + many + stream[data:]
    assert "packets" in refusal(a_dicom_around(bytes(changed), JPEG2000))


def test_a_jpeg_2000_picture_in_a_jp2_is_the_one_in_its_own_box():
    assert check(a_dicom_around(in_a_jp2(a_jpeg2000()), JPEG2000)) == (SIDE, SIDE)
    large = a_jpeg2000(rows=20_000, columns=20_000, tile_rows=20_000, tile_columns=20_000, precinct=15)
    hidden = in_a_jp2(large, decoy=a_jpeg2000())
    with pytest.raises(BrokenImageError, match="disagree"):
        check(a_dicom_around(hidden, JPEG2000))


@pytest.mark.parametrize(
    "options", [{}, {"tile_size": (128, 128)}, {"quality_layers": [30, 10, 1], "precinct_size": (128, 128)}]
)
def test_an_ordinary_jpeg_2000_picture_is_let_in(options: dict[str, object]):
    file = BytesIO()
    picture = np.random.default_rng(1).integers(0, 256, (1000, 1000), np.uint8)
    Image.fromarray(picture).save(file, "JPEG2000", no_jp2=True, **options)
    assert check(a_dicom_around(file.getvalue(), JPEG2000, Rows=1000, Columns=1000)) == (1000, 1000)
