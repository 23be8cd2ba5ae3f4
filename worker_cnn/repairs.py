"""Known slips of encoders in compressed pixel data, mended so that a strict codec takes them.

Tried only when a codec refuses a frame; each names the writer in which the slip was seen.
"""

from typing import Final

from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
)

_COMMENT: Final = b"\xff\x64"
_END_OF_CODESTREAM: Final = b"\xff\xd9"
_START_OF_SCAN: Final = b"\xff\xda"
_LONGEST_COMMENT: Final = 65_537


def repaired(frame: bytes, transfer_syntax: UID) -> bytes | None:
    """Return the frame without its slip, or None when it has none that is known."""
    if transfer_syntax in JPEG2000TransferSyntaxes:
        return _without_last_comment(frame) or _without_padding(frame)
    if transfer_syntax in JPEGLSTransferSyntaxes:
        return _without_padding(frame)
    if transfer_syntax in {JPEGBaseline8Bit, JPEGExtended12Bit}:
        return _with_whole_scan(frame)
    return None


def _without_padding(frame: bytes) -> bytes | None:
    """Drop the byte that made a frame's length even when it had lost its end marker (`endings.sealed`)."""
    padded = frame.endswith(b"\0" + _END_OF_CODESTREAM)
    return frame[:-3] + _END_OF_CODESTREAM if padded else None


def _without_last_comment(frame: bytes) -> bytes | None:
    """Drop a comment after the last tile-part, where none may be (ISO 15444-1 A.9.2).

    A digital radiography system pads its JPEG 2000 so; OpenJPEG 2.5 says "expected SOT".
    """
    end = frame.rfind(_END_OF_CODESTREAM)
    start = frame.rfind(_COMMENT, max(0, end - _LONGEST_COMMENT), max(0, end))
    length = int.from_bytes(frame[start + 2 : start + 4], "big")
    return frame[:start] + frame[end:] if start >= 0 and start + 2 + length == end else None


def _with_whole_scan(frame: bytes) -> bytes | None:
    """Let the one scan of a sequential JPEG end at coefficient 63, as it must (ISO 10918-1 B.2.3).

    NEMA's own WG04 samples of 12-bit JPEG say 0; libjpeg says "misplaced marker segment".
    """
    start = frame.find(_START_OF_SCAN)
    components = frame[start + 4] if 0 <= start < len(frame) - 5 else 0
    last = start + 6 + 2 * components
    if components == 0 or frame[last - 1 : last + 1] != b"\0\0":
        return None
    return frame[:last] + b"\x3f" + frame[last + 1 :]
