"""Files that are not read: which of them hold a picture all the same, and which have another purpose.

A text, a program or a database beside the images of a study is none of its images, and is set aside. A
picture or an archive of another format may be the radiograph itself, and so may be what bears the name of
one: such a file is refused, so that nobody takes the report for one on all that was sent.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from shared.errors import BadInputError, ForeignFileError, NotAnImageError

_PICTURES: Final = re.compile(
    rb"II\*\0|MM\0\*|II\+\0|MM\0\+"  # TIFF, BigTIFF
    rb"|BM.{4}\0{4}"  # BMP
    rb"|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"  # JPEG 2000: file, codestream
    rb"|\0\0\0\x0cJXL |\xff\x0a"  # JPEG XL
    rb"|RIFF.{4}WEBP|.{4}ftyp(?:heic|heix|mif1|avif)",
    re.DOTALL,
)
_ARCHIVES: Final = re.compile(
    rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\x1f\x8b|BZh[1-9]|\xfd7zXZ\0|\x28\xb5\x2f\xfd|MSCF\0{4}|.{257}ustar",
    re.DOTALL,
)
_IMAGE_SUFFIXES: Final = frozenset(
    {".dcm", ".dicom", ".dic", ".dc3", ".ima", ".png", ".jpg", ".jpeg", ".jpe", ".jfif"}
)
_NUMBERED: Final = re.compile(r"[A-Za-z]{0,8}[-_]?[0-9][0-9._-]*")
"""As on discs: IM000001, 00000001, or a UID."""


def noted(reasons: Iterable[BadInputError]) -> list[dict[str, str]]:
    """Write down the files that were set aside, as clients see it."""
    return [{"file": reason.file or "", "reason": reason.detail} for reason in reasons]


def error_of(head: bytes, *, name: str) -> NotAnImageError:
    """Return why a file is refused that is neither DICOM, PNG nor JPEG by its first bytes."""
    message = "the file is neither DICOM, PNG nor JPEG"
    if _PICTURES.match(head):
        return NotAnImageError(f"{message}, but a picture of another kind: convert it", file=name)
    if _ARCHIVES.match(head):
        return NotAnImageError(f"{message}, but an archive: send its files, or a zip", file=name)
    # Nothing but zeros is what a copy that failed leaves behind.
    if is_named_like_an_image(name) or not head.strip(b"\0"):
        return NotAnImageError(message, file=name)
    return ForeignFileError(message, file=name)


def is_named_like_an_image(name: str) -> bool:
    """Whether a name says of a file that it is an image, whatever its bytes are."""
    path = PurePosixPath(name)
    if name.startswith("._"):  # what macOS keeps beside a file of that name
        return False
    return path.suffix.lower() in _IMAGE_SUFFIXES or _NUMBERED.fullmatch(name) is not None
