"""The door: what is let in, and the reason that everything else is given."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO
from struct import pack

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from samples import path
from shared.dicom.attributes import Attributes, attributes_of, quietly
from shared.dicom.checks import MediaType, check_header, sniff
from shared.domain.findings import ViewPosition
from shared.errors import (
    BadInputError,
    BrokenImageError,
    EmptyFileError,
    NotAnImageError,
    TooLargeError,
    UnsupportedImageError,
)
from tests.support.dicoms import a_dicom, a_jpeg, a_picture, a_png, a_png_bomb

SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
    JPEG2000Lossless,
]


ENCODED = [a_dicom(transfer_syntax=syntax) for syntax in SYNTAXES]


def check(data: bytes, *, max_pixels: int = 1_000_000):
    return check_header(BytesIO(data), name="film.bin", max_pixels=max_pixels)


def refusal(data: bytes, *, max_pixels: int = 1_000_000) -> BadInputError:
    with pytest.raises(BadInputError) as caught:
        check(data, max_pixels=max_pixels)
    assert caught.value.file == "film.bin"
    return caught.value


def gray(rows: int = 30, columns: int = 20) -> np.ndarray:
    return np.arange(rows * columns, dtype=np.uint8).reshape(rows, columns)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_a_dicom_file_says_its_size_and_encoding(syntax):
    header = check(a_dicom(transfer_syntax=syntax))
    assert (header.media_type, header.rows, header.columns) == (MediaType.DICOM, 48, 40)
    assert header.transfer_syntax == syntax
    assert header.attributes.view is ViewPosition.PA


@pytest.mark.parametrize(
    ("data", "media_type"), [(a_png(gray()), MediaType.PNG), (a_jpeg(gray()), MediaType.JPEG)]
)
def test_png_and_jpeg_say_their_size(data, media_type):
    header = check(data)
    assert (header.media_type, header.rows, header.columns) == (media_type, 30, 20)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("orientation", range(10))
def test_a_jpeg_s_size_is_that_of_the_picture_as_exif_has_it_shown(orientation, order):
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    entries = struct.pack(f"{order}HHHIHHHHIHHI", 2, 0x0100, 3, 1, 7, 0, 0x0112, 3, 1, orientation, 0, 0)
    header = check(a_jpeg(gray(), exif=b"Exif\0\0" + tiff + entries))
    assert (header.rows, header.columns) == ((20, 30) if 5 <= orientation <= 8 else (30, 20))


@pytest.mark.parametrize(
    "exif", [b"", b"MM\0*", b"MM\0*\0\0\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"\xff" * 50]
)
def test_exif_that_is_garbage_turns_nothing(exif):
    header = check(a_jpeg(gray(), exif=b"Exif\0\0" + exif))
    assert (header.rows, header.columns) == (30, 20)


@pytest.mark.parametrize("name", ["chest-1.png", "chest-3.jpg", "chest-4.dcm", "chest-6-jpeg2000.dcm"])
def test_the_samples_are_let_in(name):
    assert check(path(name).read_bytes()).rows == 472


def test_a_dicom_file_without_preamble_is_told_by_its_first_elements():
    data = a_dicom()[132:]
    assert sniff(data) is MediaType.DICOM
    assert check(data).rows == 48


def test_a_bare_data_set_without_file_meta_is_told_and_read():
    whole = a_dicom(transfer_syntax=ImplicitVRLittleEndian)
    bare = whole[whole.index(b"\x08\x00\x16\x00") :]
    assert sniff(bare) is MediaType.DICOM
    assert check(bare).transfer_syntax == ImplicitVRLittleEndian


@pytest.mark.parametrize(
    "data",
    [
        b"This is not a radiograph, whatever its name says.\n" * 100,
        b"%PDF-1.7\n" + b"\0" * 3000,
        b"PK\x03\x04" + b"\0" * 3000,
        b"GIF89a" + b"\0" * 3000,
        b"II*\0" + b"\0" * 3000,
        b"\0" * 3000,
        b"\x08\0\x05\0CS",
        b"\x02\0\x10\0UI\xff\xff" + b"1" * 3000,
        b"<!DOCTYPE html>" + b" " * 200,
    ],
    ids=["text", "pdf", "zip", "gif", "tiff", "zeros", "half an element", "long element", "html"],
)
def test_anything_else_is_not_an_image(data):
    assert sniff(data) is None
    assert isinstance(refusal(data), NotAnImageError)


@given(st.binary(max_size=400))
def test_random_bytes_are_never_taken_for_dicom(data):
    assert sniff(data) is not MediaType.DICOM


def test_an_empty_file_says_so():
    assert isinstance(refusal(b""), EmptyFileError)


@pytest.mark.parametrize(
    "preamble",
    [
        b"MZ\x90\0",
        b"\x7fELF",
        b"\xfe\xed\xfa\xcf",
        b"\xbe\xba\xfe\xca",
        b"#!/bin/sh\n",
        b"PK\x03\x04",
        b"%PDF-1.7",
        b"<script>",
        b"  \n<html>",
        b"\0\0\0\x18ftyp",
        b"\0asm",
        b"ID3",
        b"@echo off\r\n",
        b"II*\0" + b"<script>",
        b"MM\0*\0\0\0\x08" + b"\0" * 40 + b"<script>",
        b"\0" * 15 + b"MZ",
    ],
)
def test_a_dicom_file_that_may_be_something_else_as_well_is_refused(preamble):
    error = refusal(preamble.ljust(128, b"\0") + a_dicom()[128:])
    assert isinstance(error, NotAnImageError)
    assert "fill them with zeros" in error.detail


@pytest.mark.parametrize(
    "preamble",
    [b"II*\0\x54\x18\x08\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0" + b"\x10" * 8, b"\0" * 17 + b"\x01"],
    ids=["tiff", "big-endian tiff", "bigtiff", "a writer's mark"],
)
def test_preambles_that_are_known_to_be_harmless_are_let_in(preamble):
    assert check(preamble.ljust(128, b"\0") + a_dicom()[128:]).rows == 48


def test_a_png_bomb_is_too_large_before_it_is_unpacked():
    bomb = a_png_bomb(30_000, 30_000)
    assert len(bomb) < 1_000_000
    error = refusal(bomb, max_pixels=100_000_000)
    assert isinstance(error, TooLargeError)
    assert "30000 x 30000" in error.detail


@pytest.mark.parametrize("cut", [9, 20])
def test_a_png_without_its_size_is_broken(cut):
    assert isinstance(refusal(a_png(gray())[:cut]), BrokenImageError)


@pytest.mark.parametrize("cut", [4, 25, 60])
def test_a_jpeg_without_its_size_is_broken(cut):
    assert isinstance(refusal(a_jpeg(gray())[:cut]), BrokenImageError)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.97])
def test_a_truncated_dicom_file_is_broken(syntax, share):
    whole = a_dicom(transfer_syntax=syntax)
    assert isinstance(refusal(whole[: int(len(whole) * share)]), BrokenImageError)


def test_a_dicom_file_that_ends_in_its_file_meta_is_broken():
    assert isinstance(refusal(a_dicom()[:200]), BrokenImageError)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_dicom_file_is_read_or_refused_but_never_crashes(data):
    whole = bytearray(data.draw(st.sampled_from(ENCODED)))
    for _ in range(data.draw(st.integers(1, 20))):
        whole[data.draw(st.integers(132, min(len(whole) - 1, 900)))] = data.draw(st.integers(0, 255))
    with suppress(BadInputError):
        header = check(bytes(whole))
        assert header.rows * header.columns <= 1_000_000


@pytest.mark.parametrize(
    ("modality", "said"), [("CT", "(CT)"), ("MR", "(MR)"), ("US", "(US)"), ("MG", "(MG)"), ("SR", "(SR)")]
)
def test_another_modality_is_unsupported_and_named(modality, said):
    error = refusal(a_dicom(Modality=modality))
    assert isinstance(error, UnsupportedImageError)
    assert said in error.detail


def test_an_unknown_modality_is_unsupported_but_its_value_is_not_repeated():
    error = refusal(a_dicom(Modality="MILLER"))
    assert isinstance(error, UnsupportedImageError)
    assert "MILLER" not in error.detail


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "RF", "OT", "SC", None])
def test_radiography_captures_and_no_modality_are_let_in(modality):
    assert check(a_dicom(Modality=modality)).rows == 48


def test_a_dicom_object_without_a_picture_is_unsupported():
    document = a_dicom(
        PixelData=None, Rows=None, Columns=None, SOPClassUID=EncapsulatedPDFStorage, Modality="OT"
    )
    error = refusal(document)
    assert isinstance(error, UnsupportedImageError)


def test_a_dicom_image_without_its_pixel_data_is_broken():
    assert isinstance(refusal(a_dicom(PixelData=None)), BrokenImageError)


def test_several_frames_are_unsupported():
    error = refusal(a_dicom(NumberOfFrames=2, PixelData=a_picture().tobytes() * 2))
    assert isinstance(error, UnsupportedImageError)
    assert "frame" in error.detail


def test_an_unknown_transfer_syntax_is_unsupported():
    data = a_dicom().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0")
    error = refusal(data)
    assert isinstance(error, UnsupportedImageError)
    assert "transfer syntax" in error.detail


def test_more_pixels_than_the_limit_are_too_large():
    assert isinstance(refusal(a_dicom(), max_pixels=48 * 40 - 1), TooLargeError)
    assert check(a_dicom(), max_pixels=48 * 40).rows == 48


def test_rows_of_two_billion_are_too_large_and_not_allocated():
    rows = b"\x28\0\x10\0US\x02\0" + pack("<H", 48)
    forged = a_dicom().replace(rows, b"\x28\0\x10\0UL\x04\0" + pack("<I", 2**31))
    assert isinstance(refusal(forged, max_pixels=100_000_000), TooLargeError)


@pytest.mark.parametrize(
    "tags",
    [
        {"Rows": 0},
        {"Rows": 49},
        {"Columns": None},
        {"BitsStored": 17},
        {"BitsStored": None},
        {"PixelData": a_picture().tobytes()[:-2]},
    ],
    ids=["no rows", "a row more", "no columns", "too many bits", "no bits", "two bytes less"],
)
def test_pixel_data_that_disagree_with_the_header_are_broken(tags):
    assert isinstance(refusal(a_dicom(**tags)), BrokenImageError)


@pytest.mark.parametrize("tags", [{"BitsAllocated": 12}, {"PhotometricInterpretation": "HSV"}], ids=str)
def test_pixel_formats_that_are_not_read_are_unsupported(tags):
    assert isinstance(refusal(a_dicom(**tags)), UnsupportedImageError)


@pytest.mark.parametrize(
    "syntax", [JPEGLSLossless, JPEG2000Lossless, JPEGBaseline8Bit], ids=lambda uid: uid.name
)
def test_a_codestream_of_another_size_is_refused_before_a_codec_sees_it(syntax):
    pixels = gray() if syntax == JPEGBaseline8Bit else a_picture()
    error = refusal(a_dicom(pixels, transfer_syntax=syntax, Rows=10, Columns=10))
    assert isinstance(error, BrokenImageError)
    assert "disagree" in error.detail


def test_a_codestream_that_claims_gigapixels_is_refused():
    data = a_dicom(transfer_syntax=JPEG2000Lossless)
    sizes = pack(">II", 40, 48)
    assert sizes in data
    error = refusal(data.replace(sizes, pack(">II", 60_000, 60_000), 1), max_pixels=100_000_000)
    assert isinstance(error, BrokenImageError)


def test_compressed_pixel_data_of_another_kind_are_broken():
    data = bytearray(a_dicom(transfer_syntax=JPEG2000Lossless))
    start = data.index(b"\xff\x4f\xff\x51")
    data[start : start + 4] = b"\0\0\0\0"
    assert isinstance(refusal(bytes(data)), BrokenImageError)


def test_a_deflated_bomb_costs_no_more_than_its_header():
    # 64 MB of zeros that claim to be 2 GB; a reader that inflates everything would follow.
    sound = a_dicom()
    end_of_meta = sound.index(b"\x08\0\x16\0")
    meta = sound[:end_of_meta].replace(b"\x14\x001.2.840.10008.1.2.1\0", b"\x16\x001.2.840.10008.1.2.1.99")
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    elements = sound[end_of_meta : sound.index(b"\xe0\x7f\x10\0")]
    body = packer.compress(elements + b"\xe0\x7f\x10\0OW\0\0\xf0\xff\xff\x7f")
    for _ in range(64):
        body += packer.compress(b"\0" * 1_000_000)
    bomb = meta + body + packer.flush()
    assert len(bomb) < 1_000_000
    assert check(bomb).rows == 48


def test_a_deflated_header_that_never_ends_is_refused():
    sound = a_dicom(transfer_syntax=DeflatedExplicitVRLittleEndian)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    elements = b"\x08\0\x05\0CS\0\0" + b"\x09\0\x01\x10LO\0\0" * 300_000
    start = 144 + int.from_bytes(sound[140:144], "little")
    error = refusal(sound[:start] + packer.compress(elements) + packer.flush())
    assert isinstance(error, TooLargeError)


def test_a_tag_of_several_megabytes_is_skipped_and_not_parsed():
    assert check(a_dicom(TextValue="x" * 5_000_000)).rows == 48


def test_deeply_nested_sequences_are_refused_and_not_a_stack_overflow():
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    nested = (b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + item) * 20_000
    sound = a_dicom()
    start = sound.index(b"\x08\0\x60\0CS")
    assert isinstance(refusal(sound[:start] + nested), BrokenImageError)


def attributes(**tags: object) -> Attributes:
    dataset = Dataset()
    with quietly():
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
        return attributes_of(dataset, rows=1, columns=1, transfer_syntax_uid="1.2")


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("PA", ViewPosition.PA),
        ("AP", ViewPosition.AP),
        ("LL", ViewPosition.LATERAL),
        ("RL", ViewPosition.LATERAL),
        ("LATERAL", ViewPosition.LATERAL),
        ("LLO", ViewPosition.UNKNOWN),
        ("", ViewPosition.UNKNOWN),
    ],
)
def test_the_view_is_one_of_ours(view, expected):
    assert attributes(ViewPosition=view).view is expected


@pytest.mark.parametrize(
    ("age", "years"),
    [("064Y", 64.0), ("018M", 1.5), ("026W", 0.498), ("010D", 0.0274), ("999Y", None), ("old", None)],
)
def test_the_age_is_in_years(age, years):
    assert attributes(PatientAge=age).age_years == (years and pytest.approx(years, rel=1e-2))


def test_the_age_comes_from_the_dates_when_it_is_not_given():
    assert attributes(PatientBirthDate="19500615", StudyDate="20200614").age_years == pytest.approx(
        70, abs=0.01
    )
    assert attributes(PatientBirthDate="20300101", StudyDate="20200101").age_years is None


def test_garbage_in_a_tag_is_none_and_never_an_error():
    keywords = ("SOPInstanceUID", "PatientSex", "BodyPartExamined")
    found = attributes(
        **dict.fromkeys(keywords, "../../etc/passwd\0" * 10), PatientBirthDate="x", StudyDate="y"
    )
    assert (found.sop_instance_uid, found.sex, found.body_part, found.age_years) == (None,) * 4


@pytest.mark.parametrize("uid", ["../../x", "/etc/passwd", "1." + "2" * 64, "1.02", "1.2\0", "abc"])
def test_a_uid_that_is_not_one_is_none(uid):
    assert attributes(SOPInstanceUID=uid).sop_instance_uid is None


def test_the_spacing_at_the_detector_stands_in_for_the_patients():
    assert attributes(ImagerPixelSpacing=[0.2, 0.1]).pixel_spacing_mm == (0.2, 0.1)
    both = attributes(ImagerPixelSpacing=[0.2, 0.1], PixelSpacing=[0.15, 0.14])
    assert both.pixel_spacing_mm == (0.15, 0.14)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (["L", "F"], ("L", "F")),
        (["p ", "fl"], ("P", "FL")),
        (["L", ""], None),
        (["L", "R"], None),
        (["left", "foot"], None),
        ("L", None),
        (None, None),
    ],
)
def test_the_patients_orientation_is_two_directions_or_none(stored, read):
    assert attributes(PatientOrientation=stored).orientation == read


def test_no_message_repeats_a_value_of_the_file():
    secret = "DOE^JANE"
    data = a_dicom(PatientName=secret, Modality="CT", PatientID=secret)
    assert secret not in refusal(data).detail
