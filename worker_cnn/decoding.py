"""From a file's bytes to what the model, the gate and people look at.

`prepare`: check_file -> codec -> display pixels -> model input, preview, exposure

Codecs are C code fed with bytes from outside: one that crashes, hangs or eats memory must cost its own
file only. The worker therefore calls `prepare` through a `DecoderPool`, in child processes; training,
benchmarks and tests call it directly.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BufferedReader, BytesIO
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin, PngImagePlugin

from shared.bands import Bands
from shared.dicom.attributes import quietly
from shared.dicom.checks import Attributes, MediaType, check_file
from shared.dicom.codestreams import png_depth, png_header, png_picture
from shared.dicom.files import guarded
from shared.dicom.pieces import Joined
from shared.domain.studies import Priority
from shared.errors import BadInputError, BrokenImageError, TooLargeError
from shared.grayscale import scale, stretch
from shared.imaging import Exposure, luminance, summary
from shared.reporting.warnings import ImageWarning
from shared.work import faults
from shared.work.faults import Point
from worker_cnn.children import ChildPool, Terms
from worker_cnn.dicom_pixels import Displayed, display_pixels
from worker_cnn.endings import sealed_jpeg
from worker_cnn.room import check_room, memory_of_all, room_for
from worker_cnn.slots import Slots, Ticket

MAX_PIXELS: Final = 100_000_000
"""Most pixels of an image: ten times the finest detector's, and 400 MB as floats."""
_USUAL: Final = Terms()
_ORDINARY: Final = Ticket(Priority.ROUTINE, room=room_for(pixels=MAX_PIXELS, size=0))


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A decoded file.

    Attributes:
        model_input: (size, size) float32 in [0, 1], see `shared.imaging.model_input`.
        preview: (h, w) uint8, the longer side at most 1,536 pixels.
        attributes: of a DICOM file; empty for PNG and JPEG.
        rows: height in pixels of the whole image as it is shown.
        columns: its width.
        warnings: where the file says of its pixels what cannot be.
    """

    model_input: NDArray[np.float32]
    preview: NDArray[np.uint8]
    attributes: Attributes
    exposure: Exposure
    rows: int
    columns: int
    warnings: tuple[ImageWarning, ...] = ()


def prepare(data: bytes, *, name: str, size: int, max_pixels: int = MAX_PIXELS) -> PreparedImage:
    """Decode a file and make everything from its pixels that later steps need.

    Args:
        name: the client's name of the file, for errors only.
        size: side of the model's input in pixels.
        max_pixels: an image with more is refused before it is decoded.

    Raises:
        BadInputError: one of its kinds, as `shared.dicom.checks.check_header` says; BrokenImageError also for
            what only decoding shows.
    """
    faults.passing(Point.CNN_DECODING, name)
    try:
        return _prepare(data, name=name, size=size, max_pixels=max_pixels)
    except MemoryError:
        message = (
            "decoding the file takes more memory than there is; send the picture with fewer pixels, or give "
            "the worker more memory"
        )
        refusal: BadInputError = TooLargeError(message, file=name)
    except BadInputError as error:
        refusal = error
    # As long as an error lives, its traceback keeps the pictures of the frames that it went through: until
    # the child's next file, which would find no room.
    refusal.__context__ = None
    try:
        raise refusal.with_traceback(None)
    finally:
        del refusal


class DecoderPool:
    """`prepare`, in child processes: blocking, and shared by any number of threads."""

    def __init__(self, *, workers: int, room: int | None = None, max_pixels: int = MAX_PIXELS) -> None:
        """Start the children.

        Args:
            workers: how many; one more is kept for urgent files.
            room: bytes that they may use together; by default what this container has for them.
        """
        self._max_pixels = max_pixels
        children = workers + 1
        self._room = memory_of_all(children) if room is None else room
        self._slots = Slots(decoders=children, room=self._room)
        self._children = ChildPool(workers=children, set_up=_set_up_child, memory_bytes=self._room)

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
                prepare,
                read(),
                file=name,
                terms=replace(terms, memory_bytes=ticket.room),
                name=name,
                size=size,
                max_pixels=self._max_pixels,
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


def _prepare(data: bytes, *, name: str, size: int, max_pixels: int) -> PreparedImage:
    file = BytesIO(data)
    header, opened = check_file(file, name=name, max_pixels=max_pixels)
    with guarded(name), quietly():
        if opened is not None:
            displayed = display_pixels(file, opened, name=name)
        else:
            displayed = Displayed(_decoded(data, header.media_type, name=name))
        made = summary(displayed.pixels, size)
    return PreparedImage(
        made.model_input,
        made.preview,
        replace(header.attributes, shown_range=displayed.shown_range),
        made.exposure,
        displayed.pixels.rows,
        displayed.pixels.columns,
        displayed.warnings,
    )


def _decoded(data: bytes, media_type: MediaType, *, name: str) -> Bands:
    """Decode a PNG or a JPEG."""
    # The class itself, not Image.open: no other format can be meant, and the size has been
    # checked, so that Pillow's warning at 89 million pixels has nothing to add.
    if media_type is MediaType.JPEG:
        return _gray(JpegImagePlugin.JpegImageFile(BytesIO(sealed_jpeg(data))), name=name)
    file = BytesIO(data)
    picture = BufferedReader(Joined(file, png_picture(file)))
    if _is_deep_colour(file):
        return _deep_gray(picture, name=name)
    return _gray(PngImagePlugin.PngImageFile(picture), name=name)


def _is_deep_colour(png: BinaryIO) -> bool:
    """Tell whether a PNG has 16 bits and colour or alpha: of those Pillow keeps the high bytes only."""
    depth, colour = png_depth(png)
    return depth == 16 and colour != 0


def _deep_gray(png: BinaryIO, *, name: str) -> Bands:
    header = png_header(png)
    if header is None:
        raise ValueError
    check_room(8 * header.rows * header.columns, rows=header.rows, columns=header.columns, name=name)
    png.seek(0)
    colour = cv2.imdecode(np.frombuffer(png.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if colour is None:
        message = "the file is corrupt or cut off"
        raise BrokenImageError(message, file=name)
    # OpenCV has blue first and alpha last, and gray with alpha as three colours with alpha.
    return stretch(Bands.of(colour).map(lambda band: luminance(band[..., 2::-1])))


def _most_bytes(image: Image.Image) -> int:
    """Return what Pillow takes for a picture that is open but not loaded."""
    samples = len(image.getbands())
    a_pixel = 4 if samples > 1 or image.mode == "I" else 2 if image.mode.startswith("I") else 1
    if image.format == "JPEG" and _is_turned(image):
        a_pixel *= 2  # there is a second one for a moment
    if image.info.get("progressive"):
        a_pixel += 2 * samples  # its coefficients are kept until the last scan
    return a_pixel * image.width * image.height


def _is_turned(image: Image.Image) -> bool:
    with suppress(Exception):  # as below
        return bool(image.getexif().get(ExifTags.Base.Orientation, 1) != 1)
    return False


def _turn(image: Image.Image) -> None:
    """Turn a JPEG as its EXIF says: a film photographed with a phone is stored lying on its side."""
    with suppress(Exception):  # EXIF is the camera's free text; the picture is there without it
        ImageOps.exif_transpose(image, in_place=True)


def _gray(image: Image.Image, *, name: str) -> Bands:
    """Decode to (H, W) display pixels; transparency is dropped, not blended with a colour of ours."""
    check_room(_most_bytes(image), rows=image.height, columns=image.width, name=name)
    image.load()
    if image.format == "JPEG":
        _turn(image)

    def rows(top: int, bottom: int) -> Image.Image:
        # Of the image itself, NumPy would make two copies.
        return image.crop((0, top, image.width, bottom))

    def bands(read: Callable[[int, int], NDArray[Any]]) -> Bands:
        return Bands(image.height, image.width, read)

    if image.mode.startswith("I"):  # 16-bit gray: often 10 or 12 bits of values, so by their range
        return stretch(bands(lambda top, bottom: np.asarray(rows(top, bottom), np.float32)))
    if image.mode in {"1", "L", "LA"}:
        gray = bands(lambda top, bottom: np.asarray(rows(top, bottom).convert("L")))
        return gray.map(lambda band: scale(band, 0, 255))
    colour = bands(lambda top, bottom: np.asarray(rows(top, bottom).convert("RGB")))
    return colour.map(lambda band: scale(luminance(band), 0, 255))
