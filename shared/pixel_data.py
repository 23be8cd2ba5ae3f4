"""The undecoded pixel data of an opened DICOM file: how much there is, whether it agrees, its bytes.

Uncompressed ("native") pixel data are one value; compressed ("encapsulated") ones are a row of items,
first an offset table, then the fragments of the frame (PS3.5 A.4). Nothing is decoded here.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from io import BufferedReader, RawIOBase
from itertools import accumulate
from typing import Any, BinaryIO, Final

from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes
from typing_extensions import override

from shared.attributes import integer_of, value_of
from shared.codestreams import Claim, jpeg_claim, jpeg_excess
from shared.dicom_files import DicomFile, inflate
from shared.errors import BrokenImageError, TooLargeError
from shared.jpeg2000 import jpeg2000_claim, jpeg2000_excess

_ITEM: Final = b"\xfe\xff\x00\xe0"
_SEQUENCE_DELIMITER: Final = b"\xfe\xff\xdd\xe0"
_FRAGMENTS: Final = 20_000
"""Writers that cut a frame make pieces of 16 kB or more: 20,000 of those are more than a file may have."""


def check_pixel_data(opened: DicomFile, *, rows: int, columns: int, name: str) -> None:
    """Check, without decoding, that the pixel data are all there and as large as the header says.

    Raises:
        BrokenImageError: they are cut off, or claim another size: the codec would believe *them*.
    """
    if opened.transfer_syntax.is_encapsulated:
        _check_codestream(opened, Claim(rows, columns), name=name)
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


def _check_codestream(opened: DicomFile, expected: Claim, *, name: str) -> None:
    pieces = list(fragments(opened, name=name))
    frame = BufferedReader(_Joined(opened.source, pieces))
    claim: Claim | None
    if opened.transfer_syntax in JPEG2000TransferSyntaxes:
        claim, excess = jpeg2000_claim(frame), jpeg2000_excess(frame)
    elif opened.transfer_syntax in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes):
        claim, excess = jpeg_claim(frame), jpeg_excess(frame)
    else:  # RLE says nothing of its own
        return
    if claim not in {None, expected}:
        message = "the DICOM file's rows and columns disagree with its compressed pixel data"
        raise BrokenImageError(message, file=name)
    refuse_excess(excess, name=name)
    if claim is None:
        message = "the DICOM file's compressed pixel data are not of the kind that it names"
        raise BrokenImageError(message, file=name)


def refuse_excess(excess: str | None, *, name: str) -> None:
    """Refuse what would take long to decode for what it shows.

    Raises:
        TooLargeError: there is something to refuse.
    """
    if excess is not None:
        message = f"the picture's compressed data have {excess}; save it anew as an ordinary file"
        raise TooLargeError(message, file=name)


class _Joined(RawIOBase):
    """Pieces of a file, one behind the other."""

    def __init__(self, source: BinaryIO, pieces: Sequence[tuple[int, int]]) -> None:
        self._source, self._pieces = source, pieces
        self._ends = list(accumulate(length for _, length in pieces))
        self._at = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = offset + (0, self._at, self._ends[-1])[whence]
        return self._at

    @override
    def readinto(self, buffer: Any, /) -> int:
        number = bisect_right(self._ends, self._at)
        if number == len(self._ends):
            return 0
        offset, length = self._pieces[number]
        left = self._ends[number] - self._at
        self._source.seek(offset + length - left)
        read = self._source.read(min(left, len(buffer)))
        buffer[: len(read)] = read
        self._at += len(read)
        return len(read)


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
        return BufferedReader(_Joined(opened.source, list(fragments(opened, name=name)))).read()
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
