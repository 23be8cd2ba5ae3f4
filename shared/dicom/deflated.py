"""Data sets that are compressed whole (PS3.5 A.5), a bounded part of them at a time."""

import zlib
from typing import BinaryIO


def inflate(file: BinaryIO, limit: int) -> bytes:
    """Inflate the rest of a file (PS3.5 A.5), but no more than `limit` bytes of it.

    pydicom's own reader inflates everything at once: half a megabyte can become 512.

    Raises:
        EOFError: the file ends before the compressed data do.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = bytearray()
    while len(inflated) < limit and not inflater.eof:
        pending = inflater.unconsumed_tail or file.read(65_536)
        if not pending:
            raise EOFError
        inflated += inflater.decompress(pending, limit - len(inflated))
    return bytes(inflated)
