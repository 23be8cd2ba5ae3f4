"""From a file's bytes to what the model, the gate and people look at.

`prepare`: check_header -> codec -> display pixels -> model input, preview, exposure

Codecs are C code fed with bytes from outside: one that crashes, hangs or eats memory must cost its own
file only. The worker therefore calls `prepare` through a `DecoderPool`, in child processes; training,
benchmarks and tests call it directly.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin

from shared.attributes import quietly
from shared.dicom import Attributes, MediaType, check_dicom, check_header
from shared.dicom_files import guarded
from shared.domain import Priority
from shared.errors import TooLargeError
from shared.imaging import (
    Exposure,
    Pixels,
    exposure,
    luminance,
    model_input,
    preview,
    scale,
    stretch,
)
from shared.memory import memory_limit
from worker_cnn.children import ChildPool, Terms
from worker_cnn.dicom_pixels import display_pixels
from worker_cnn.slots import Slots, Ticket

MAX_PIXELS: Final = 100_000_000
"""Most pixels of an image: ten times the finest detector's, and 400 MB as floats."""
_BYTES_PER_PIXEL: Final = 24
"""Most memory that decoding takes for each pixel of the image."""
_USUAL: Final = Terms()
_ORDINARY: Final = Ticket(Priority.ROUTINE, room=0)


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A decoded file.

    Attributes:
        model_input: (size, size) float32 in [0, 1], see `shared.imaging.model_input`.
        preview: (h, w) uint8, the longer side at most 1,536 pixels.
        attributes: of a DICOM file; empty for PNG and JPEG.
        rows: height in pixels of the whole image as it is shown.
        columns: its width.
    """

    model_input: NDArray[np.float32]
    preview: NDArray[np.uint8]
    attributes: Attributes
    exposure: Exposure
    rows: int
    columns: int


def prepare(data: bytes, *, name: str, size: int, max_pixels: int = MAX_PIXELS) -> PreparedImage:
    """Decode a file and make everything from its pixels that later steps need.

    Args:
        name: the client's name of the file, for errors only.
        size: side of the model's input in pixels.
        max_pixels: an image with more is refused before it is decoded.

    Raises:
        BadInputError: one of its kinds, as `shared.dicom.check_header` says; BrokenImageError also for
            what only decoding shows.
    """
    try:
        pixels, attributes = _read(data, name=name, max_pixels=max_pixels)
        rows, columns = pixels.shape
        return PreparedImage(
            model_input(pixels, size), preview(pixels), attributes, exposure(pixels), rows, columns
        )
    except MemoryError:
        message = "decoding the file takes more memory than is allowed"
        raise TooLargeError(message, file=name) from None


def room_for(*, pixels: int, size: int) -> int:
    """Return the bytes that decoding a file takes at most, by what its header says and its own size."""
    return pixels * _BYTES_PER_PIXEL + 2 * size


class DecoderPool:
    """`prepare`, in child processes: blocking, and shared by any number of threads."""

    def __init__(self, *, workers: int, room: int | None = None, max_pixels: int = MAX_PIXELS) -> None:
        """Start the children.

        Args:
            workers: how many; one more is kept for urgent files.
            room: bytes that they may use together; by default a share of what this container may use.
        """
        self._max_pixels = max_pixels
        self._slots = Slots(decoders=workers + 1, room=memory_limit() // 2 if room is None else room)
        self._children = ChildPool(workers=workers + 1, set_up=_set_up_child)

    def prepare(
        self,
        read: Callable[[], bytes],
        *,
        name: str,
        size: int,
        ticket: Ticket = _ORDINARY,
        terms: Terms = _USUAL,
    ) -> PreparedImage:
        """Do what `prepare` does, safe from what the codec does, when the file's turn has come.

        Args:
            read: returns the file's content; called when its turn has come.

        Raises:
            BadInputError: as `prepare` does; BrokenImageError also when the codec crashes or hangs.
            TryAgainError: the pool is stopping, or its children are killed from outside.
            Exception: whatever `terms.check` or `read` raises.
        """
        with self._slots.taken(ticket, terms.check):
            return self._children.call(
                prepare, read(), file=name, terms=terms, name=name, size=size, max_pixels=self._max_pixels
            )

    def stop(self) -> None:
        """End the children."""
        self._children.stop()

    def __enter__(self) -> Self:
        """Return the pool; it is stopped at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the pool."""
        self.stop()


def _set_up_child() -> None:
    cv2.setNumThreads(1)  # the pool is the parallelism


def _read(data: bytes, *, name: str, max_pixels: int) -> tuple[Pixels, Attributes]:
    file = BytesIO(data)
    header = check_header(file, name=name, max_pixels=max_pixels)
    match header.media_type:
        case MediaType.DICOM:
            _, opened = check_dicom(file, name=name, max_pixels=max_pixels)
            with guarded(name), quietly():
                return display_pixels(file, opened, name=name), header.attributes
        case MediaType.PNG:
            with guarded(name):
                # The class itself, not Image.open: no other format can be meant, and the size has been
                # checked, so that Pillow's warning at 89 million pixels has nothing to add.
                return _gray(PngImagePlugin.PngImageFile(BytesIO(data))), header.attributes
        case MediaType.JPEG:
            with guarded(name):
                return _gray(_upright(JpegImagePlugin.JpegImageFile(BytesIO(data)))), header.attributes


def _upright(image: Image.Image) -> Image.Image:
    """Turn a JPEG as its EXIF says: a film photographed with a phone is stored lying on its side."""
    with suppress(Exception):  # EXIF is the camera's free text; the picture is there without it
        return ImageOps.exif_transpose(image)
    return image


def _gray(image: Image.Image) -> Pixels:
    """Decode to (H, W) display pixels; transparency is dropped, not blended with a colour of ours."""
    if image.mode.startswith("I"):  # 16-bit gray: often 10 or 12 bits of values, so by their range
        return stretch(np.asarray(image, np.float32))
    if image.mode in {"1", "L", "LA"}:
        return scale(np.asarray(image.convert("L")), 0, 255)
    return scale(luminance(np.asarray(image.convert("RGB"))), 0, 255)
