"""The undecoded pixel data of an opened DICOM file: how much there is, whether it agrees, its bytes.

Uncompressed ("native") pixel data are one value; compressed ("encapsulated") ones are a row of items,
first an offset table, then the fragments of the frame (PS3.5 A.4). Nothing is decoded here.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from shared.attributes import integer_of, value_of
from shared.codestreams import Claim, jpeg2000_claim, jpeg_claim
from shared.dicom_files import DicomFile, inflate
from shared.errors import BrokenImageError

_ITEM: Final = b"\xfe\xff\x00\xe0"
_SEQUENCE_DELIMITER: Final = b"\xfe\xff\xdd\xe0"
_FRAGMENTS: Final = 100_000
_CODESTREAM_BYTES: Final = 1_000_000
"""A frame header further in than this is hidden, not merely late."""


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
    start = bytearray()
    for offset, length in fragments(opened, name=name):
        if len(start) < _CODESTREAM_BYTES:
            opened.source.seek(offset)
            start += opened.source.read(min(length, _CODESTREAM_BYTES - len(start)))
    claim: Claim | None
    if opened.transfer_syntax in JPEG2000TransferSyntaxes:
        claim = jpeg2000_claim(BytesIO(start))
    elif opened.transfer_syntax in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes):
        claim = jpeg_claim(BytesIO(start))
    else:  # RLE says nothing of its own
        return
    if claim is None:
        message = "the DICOM file's compressed pixel data are not of the kind that it names"
        raise BrokenImageError(message, file=name)
    if claim != expected:
        message = "the DICOM file's rows and columns disagree with its compressed pixel data"
        raise BrokenImageError(message, file=name)


def pixel_bytes(file: BinaryIO, opened: DicomFile, *, name: str) -> bytes:
    """Read the undecoded pixel data of one frame: never more than its rows and columns ask for.

    Args:
        file: the one that was opened.

    Raises:
        BrokenImageError: there are fewer bytes than that.
    """
    if opened.pixels is None:
        message = "the DICOM file has no pixel data"
        raise BrokenImageError(message, file=name)
    offset = opened.pixels.offset
    if opened.transfer_syntax.is_encapsulated:
        end = max(start + length for start, length in fragments(opened, name=name))
        opened.source.seek(offset)
        return opened.source.read(end - offset)
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
