"""What is sent of a file: its content as it was when its digest was taken, all of it or an error.

A file may grow, shrink or vanish between two looks at it, and what is packed may be damaged. An upload
that announces one length and sends another ends in the middle of the request; one that sends what was
there at the moment gives a report on half a picture.
"""

import errno
import io
import lzma
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from zipfile import BadZipFile

from typing_extensions import override

from cxr.errors import ArchiveError

_DAMAGE = (
    *(BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)
"""What the standard library raises for a member of a zip that is damaged, or of an unknown kind."""


@dataclass(frozen=True, slots=True)
class State:
    """What a file is like: while it stays so, so does its content.

    Attributes:
        size: in bytes.
        version: what tells it from the same file at another time.
    """

    size: int
    version: tuple[int, ...] = ()


class Opened(Protocol):
    """What `Content` needs of an open file."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer only at the end."""
        ...

    def seek(self, offset: int, /) -> int:
        """Go to a place in it."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Source(Protocol):
    """Where a file's content comes from."""

    def state(self) -> State:
        """Return what it is like now."""
        ...

    def open(self) -> Opened:
        """Open it at its start."""
        ...


class Content(io.RawIOBase):
    """A file that is opened when it is first read, and closed at its end.

    A study's many files are then not all open at once, and its length is known without reading it.

    Raises:
        ArchiveError: on reading, when it cannot be read or is no longer in this state.
    """

    def __init__(self, source: Source, state: State) -> None:
        self._source = source
        self._state = state
        self._position = 0
        self._opened: Opened | None = None
        self._ended = False

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._state.size}[whence]
        self._close_source()
        self._ended = False
        self._position = start + offset
        return self._position

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        if self._ended:
            return b""
        left = self._state.size - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        with plain_reasons():
            piece = self._from_source(wanted)
            self._position += len(piece)
            if self._position == self._state.size:
                # Before its last piece is given away: a server that has all of it would take it.
                self._check_end()
        return piece

    @override
    def close(self) -> None:
        self._close_source()
        super().close()

    def _from_source(self, size: int) -> bytes:
        if self._opened is None:
            if self._source.state() != self._state:
                raise _changed()
            self._opened = self._source.open()
            if self._position:
                self._opened.seek(self._position)
        piece = self._opened.read(size)
        if len(piece) < size:
            raise _changed()
        return piece

    def _check_end(self) -> None:
        # Files without a size (/proc) and a member's checksum are seen through only by reading beyond it.
        if self._opened is not None and (self._opened.read(1) or self._source.state() != self._state):
            raise _changed()
        self._close_source()
        self._ended = True

    def _close_source(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


@contextmanager
def plain_reasons() -> Iterator[None]:
    """Turn whatever reading a file or a member of a zip may raise into a reason in plain words."""
    try:
        yield
    except OSError as error:
        message = f"cannot be read: {reason_of(error)}"
        raise ArchiveError(message) from error
    except _DAMAGE as error:
        message = f"is damaged, or packed in a way that is not read: {error}"
        raise ArchiveError(message) from error


def reason_of(error: OSError) -> str:
    """Return what the system says, without the path, which is named beside it."""
    if error.errno == errno.ELOOP:
        return "a link that leads to itself"
    return error.strerror or str(error)


def _changed() -> ArchiveError:
    message = "changes while it is read: it is still being written. --resume sends it when it is whole"
    return ArchiveError(message)
