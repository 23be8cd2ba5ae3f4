"""What a JPEG 2000 or HTJ2K codestream claims, read from its headers (ISO 15444-1 annex A).

A kilobyte can claim 65,535 tiles, or as many quality layers of nothing: OpenJPEG sets up each of them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import BinaryIO, Final

from shared.dicom.codestreams import FrameHeader

MOST_TILES: Final = 10_000
"""A picture of 100 megapixels in tiles of 128 by 128 has 6,104; each takes OpenJPEG 10 kB."""
MOST_BLOCKS: Final = 1_000_000
"""Code-blocks: 100 megapixels in blocks of 16 by 16 (the usual is 64) have 390,625."""
MOST_PACKETS: Final = 1_000_000
"""Precincts times layers: 20 layers of 100 megapixels in precincts of 128 have about 160,000; a million empty
ones take OpenJPEG half a second."""

_START: Final = b"\xff\x4f\xff\x51"
_JP2: Final = b"\0\0\0\x0cjP  "
_BOXES: Final = 1000
_SEGMENTS: Final = 20_000
"""Segments of all headers and tile-parts: a header has ten, a tile two."""
_SIZ, _COD, _COC, _SOT, _SOD, _EOC = 0x51, 0x52, 0x53, 0x90, 0x93, 0xD9


@dataclass(frozen=True, slots=True)
class _Sizes:
    """SIZ (A.5.1): the picture and its tiles."""

    columns: int
    rows: int
    tile_columns: int
    tile_rows: int
    tiles_across: int
    tiles_down: int
    components: int
    bits: int


def jpeg2000_header(file: BinaryIO) -> FrameHeader | None:
    """Read the size of a picture, bare or in a JP2; None where the bytes are no JPEG 2000."""
    start = _codestream(file)
    sizes = None if start is None else _sizes(file, start)
    return None if sizes is None else FrameHeader(sizes.rows, sizes.columns, sizes.components, sizes.bits)


def jpeg2000_is_cut(file: BinaryIO) -> bool:
    """Tell whether a tile-part goes on behind the end, or a tile is missing: OpenJPEG makes that black."""
    start = _codestream(file)
    sizes = None if start is None else _sizes(file, start)
    if start is None or sizes is None:
        return False
    end, tiles = file.seek(0, 2), set()
    for _, (marker, segment) in zip(range(_SEGMENTS), _segments(file, start + 2), strict=False):
        if marker == _SOT:
            tiles.add(segment[:2])
            # The file stands behind the segment, which is 12 bytes long.
            if file.tell() - 12 + int.from_bytes(segment[2:6], "big") > end:
                return True
    return len(tiles) < sizes.tiles_across * sizes.tiles_down


def jpeg2000_excess(file: BinaryIO) -> str | None:
    """Say what a codestream has too much of for any picture; None where nothing."""
    start = _codestream(file)
    sizes = None if start is None else _sizes(file, start)
    if start is None or sizes is None:
        return None
    if sizes.tiles_across * sizes.tiles_down > MOST_TILES:
        return f"more than {MOST_TILES} tiles"
    layers = 1
    for count, (marker, segment) in enumerate(_segments(file, start + 2)):
        if count == _SEGMENTS:
            return f"more than {_SEGMENTS} segments"
        if marker == _COD and len(segment) >= 10:
            layers = int.from_bytes(segment[2:4], "big")
            excess = _excess_of(segment[5:], sizes, layers=layers, explicit=bool(segment[0] & 1))
        elif marker == _COC and len(segment) >= 7:
            wide = 2 if sizes.components > 256 else 1
            style = segment[wide + 1 :]
            excess = _excess_of(style, sizes, layers=layers, explicit=bool(segment[wide] & 1))
        else:
            continue
        if excess is not None:
            return excess
    return None


def _codestream(file: BinaryIO) -> int | None:
    """Find where the codestream starts: at once, or in the box `jp2c` of a JP2 (I.4)."""
    at = 0
    for _ in range(_BOXES):
        file.seek(at)
        head = file.read(16)
        if head[:4] == _START:
            return at
        if at == 0 and head[:8] != _JP2:
            return None
        if len(head) < 8:
            return None
        length, kind = struct.unpack(">I4s", head[:8])
        header = 16 if length == 1 else 8
        if kind == b"jp2c":
            at += header
            file.seek(at)
            return at if file.read(4) == _START else None
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length < header:  # 0: to the end of the file
            return None
        at += length
    return None


def _sizes(file: BinaryIO, start: int) -> _Sizes | None:
    file.seek(start + 8)
    body = file.read(35)
    if len(body) < 35:
        return None
    right, bottom, left, top, wide, high, tile_left, tile_top, components, depth = struct.unpack(
        ">8IHB", body
    )
    if not (wide and high and right > left and bottom > top and tile_left <= left and tile_top <= top):
        return None
    return _Sizes(
        columns=right - left,
        rows=bottom - top,
        tile_columns=min(wide, right - left),
        tile_rows=min(high, bottom - top),
        tiles_across=ceil((right - tile_left) / wide),
        tiles_down=ceil((bottom - tile_top) / high),
        components=components,
        bits=(depth & 0x7F) + 1,
    )


def _segments(file: BinaryIO, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield the marker segments of the main header and of each tile-part's; the data are sought over."""
    at, tile_part, tile_end = start, 0, 0
    while True:
        file.seek(at)
        head = file.read(4)
        if len(head) < 2 or head[0] != 0xFF or head[1] == _EOC:
            return
        marker = head[1]
        if marker == _SOD:
            if tile_end <= at:  # the length is 0: this part goes to the end
                return
            at = tile_end
            yield marker, b""
            continue
        length = int.from_bytes(head[2:], "big")
        segment = file.read(min(max(length - 2, 0), 64))
        if marker == _SOT and len(segment) >= 8:
            tile_part = int.from_bytes(segment[2:6], "big")
            tile_end = at + tile_part if tile_part else 0
        yield marker, segment
        at += 2 + max(length, 2)


def _excess_of(style: bytes, sizes: _Sizes, *, layers: int, explicit: bool) -> str | None:
    """Look at a coding style (A.6.1): levels, width and height of code-blocks, two more bytes, precincts."""
    levels, wide, high = style[0], 2 + (style[1] & 0xF), 2 + (style[2] & 0xF)
    if sizes.rows * sizes.columns * sizes.components >> (wide + high) > MOST_BLOCKS:
        return f"more than {MOST_BLOCKS} code-blocks"
    precincts = style[5:] if explicit else b""
    packets = 0
    for resolution in range(levels + 1):
        exponents = precincts[resolution] if resolution < len(precincts) else 0xFF
        down = levels - resolution
        across = sizes.tiles_across * ceil(sizes.tile_columns / 2 ** (down + (exponents & 0xF)))
        deep = sizes.tiles_down * ceil(sizes.tile_rows / 2 ** (down + (exponents >> 4)))
        packets += across * deep * sizes.components * layers
    return f"more than {MOST_PACKETS} packets" if packets > MOST_PACKETS else None
