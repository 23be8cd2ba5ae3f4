"""What a PNG or JPEG claims to be, and how much work it asks for, read without decoding it.

A kilobyte can claim gigapixels, or thousands of scans over the same pixels; who knows that first can refuse
it before a codec believes it. Each function takes a seekable binary file: `..._header` returns a
`FrameHeader`, or None where the bytes hold none; `..._excess` says what there is too much of for any picture,
or None.
For JPEG 2000 see `shared.dicom.jpeg2000`. Ours, because the package imagesize tells width and height: not
the bits, the components, the coding and the scans, by which files are refused.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC: Final = b"\xff\xd8\xff"

MOST_SCANS: Final = 100
"""Scans of a JPEG: each passes over all pixels again. libjpeg's encoders write 10, and no more than 100 on
demand (`MAX_SCANS` of cjpeg); its maintainers advise to refuse more than 500."""
MOST_ANCILLARY_CHUNKS: Final = 1000
"""Chunks of a PNG beside its pixels: a dozen is usual, and each may be a megabyte of text or profile."""
MOST_CHUNKS: Final = 50_000
"""Of pixels, libpng writes 8 kB each: 200 MB, which is 100 megapixels of 16 bits, have 24,415."""

_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""SOF0 to SOF15 without DHT, JPG and DAC (ISO 10918-1 table B.1), and JPEG-LS (ISO 14495-1 C.1.1)."""
_APP1: Final = 0xE1
_EXIF: Final = b"Exif\0\0"
_EXIF_ENTRIES: Final = 1000
_ORIENTATION: Final = 0x0112
_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})
"""Values of Orientation whose rows are columns as stored."""
JPEG_LS: Final = 0xF7
_LOSSLESS: Final = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1, 0xC3})
"""Baseline, extended and lossless, Huffman coded: each sample is coded once."""
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_END: Final = bytes([0xFF, _END_OF_IMAGE])
_BARE_MARKERS: Final = frozenset(range(0xD0, 0xD9)) | {0x01}
_JPEG_SEGMENTS: Final = 10_000
"""An ICC profile or an EXIF preview takes dozens; the limit bounds the walk."""
_JPEG_MARKER: Final = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")
"""A marker that begins a segment: less may follow 0xFF within compressed data (ISO 14495-1 A.1, JPEG-LS)."""
_CHUNK: Final = 65_536
_ANCILLARY: Final = 0x20
"""Bit of the first letter of a PNG chunk's type (W3C PNG 5.4): it is a small letter."""


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a codestream's header says of its picture.

    Attributes:
        components: 1 is gray, 3 are colours; of a PNG not looked at, and neither are `bits`.
        bits: of a sample.
        process: the marker of a JPEG's frame header, which says how it is coded (ISO 10918-1 table B.1).
    """

    rows: int
    columns: int
    components: int = 1
    bits: int = 8
    process: int | None = None


def png_header(file: BinaryIO) -> FrameHeader | None:
    """Read a PNG's IHDR, which must be its first chunk (W3C PNG 11.2.1)."""
    head = file.read(24)
    if len(head) < 24 or head[:8] != PNG_MAGIC or head[12:16] != b"IHDR":
        return None
    columns, rows = struct.unpack(">II", head[16:24])
    return FrameHeader(rows, columns)


def png_depth(file: BinaryIO) -> tuple[int, int]:
    """Read a PNG's bits of a sample and its colour type (W3C PNG 11.2.1)."""
    file.seek(24)
    depth, colour = file.read(2)
    return depth, colour


def png_picture(file: BinaryIO) -> list[tuple[int, int]]:
    """Find the pieces of a PNG without which there is no picture: offset and length of each.

    The rest is text, profiles and times, which need not be sound, and whose size decoders limit.
    """
    pieces, at = [(0, len(PNG_MAGIC))], len(PNG_MAGIC)
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        length = 12 + int.from_bytes(head[:4], "big")
        if head[4] & _ANCILLARY == 0:
            pieces.append((at, length))
        if head[4:] == b"IEND":
            break
        at += length
    return pieces


def jpeg_header(file: BinaryIO) -> FrameHeader | None:
    """Read the frame header of a JPEG, lossless JPEG or JPEG-LS codestream."""
    for marker, _ in _segments(file):
        if marker in _FRAME_MARKERS:
            head = file.read(6)
            if len(head) < 6:
                return None
            bits, rows, columns, components = struct.unpack(">BHHB", head)
            return FrameHeader(rows, columns, components, bits, marker)
    return None


