"""The walk over a header: what pydicom would keep, without what pydicom would build."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from typing_extensions import override

from shared.dicom.attributes import TAGS, quietly, value_of
from shared.dicom.checks import check_header
from shared.dicom.elements import MOST_ELEMENTS
from shared.dicom.files import open_dicom
from shared.errors import BadInputError, BrokenImageError, TooLargeError
from tests.support.dicoms import a_dicom, written

EMPTY_ITEM = b"\xfe\xff\x00\xe0\0\0\0\0"
ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
END_OF_ITEM = b"\xfe\xff\x0d\xe0\0\0\0\0"
END_OF_SEQUENCE = b"\xfe\xff\xdd\xe0\0\0\0\0"
PRIVATE_SEQUENCE = b"\x09\0\x01\x10SQ\0\0\xff\xff\xff\xff"


def check(data: bytes) -> int:
    return check_header(BytesIO(data), name="film.dcm", max_pixels=1_000_000).rows


def with_elements(elements: bytes) -> bytes:
    """Put elements of group 9 or later before the modality's."""
    sound = a_dicom(Modality=None)
    start = sound.index(b"\x18\0\x15\0CS")
    return sound[:start] + elements + sound[start:]


@pytest.mark.parametrize(
    "elements",
    [
        PRIVATE_SEQUENCE + EMPTY_ITEM * 140_000 + END_OF_SEQUENCE,
        PRIVATE_SEQUENCE + (ITEM + END_OF_ITEM) * 70_000 + END_OF_SEQUENCE,
        PRIVATE_SEQUENCE.replace(b"SQ", b"UN") + EMPTY_ITEM * 140_000 + END_OF_SEQUENCE,
        PRIVATE_SEQUENCE
        + (ITEM + PRIVATE_SEQUENCE + END_OF_SEQUENCE + END_OF_ITEM) * 40_000
        + END_OF_SEQUENCE,
        b"\x09\0\x01\x10LO\0\0" * 140_000,
        b"\x09\0\x01\x10OB\0\0\xff\xff\xff\xff" + EMPTY_ITEM * 140_000 + END_OF_SEQUENCE,
        b"\x28\0\x10\x30SQ\0\0\xff\xff\xff\xff" + EMPTY_ITEM * 140_000 + END_OF_SEQUENCE,
    ],
    ids=["items", "open items", "unknown", "sequences", "elements", "fragments", "a sequence that is wanted"],
)
def test_a_header_of_very_many_small_parts_is_too_large(elements):
    with pytest.raises(TooLargeError, match=f"more than {MOST_ELEMENTS}") as caught:
        check(with_elements(elements))
    assert caught.value.file == "film.dcm"


def test_a_private_sequence_of_known_length_is_passed_over_whatever_it_holds():
    length = (8 * 140_000).to_bytes(4, "little")
    assert check(with_elements(b"\x09\0\x01\x10SQ\0\0" + length + EMPTY_ITEM * 140_000)) == 48


def test_many_file_meta_elements_are_too_large_as_well():
    sound = a_dicom()
    start = sound.index(b"\x02\0\x10\0UI")
    with pytest.raises(TooLargeError):
        check(sound[:start] + b"\x02\0\x02\x01OB\0\0\0\0\0\0" * 100_000 + sound[start:])


@pytest.mark.parametrize("vr", [b"SQ", b"OB"])
def test_a_value_that_never_ends_is_broken(vr):
    with pytest.raises(BrokenImageError):
        check(with_elements(PRIVATE_SEQUENCE.replace(b"SQ", vr) + b"x" * 20_000))


def test_a_file_that_comes_slowly_holds_no_other_up():
    stalled, go_on = threading.Event(), threading.Event()

    class Slow(BytesIO):
        @override
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 300:  # within the data set
                stalled.set()
                assert go_on.wait(60)
            return super().read(size)

    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(check_header, Slow(a_dicom()), name="slow", max_pixels=1_000_000)
        try:
            assert stalled.wait(60)
            assert threads.submit(check, a_dicom()).result(timeout=60) == 48
        finally:
            go_on.set()
        assert slow.result().rows == 48


nested: st.SearchStrategy[list[Any]] = st.recursive(
    st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=8
)


def a_sequence(shape: list[Any], *, undefined: bool) -> list[Dataset]:
    """Make an item for each entry, and in it a sequence of its entries."""
    items = []
    for inner in shape:
        item = Dataset()
        item.StudyDescription = "study"
        item.ReferencedSeriesSequence = a_sequence(inner, undefined=undefined)
        item["ReferencedSeriesSequence"].is_undefined_length = undefined
        item.is_undefined_length_sequence_item = undefined
        items.append(item)
    return items


@settings(max_examples=50, deadline=None)
@given(
    nested,
    st.booleans(),
    st.sampled_from([ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]),
)
def test_sequences_of_every_shape_hide_nothing_that_comes_after_them(shape, undefined, syntax):
    dataset = dcmread(BytesIO(a_dicom(transfer_syntax=syntax)))
    dataset.ReferencedStudySequence = a_sequence(shape, undefined=undefined)
    dataset["ReferencedStudySequence"].is_undefined_length = undefined
    block = dataset.private_block(0x0009, "OURS", create=True)
    block.add_new(1, "SQ", a_sequence(shape, undefined=undefined))
    block[1].is_undefined_length = undefined
    opened = open_dicom(BytesIO(written(dataset)), name="film.dcm")
    assert (opened.dataset.Rows, opened.dataset.ViewPosition) == (48, "PA")
    assert opened.pixels is not None
    opened.source.seek(opened.pixels.offset)
    assert opened.source.read() == dataset.PixelData


@pytest.mark.real_data
def test_what_is_read_of_a_radiograph_is_what_pydicom_reads(samples: Path, test_data: Path | None):
    files = [*samples.glob("*.dcm"), *Path(pydicom.__file__).parent.glob("data/test_files/*.dcm")]
    files += [] if test_data is None else (test_data / "dicom").iterdir()
    read = 0
    for path in files:
        with suppress(BadInputError), path.open("rb") as file:
            check_header(file, name=path.name, max_pixels=100_000_000)
            opened = open_dicom(file, name=path.name)
            with quietly():
                theirs = dcmread(path, force=True, stop_before_pixels=True)
                for keyword in (*TAGS, *PIXEL_TAGS):
                    said = value_of(theirs, keyword)
                    assert value_of(opened.dataset, keyword) == said, (path.name, keyword)
            read += 1
    assert read >= 5


PIXEL_TAGS = ("Rows", "Columns", "BitsStored", "NumberOfFrames", "WindowCenter", "RescaleSlope", "HighBit")
