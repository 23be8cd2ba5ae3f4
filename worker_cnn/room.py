"""How much memory the decoding children share, what a file gets of it, and whether its picture fits.

All files at work and the worker itself stay within the container: above its limit the kernel kills, and not
always the one that took too much. So each file has its part of what there is (`slots.Slots`), by what its
header says, and its child may not ask for more (`children.Terms`). A picture that does not fit is refused
with its size; a child that is wrong about it runs into its limit, which costs that file alone.
"""

import resource
import sys
from pathlib import Path
from typing import Final

from shared.errors import TooLargeError
from shared.imaging import PREVIEW_SIDE
from shared.machine.memory import memory_limit

_MOST: Final = 4 * 1024**3
_LEAST: Final = 256 * 1024**2
_WORKER: Final = 1024**3
"""What the worker itself takes: 0.5 GB with the model and a batch of 16 on a CPU, half as much for a study
that is tried again in a process of its own, and the files that are on their way."""
_CHILD: Final = 128 * 1024**2
"""What a child takes before its first file: its libraries, 0.1 GB."""
_ASIDE: Final = 48 * 1024**2
"""What decoding takes whatever the size: bands, samples, and a codec's own."""


_BYTES_PER_PIXEL: Final = 48
"""More than any picture takes; 16-bit colour in JPEG 2000 takes most of it."""


def memory_of_all(children: int) -> int:
    """Return the bytes that all files at work may take together, over what idle children take."""
    return max(_LEAST, memory_limit() - _WORKER - children * _CHILD)


def room_for(*, pixels: int, size: int) -> int:
    """Return the bytes that a file may take, where there are as many.

    Args:
        pixels: as its header says.
        size: of the file itself, which is there twice on its way to the child.
    """
    return min(_MOST, 2 * _ASIDE + _BYTES_PER_PIXEL * pixels + 2 * size)


def check_room(decoding: int, *, rows: int, columns: int, name: str) -> None:
    """Refuse a picture that this process has no room for, before it is decoded.

    Args:
        decoding: bytes that its codec and its pixels take at their most.

    Raises:
        TooLargeError: it does not fit.
    """
    # The bands as they were narrowed for people and for the model.
    narrowed = 4 * rows * -(-columns * 2 * PREVIEW_SIDE // max(rows, columns))
    needed, room = decoding + narrowed + _ASIDE, _room()
    if room is not None and needed > room:
        message = (
            f"the picture has {rows} x {columns} pixels, which take {needed >> 20} MB to decode, and there "
            f"is room for {max(0, room) >> 20} MB; send it with fewer pixels, or give the worker more memory"
        )
        raise TooLargeError(message, file=name)


def _room() -> int | None:
    """Return how many more bytes this process may ask for; None where nothing limits it."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY or sys.platform != "linux":
        return None
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return limit - pages * resource.getpagesize()
