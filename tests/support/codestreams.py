"""Builders of codestreams that are legal, small, and a great deal of work."""

import zlib
from io import BytesIO
from struct import pack
from typing import Any

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.support.dicoms import a_dicom

SIDE = 64


def _saved(kind: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((SIDE, SIDE), 128, np.uint8)).save(file, kind, **options)
    return file.getvalue()


def a_jpeg_of_scans(count: int) -> bytes:
    """Make a progressive JPEG whose last scan comes again and again."""
    whole = _saved("JPEG", progressive=True)
    scans = whole.count(b"\xff\xda")
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * (count - scans) + whole[-2:]


def a_jpeg_of_segments(segment: bytes, count: int) -> bytes:
    """Make a JPEG with the same segment many times after its first."""
    whole = _saved("JPEG")
    end = 4 + int.from_bytes(whole[4:6], "big")
    return whole[:end] + segment * count + whole[end:]


def a_jpeg_of_two_headers(rows: int, columns: int) -> bytes:
    """Make a JPEG that says its size, and then another size."""
    whole = _saved("JPEG")
    start = whole.index(b"\xff\xc0")
    header = whole[start : start + 2 + int.from_bytes(whole[start + 2 : start + 4], "big")]
    second = header[:5] + pack(">HH", rows, columns) + header[9:]
    end = start + len(header)
    return whole[:end] + second + whole[end:]


def a_png_with(kind: bytes, body: bytes, count: int) -> bytes:
    """Make a PNG with the same chunk many times after its header."""
    whole = _saved("PNG")
    chunk = pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))
    end_of_header = 8 + 25
    return whole[:end_of_header] + chunk * count + whole[end_of_header:]


def a_jpeg2000(*, layers: int | None = None, **sizes: int) -> bytes:
    """Make a JPEG 2000 codestream of small precincts; what is given replaces what it claims.

    Args:
        sizes: `columns`, `rows`, `tile_columns`, `tile_rows`; `precinct` and `block` as exponents of two.
    """
    stream = bytearray(_saved("JPEG2000", no_jp2=True, precinct_size=(64, 64), codeblock_size=(32, 32)))
    for name, at in {"columns": 8, "rows": 12, "tile_columns": 24, "tile_rows": 28}.items():
        if name in sizes:
            stream[at : at + 4] = pack(">I", sizes[name])
    start = stream.index(b"\xff\x52")
    end = start + 2 + int.from_bytes(stream[start + 2 : start + 4], "big")
    if layers is not None:
        stream[start + 6 : start + 8] = pack(">H", layers)
    if "block" in sizes:
        stream[start + 10 : start + 12] = bytes([sizes["block"] - 2] * 2)
    if "precinct" in sizes:
        stream[start + 14 : end] = bytes([sizes["precinct"] * 17]) * (end - start - 14)
    return bytes(stream)


def in_a_jp2(stream: bytes, *, decoy: bytes = b"") -> bytes:
    """Wrap a codestream in the boxes of a JP2; `decoy` lies in a box of its own before it."""
    head = pack(">I", 12) + b"jP  \r\n\x87\n"
    return head + pack(">I", 8 + len(decoy)) + b"xml " + decoy + pack(">I", 0) + b"jp2c" + stream


def a_dicom_around(stream: bytes, syntax: UID, *, piece: int | None = None, **tags: Any) -> bytes:
    """Make a DX image of 8 bits whose compressed pixel data are `stream`, cut into pieces of some bytes."""
    pieces = 1 if piece is None else -(-len(stream) // piece)
    dataset: dict[str, Any] = {"Rows": SIDE, "Columns": SIDE, **tags}
    data = a_dicom(np.full((SIDE, SIDE), 1, np.uint8), PixelData=b"PIXELS", **dataset)
    element = data.index(b"\xe0\x7f\x10\0")
    body = encapsulate([stream], fragments_per_frame=pieces)
    header = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"
    return _of_syntax(data[:element], syntax) + header + body + b"\xfe\xff\xdd\xe0\0\0\0\0"


def _of_syntax(data: bytes, syntax: UID) -> bytes:
    start = data.index(b"\x02\0\x10\0UI")
    length = int.from_bytes(data[start + 6 : start + 8], "little")
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    return data[: start + 6] + pack("<H", len(value)) + value + data[start + 8 + length :]