def jpeg_kind(header: FrameHeader) -> str | None:
    """Say which kind of JPEG it is, where it is one that is read in a DICOM file only; else None."""
    if header.process == JPEG_LS:
        return "JPEG-LS"
    if header.bits == 8:
        return None
    lossless = "lossless JPEG" if header.process in _LOSSLESS else "JPEG"
    return f"{lossless} of {header.bits} bits"


def jpeg_is_one_scan(file: BinaryIO) -> bool:
    """Tell whether a JPEG is Huffman coded and its first scan holds all components at full precision."""
    header = jpeg_header(file)
    if header is None or header.process not in _SEQUENTIAL:
        return False
    file.seek(0)
    for marker, at in _jpeg_markers(file):
        if marker == _START_OF_SCAN:
            file.seek(at + 4)
            return file.read(1) == bytes([header.components])
    return False


def jpeg_end(file: BinaryIO) -> int | None:
    """Find where the end marker of a JPEG's picture lies: a thumbnail within it has one of its own."""
    file.seek(0)
    return next((at for marker, at in _jpeg_markers(file) if marker == _END_OF_IMAGE), None)


def jpeg_lies_on_its_side(file: BinaryIO) -> bool:
    """Tell whether EXIF has a JPEG's picture shown turned by 90°: with its rows as columns."""
    for marker, length in _segments(file):
        if marker == _APP1:
            body = file.read(length)
            if body.startswith(_EXIF):
                return _exif_orientation(body[len(_EXIF) :]) in _ON_ITS_SIDE
    return False


def _exif_orientation(tiff: bytes) -> int | None:
    """Read Orientation of the first directory (CIPA DC-008 4.6.4), a TIFF's (TIFF 6.0, section 2)."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(min(entries, _EXIF_ENTRIES)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return int(value)
    except struct.error:  # it ends early, or points beyond its end
        return None
    return None


def _segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the marker and the length of each segment before the first scan; the file stands at its body."""
    if file.read(2) != JPEG_MAGIC[:2]:
        return
    for _ in range(_JPEG_SEGMENTS):
        marker = _next_marker(file)
        if marker is None or marker in {_END_OF_IMAGE, _START_OF_SCAN}:  # the end, or a scan
            return
        if marker in _BARE_MARKERS:
            continue
        head = file.read(2)
        if len(head) < 2:
            return
        length = max(0, int.from_bytes(head, "big") - 2)
        start = file.tell()
        yield marker, length
        file.seek(start + length)


def _next_marker(file: BinaryIO) -> int | None:
    if file.read(1) != b"\xff":
        return None
    # Any number of 0xFF may fill the space before a marker (ISO 10918-1 B.1.1.2); a few are enough.
    for _ in range(64):
        byte = file.read(1)
        if byte != b"\xff":
            return byte[0] if byte else None
    return None


def png_excess(file: BinaryIO) -> str | None:
    """Count the chunks of a PNG (W3C PNG 5.3)."""
    file.seek(len(PNG_MAGIC))
    ancillary = headers = 0
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return None
        headers += head[4:] == b"IHDR"
        ancillary += head[4:] != b"IDAT"
        if headers > 1:  # the decoder believes the last one
            return "more than one header"
        if ancillary > MOST_ANCILLARY_CHUNKS:
            return f"more than {MOST_ANCILLARY_CHUNKS} chunks beside the pixels"
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return f"more than {MOST_CHUNKS} chunks"


def jpeg_excess(file: BinaryIO) -> str | None:
    """Count the scans and segments of a JPEG, up to the end of its first picture."""
    scans = headers = 0
    for segments, (marker, _) in enumerate(_jpeg_markers(file)):
        headers += marker in _FRAME_MARKERS
        scans += marker == _START_OF_SCAN
        if headers > 1:
            return "more than one header"
        if scans > MOST_SCANS:
            return f"more than {MOST_SCANS} scans"
        if segments > _JPEG_SEGMENTS:
            return f"more than {_JPEG_SEGMENTS} segments"
    return None


def _jpeg_markers(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the markers of all segments and where they lie, up to the one at the end.

    As libjpeg finds them: what lies between two is passed over.
    """
    start, chunk, at = 0, b"", 0
    while True:
        found = _JPEG_MARKER.search(chunk, max(0, at - start))
        if found is None or found.end() + 2 > len(chunk):  # its length as well
            at = max(at, start + (found.start() if found else len(chunk) - 1))
            file.seek(at)
            start, chunk = at, file.read(_CHUNK)
            if len(chunk) < 4:
                if chunk[:2] == _END:
                    yield _END_OF_IMAGE, at
                return
            continue
        marker = chunk[found.end() - 1]
        yield marker, start + found.start()
        if marker == _END_OF_IMAGE:
            return
        at = start + found.end() + max(2, int.from_bytes(chunk[found.end() : found.end() + 2], "big"))
