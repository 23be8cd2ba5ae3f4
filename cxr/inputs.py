"""What can be sent as an image, each turned into a name and a way to open it; what may be said of a study.

A path (str or Path), bytes, an open file, a NumPy array, a PIL image, or a name with how to open it. NumPy
and PIL are not needed to use the client: whoever has such a value has imported them.
"""

import io
import os
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Final,
    Protocol,
    TypedDict,
    TypeGuard,
    cast,
    runtime_checkable,
)

from cxr.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

Opener = Callable[[], BinaryIO]


class OrderFields(TypedDict, total=False):
    """What may be said of a study besides its patient's id; dates as YYYY-MM-DD, names as FAMILY^GIVEN."""

    accession_number: str | None
    patient_id_issuer: str | None
    patient_name: str | None
    patient_birth_date: date | str | None
    patient_sex: str | None
    patient_age_years: float | None
    referring_physician: str | None
    study_instance_uid: str | None
    study_date: date | str | None
    study_time: str | None
    body_part: str | None
    laterality: str | None
    institution: str | None


class Line(TypedDict):
    """What became of a sentence of a report.

    Keys:
        section: technique, comparison, findings or impression.
        of: which of the report's `sentences` it was, from 0; None of one that was added.
        decision: accepted, changed, struck or added.
    """

    section: str
    text: str
    of: int | None
    decision: str


@runtime_checkable
class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes | str: ...


@runtime_checkable
class _Picture(Protocol):
    """A PIL image, which writes itself."""

    @property
    def mode(self) -> str: ...

    def save(self, fp: BinaryIO, format: str, /) -> None: ...  # noqa: A002 - PIL's name


@runtime_checkable
class _Array(Protocol):
    """A NumPy array, or what offers itself as one."""

    __array_interface__: dict[str, Any]


Upload = str | os.PathLike[str] | bytes | bytearray | _Readable | _Picture | _Array | tuple[str, Opener]
"""One image, or a zip of a study's images."""

_KINDS: Final = "a path, bytes, an open file, a NumPy array or a PIL image"
_PNG_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
"""Those that a PNG holds without loss."""


def uploads(given: Upload | Sequence[Upload] | None) -> tuple[tuple[str, Opener], ...]:
    """Return a name and an opener for each of a study's images, in their order.

    Raises:
        InputError: there is none, or one is of no kind that can be sent.
    """
    images = list(given) if isinstance(given, list | tuple) and not _is_named(given) else [given]
    if not images:
        message = "there is nothing to send: a study has at least one image"
        raise InputError(message)
    return tuple(_opened(one, number) for number, one in enumerate(images, 1))


def _is_named(given: object) -> TypeGuard[tuple[str, Opener]]:
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str) and callable(given[1])


def _opened(given: object, number: int) -> tuple[str, Opener]:
    if _is_named(given):
        name, opener = given
        return name, opener
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        return path.name, lambda: path.open("rb")
    if isinstance(given, bytes | bytearray):
        return _held(f"image-{number}", bytes(given))
    if isinstance(given, _Picture):
        return _held(f"image-{number}.png", _png(given))
    if isinstance(given, _Array):
        return _held(f"image-{number}.png", _png(_picture_of(given)))
    if isinstance(given, _Readable):
        return _of_file(given, number)
    message = f"image {number} is a {type(given).__name__}; what can be sent is {_KINDS}"
    raise InputError(message)


def _of_file(file: _Readable, number: int) -> tuple[str, Opener]:
    # Read once and kept: an attempt that is cut off is sent again, and closes what it was given.
    content = file.read()
    if not isinstance(content, bytes):
        message = f"image {number} is a file of text: open it with mode 'rb'"
        raise InputError(message)
    name = getattr(file, "name", None)
    return _held(Path(name).name if isinstance(name, str) else f"image-{number}", content)


def _held(name: str, content: bytes) -> tuple[str, Opener]:
    if not content:
        message = f"{name} is empty"
        raise InputError(message)
    return name, lambda: io.BytesIO(content)


def _picture_of(array: _Array) -> _Picture:
    from PIL import Image as Pillow  # noqa: PLC0415 - whoever has no array needs no PIL

    shape, kind = array.__array_interface__["shape"], array.__array_interface__["typestr"].lstrip("<>|=")
    is_grey, is_colour = len(shape) == 2, len(shape) == 3 and shape[-1] in (3, 4)
    if 0 in shape or not ((is_grey and kind in ("u1", "u2")) or (is_colour and kind == "u1")):
        message = (
            f"an array of shape {shape} and type {kind} cannot be sent; what can is (rows, columns) of "
            "uint8 or uint16, or (rows, columns, 3) of uint8. Scale other values to these first"
        )
        raise InputError(message)
    return Pillow.fromarray(array)


def _png(picture: _Picture) -> bytes:
    if picture.mode not in _PNG_MODES:
        message = f"a PIL image of mode {picture.mode} cannot be sent as it is: convert it to L, I;16 or RGB"
        raise InputError(message)
    from PIL import ImageOps  # noqa: PLC0415 - its image came from PIL

    file = io.BytesIO()
    # A camera's note on how it was held, which a PNG does not keep.
    ImageOps.exif_transpose(cast("Image", picture)).save(file, "PNG")
    return file.getvalue()
