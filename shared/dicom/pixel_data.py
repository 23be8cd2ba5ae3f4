"""The undecoded pixel data of an opened DICOM file: how much there is, whether it agrees, its bytes.

Uncompressed ("native") pixel data are one value; compressed ("encapsulated") ones are a row of items,
first an offset table, then the fragments of the frame (PS3.5 A.4). Nothing is decoded here.
"""

from collections.abc import Iterator
from io import BufferedReader
from typing import BinaryIO, Final

from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from shared.dicom.attributes import integer_of, value_of
from shared.dicom.codestreams import JPEG_LS, FrameHeader, jpeg_excess, jpeg_header
from shared.dicom.deflated import inflate
from shared.dicom.files import DicomFile
from shared.dicom.jpeg2000 import jpeg2000_excess, jpeg2000_header, jpeg2000_is_cut
from shared.dicom.pieces import Joined
from shared.errors import BrokenImageError, TooLargeError, UnsupportedImageError

_ITEM: Final = b"\xfe\xff\x00\xe0"
_SEQUENCE_DELIMITER: Final = b"\xfe\xff\xdd\xe0"
_JPEG: Final = frozenset({*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes})
_COMPONENTS: Final = frozenset({1, 3})
_FRAGMENTS: Final = 20_000
"""Writers that cut a frame make pieces of 16 kB or more: 20,000 of those are more than a file may have."""


def check_pixel_data(opened: DicomFile, *, rows: int, columns: int, name: str) -> None:
    """Check, without decoding, that the pixel data are all there and as large as the header says.

    Raises:
        BrokenImageError: they are cut off, or claim another size: the codec would believe *them*.
        UnsupportedImageError: they have neither one component nor three.
    """
    if opened.transfer_syntax.is_encapsulated:
        _check_codestream(opened, (rows, columns), name=name)
    else:
        _check_length(opened, name=name)


def _check_length(opened: DicomFile, *, name: str) -> None:
    pixels = opened.pixels
    length = -1 if pixels is None or pixels.length is None else pixels.length
    # How much a deflated data set holds is known when the worker inflates it, not here.
    present = length if pixels is None or opened.is_deflated else opened.source.seek(0, 2) - pixels.offset
    if min(length, present) < native_bytes(opened.dataset):
        message = "the DICOM file's pixel data are cut off, or fewer than its rows and columns say"
        raise BrokenImageError(message, file=name)


def _check_codestream(opened: DicomFile, expected: tuple[int, int], *, name: str) -> None:
    frame, syntax = _frame(opened, name=name), opened.transfer_syntax
    if syntax not in (*JPEG2000TransferSyntaxes, *_JPEG):  # RLE says nothing of its own
        return
    header, is_jpeg = frame_header_of(opened, name=name), syntax in _JPEG
    if header is not None and (header.rows, header.columns) != expected:
        message = "the DICOM file's rows and columns disagree with its compressed pixel data"
        raise BrokenImageError(message, file=name)
    refuse_excess(jpeg_excess(frame) if is_jpeg else jpeg2000_excess(frame), name=name)
    if header is None or (header.process == JPEG_LS) != (syntax in JPEGLSTransferSyntaxes):
        message = "the DICOM file's compressed pixel data are not of the kind that it names"
        raise BrokenImageError(message, file=name)
    if header.components not in _COMPONENTS:
        message = "the DICOM file's compressed pixel data are neither gray nor of three colours"
        raise UnsupportedImageError(message, file=name)
    if not is_jpeg and jpeg2000_is_cut(frame):
        message = "the DICOM file's compressed pixel data are cut off"
        raise BrokenImageError(message, file=name)


def frame_header_of(opened: DicomFile, *, name: str) -> FrameHeader | None:
    """Read what compressed pixel data say of themselves; None where they say nothing."""
    frame = _frame(opened, name=name)
    if opened.transfer_syntax in JPEG2000TransferSyntaxes:
        return jpeg2000_header(frame)
    return jpeg_header(frame) if opened.transfer_syntax in _JPEG else None


def _frame(opened: DicomFile, *, name: str) -> BufferedReader:
    """Join all fragments: there is one frame, whatever an offset table says of where it ends."""
    return BufferedReader(Joined(opened.source, list(fragments(opened, name=name))))


def refuse_excess(excess: str | None, *, name: str) -> None:
    """Refuse what would take long to decode for what it shows.

    Raises:
        TooLargeError: there is something to refuse.
    """
    if excess is not None:
        message = f"the picture's compressed data have {excess}; save it anew as an ordinary file"
        raise TooLargeError(message, file=name)


def pixel_bytes(file: BinaryIO, opened: DicomFile, *, name: str) -> bytes:
    """Read the undecoded pixel data of one frame: never more than its rows and columns ask for.

    Compressed ones without their items, so that the codec gets what was checked and no other part of it.

    Args:
        file: the one that was opened.

    Raises:
        BrokenImageError: there are fewer bytes than that.
    """
    if opened.pixels is None:
        message = "the DICOM file has no pixel data"
        raise BrokenImageError(message, file=name)
    if opened.transfer_syntax.is_encapsulated:
        return _frame(opened, name=name).read()
    offset = opened.pixels.offset
    wanted = native_bytes(opened.dataset)
    if opened.is_deflated:
        file.seek(opened.start)
        data = inflate(file, offset + wanted)[offset:]
    else:
        opened.source.seek(offset)
        data = opened.source.read(wanted)
    if len(data) < wanted:
        message = "the DICOM file's pixel data are cut off"
        raise BrokenImageError(message, file=name)
    return data + b"\0" * (len(data) % 2)  # a value has an even length (PS3.5 7.1.1)


def native_bytes(dataset: Dataset) -> int:
    """Return how many bytes the one frame of an uncompressed picture takes (PS3.5 8.1.1, 8.2)."""
    bits = 1
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        bits *= integer_of(dataset, keyword) or 0
    samples = integer_of(dataset, "SamplesPerPixel") or 1
    if value_of(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2  # two pixels share their colour (PS3.3 C.7.6.3.1.2)
    return (bits * samples + 7) // 8


def fragments(opened: DicomFile, *, name: str) -> Iterator[tuple[int, int]]:
    """Yield the offset and length of each fragment of compressed pixel data (PS3.5 A.4).

    The first item, the offset table, is left out. Nothing of the fragments is read.

    Raises:
        BrokenImageError: an item is cut off, or is not one, or there is none.
    """
    source, offset = opened.source, 0 if opened.pixels is None else opened.pixels.offset
    end = source.seek(0, 2)
    for count in range(_FRAGMENTS):
        source.seek(offset)
        head = source.read(8)
        # Some writers leave out the delimiter at the end.
        if count > 1 and (not head or head[:4] == _SEQUENCE_DELIMITER):
            return
        length = int.from_bytes(head[4:], "little")
        if head[:4] != _ITEM or offset + 8 + length > end:
            message = "the DICOM file's compressed pixel data are cut off or corrupt"
            raise BrokenImageError(message, file=name)
        if count:
            yield offset + 8, length
        offset += 8 + length
    message = f"the DICOM file's pixel data come in more than {_FRAGMENTS} pieces"
    raise BrokenImageError(message, file=name)
