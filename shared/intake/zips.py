"""A zip is a study of its members. Nothing that the archive says about itself is believed.

Names are never used as paths, sizes are counted while inflating, the directory is read only up to a
limit, and zips within zips, encrypted members and links are refused.
"""

import contextlib
import errno
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, Final, cast

from shared.errors import BrokenImageError, NotAnImageError, TooLargeError, UnsupportedImageError

MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""How a zip starts: with its first member, or, when it has none, with its directory's end."""

LARGEST_DIRECTORY: Final = 1 << 20
"""Bytes of the central directory that are read: thousands of entries, far more than a study's images."""
RATIO_COUNTS_FROM: Final = 1 << 20
"""Unpacked bytes below which any ratio is fine: a small black image compresses well, and harms nobody."""

_CHUNK: Final = 1 << 18
_IN_MEMORY: Final = 4 << 20
_ENCRYPTED: Final = 0x1
_READ_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_IGNORED_NAMES: Final = frozenset({"dicomdir", ".ds_store", "thumbs.db", "desktop.ini"})
"""In lower case: what bears them is not always written by a system that tells the cases apart."""
_DOCUMENTS: Final = (b"[Content_Types].xml", b"META-INF/", b"_rels/", b"mimetype")
"""How the first member is called of a document, a book or a program that is a zip inside."""
_CORRUPT: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError),
    *(ValueError, OverflowError),
)
"""What the standard library raises for archives that are cut off, forged or of an unknown kind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an archive is unpacked.

    Attributes:
        files: most members, of any kind.
        file_bytes: most bytes of one member, unpacked.
        total_bytes: most bytes of all members together, unpacked.
        ratio: most unpacked bytes for one packed byte.
    """

    files: int
    file_bytes: int
    total_bytes: int
    ratio: int


def members(
    archive: IO[bytes], *, name: str, limits: Limits, left: int | None = None
) -> Iterator[tuple[str, BinaryIO]]:
    """Unpack a zip's members one by one, each into a temporary file that the caller closes.

    Args:
        left: of `limits.total_bytes`, what earlier zips of the same request have not used.

    Raises:
        TooLargeError: too many entries or members, or too many bytes came out.
        BrokenImageError: the archive is cut off or corrupt.
        UnsupportedImageError: an encrypted member, a link, or an unusual compression.
        NotAnImageError: the archive holds another archive, or no file at all.
    """
    with _opened(archive, name) as opened:
        entries = [entry for entry in opened.infolist() if not _is_ignored(entry)]
        if not entries:
            message = "the zip holds no file"
            raise NotAnImageError(message, file=name)
        if len(entries) > limits.files:
            message = f"the zip holds more than {limits.files} files"
            raise TooLargeError(message, file=name)
        left = limits.total_bytes if left is None else left
        for entry in entries:
            member_name = base_name(entry.filename)
            _refuse_unreadable(entry, member_name)
            content = _unpack(opened, entry, name=member_name, limits=limits, left=left)
            left -= content.tell()
            content.seek(0)
            yield member_name, content


def is_zip(head: bytes) -> bool:
    """Whether a file that starts so is an archive to be unpacked, and no document that is a zip inside."""
    # A DICOM file whose first 128 bytes look like a zip's is not unpacked but refused (`shared.dicom`).
    return head.startswith(MAGIC) and head[128:132] != b"DICM" and not head[30:].startswith(_DOCUMENTS)


