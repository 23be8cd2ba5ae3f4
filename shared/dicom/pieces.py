"""Pieces of a file, read as if they were a file of their own, without copying them."""

from bisect import bisect_right
from collections.abc import Sequence
from io import RawIOBase
from itertools import accumulate
from typing import Any, BinaryIO

from typing_extensions import override


class Joined(RawIOBase):
    """Pieces of a file, one behind the other."""

    def __init__(self, source: BinaryIO, pieces: Sequence[tuple[int, int]]) -> None:
        """Begin at the first piece.

        Args:
            pieces: offset and length of each.
        """
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
