"""MLLP frames: VT, the message, FS, CR (HL7 v2.5.1, appendix C, 4.3.1). Pure.

What stands between two frames is skipped, and a CR that does not follow is not waited for: senders differ. A
VT within a frame begins another, since the one before it was cut off.
"""

from collections.abc import Iterator
from typing import Final

from shared.errors import TooLargeError

START: Final = b"\x0b"
END: Final = b"\x1c"
LARGEST: Final = 1 << 20
"""Bytes of a message; an order has a few thousand, one with a letter inside some hundred thousand."""
_MOST_BETWEEN: Final = 1 << 12
"""Bytes without a frame after which a sender does not speak MLLP."""


class Frames:
    """Cuts what a connection brings into messages."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._looked = 0
        self._between = 0

    @property
    def is_inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._pending)

    def take(self, content: bytes) -> Iterator[bytes]:
        """Yield the messages that end with these bytes.

        Raises:
            TooLargeError: a frame, or what stands outside of frames, has no end.
        """
        self._pending += content
        while True:
            if not self._pending.startswith(START) and not self._skip():
                return
            end = self._pending.find(END, self._looked)
            if end < 0:
                self._looked = len(self._pending)
                if len(self._pending) > LARGEST:
                    message = f"an HL7 message has more than {LARGEST} bytes"
                    raise TooLargeError(message)
                return
            frame = bytes(self._pending[:end])
            del self._pending[: end + 1]
            self._looked = 0
            yield frame[frame.rfind(START) + 1 :]

    def _skip(self) -> bool:
        """Drop what stands before the next frame; return whether there is one."""
        start = self._pending.find(START)
        self._between = 0 if start >= 0 else self._between + len(self._pending)
        del self._pending[: start if start >= 0 else len(self._pending)]
        if self._between > _MOST_BETWEEN:
            message = "what is sent is no MLLP: nothing of it is a frame"
            raise TooLargeError(message)
        return start >= 0


def framed(message: bytes) -> bytes:
    """Return a message in its frame."""
    return START + message + END + b"\r"
