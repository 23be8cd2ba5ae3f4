"""How large an image claims to be, read from the first bytes of its codestream without decoding it.

A kilobyte can claim gigapixels; who knows the claim first can refuse it before a codec believes it.
Each reader takes a seekable binary file and returns a `Claim`, or None where the bytes hold none.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC: Final = b"\xff\xd8\xff"

_JPEG2000_START: Final = b"\xff\x4f\xff\x51"
_JPEG2000_SEARCH_BYTES: Final = 65_536
"""A JP2 file wraps the codestream in boxes; real ones take a few hundred bytes."""

_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""SOF0 to SOF15 without DHT, JPG and DAC (ISO 10918-1 table B.1), and JPEG-LS (ISO 14495-1 C.1.1)."""
_BARE_MARKERS: Final = frozenset(range(0xD0, 0xD9)) | {0x01}
_JPEG_SEGMENTS: Final = 10_000
"""An ICC profile or an EXIF preview takes dozens; the limit bounds the walk."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a codestream says about itself."""

    rows: int
    columns: int


def png_claim(file: BinaryIO) -> Claim | None:
    """Read a PNG's IHDR, which must be its first chunk (W3C PNG 11.2.1)."""
    head = file.read(24)
    if len(head) < 24 or head[:8] != PNG_MAGIC or head[12:16] != b"IHDR":
        return None
    columns, rows = struct.unpack(">II", head[16:24])
    return Claim(rows, columns)


def jpeg_claim(file: BinaryIO) -> Claim | None:
    """Read the frame header of a JPEG, lossless JPEG or JPEG-LS codestream."""
    if file.read(2) != JPEG_MAGIC[:2]:
        return None
    for _ in range(_JPEG_SEGMENTS):
        marker = _next_marker(file)
        if marker is None or marker in {0xD9, 0xDA}:  # the end, or a scan before any frame header
            return None
        if marker in _BARE_MARKERS:
            continue
        head = file.read(7)
        if len(head) < 7:
            return None
        length, _, rows, columns = struct.unpack(">HBHH", head)
        if marker in _FRAME_MARKERS:
            return Claim(rows, columns)
        file.seek(length - 7, 1)
    return None


def _next_marker(file: BinaryIO) -> int | None:
    if file.read(1) != b"\xff":
        return None
    # Any number of 0xFF may fill the space before a marker (ISO 10918-1 B.1.1.2); a few are enough.
    for _ in range(64):
        byte = file.read(1)
        if byte != b"\xff":
            return byte[0] if byte else None
    return None


def jpeg2000_claim(file: BinaryIO) -> Claim | None:
    """Read the SIZ segment of a JPEG 2000 or HTJ2K codestream (ISO 15444-1 A.5.1), bare or in a JP2."""
    head = file.read(_JPEG2000_SEARCH_BYTES)
    start = head.find(_JPEG2000_START)
    sizes = head[start + 8 : start + 24]
    if start < 0 or len(sizes) < 16:
        return None
    right, bottom, left, top = struct.unpack(">IIII", sizes)
    return Claim(rows=bottom - top, columns=right - left)