def base_name(name: str) -> str:
    """Return the last part of a client's path, without what could disturb a log, a table or a header."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(letter for letter in last if letter.isprintable())[:255] or "unnamed"


@contextlib.contextmanager
def _opened(archive: IO[bytes], name: str) -> Iterator[zipfile.ZipFile]:
    with _damage_named("the zip is cut off or corrupt", name):
        opened = zipfile.ZipFile(_SmallDirectory(archive, name))
    with opened:
        yield opened


@contextlib.contextmanager
def _damage_named(message: str, name: str) -> Iterator[None]:
    """Turn whatever the standard library says of a damaged archive into bad input."""
    try:
        yield
    except _CORRUPT as error:
        raise BrokenImageError(message, file=name) from error
    except OSError as error:
        # A forged offset is a seek to nowhere; anything else (a full disk) is our own trouble.
        if error.errno != errno.EINVAL:
            raise
        raise BrokenImageError(message, file=name) from error


class _SmallDirectory:
    """A file that refuses to be read in one large piece, which is how a huge directory is read.

    The entry count that an archive declares is not believed; a million real entries would take
    gigabytes as Python objects before anybody could count them.
    """

    def __init__(self, content: IO[bytes], name: str) -> None:
        self._content = content
        self._name = name
        self.seek, self.tell, self.seekable = content.seek, content.tell, lambda: True

    def read(self, size: int = -1) -> bytes:
        if size > LARGEST_DIRECTORY:
            message = f"the zip's directory has more than {LARGEST_DIRECTORY} bytes: too many entries"
            raise TooLargeError(message, file=self._name)
        # Read to the end happens only for the last 64 kB, where the directory's end is looked for.
        return self._content.read(LARGEST_DIRECTORY if size < 0 else size)


def _is_ignored(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a folder, or what an operating system or a DICOM medium adds to images."""
    path = entry.filename.replace("\\", "/")
    parts = PurePosixPath(path).parts
    last = parts[-1] if parts else ""
    # Windows' own packer once wrote folders with its own separator.
    is_folder = entry.is_dir() or (path.endswith("/") and entry.file_size == 0)
    return is_folder or "__MACOSX" in parts or last.lower() in _IGNORED_NAMES or last.startswith("._")


def _refuse_unreadable(entry: zipfile.ZipInfo, name: str) -> None:
    if entry.flag_bits & _ENCRYPTED:
        message = "the zip's member is encrypted: send it without a password"
        raise UnsupportedImageError(message, file=name)
    if stat.S_ISLNK(entry.external_attr >> 16):
        message = "the zip's member is a link: send the file itself"
        raise UnsupportedImageError(message, file=name)
    if entry.compress_type not in _READ_METHODS:
        message = "the zip's member is packed in an unusual way: use deflate, or none"
        raise UnsupportedImageError(message, file=name)


def _unpack(
    opened: zipfile.ZipFile, entry: zipfile.ZipInfo, *, name: str, limits: Limits, left: int
) -> BinaryIO:
    """Inflate one member, and stop as soon as it is more than it may be."""
    # Handed to the caller, who closes it. typeshed knows it as IO[bytes], which is all it lacks.
    content = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
    try:
        _copy(opened, entry, content, name=name, limits=limits, left=left)
    except BaseException:
        content.close()
        raise
    return content


def _copy(
    opened: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    target: IO[bytes],
    *,
    name: str,
    limits: Limits,
    left: int,
) -> None:
    most_by_ratio = max(RATIO_COUNTS_FROM, entry.compress_size * limits.ratio)
    written = 0
    with _damage_named("the zip's member is cut off or corrupt", name), opened.open(entry) as source:
        while chunk := source.read(_CHUNK):
            if written == 0 and is_zip(chunk):
                message = "the zip holds another zip: send the images themselves"
                raise NotAnImageError(message, file=name)
            written += len(chunk)
            _refuse_excess(written, most_by_ratio, name=name, limits=limits, left=left)
            target.write(chunk)


def _refuse_excess(written: int, most_by_ratio: int, *, name: str, limits: Limits, left: int) -> None:
    if written > limits.file_bytes:
        message = f"the file has more than {limits.file_bytes} bytes unpacked"
    elif written > left:
        message = f"what is zipped has more than {limits.total_bytes} bytes unpacked"
    elif written > most_by_ratio:
        message = f"the file unpacks to more than {limits.ratio} times its size in the zip"
    else:
        return
    raise TooLargeError(message, file=name)
