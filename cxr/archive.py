"""An archive to be sent: a folder or a zip, item by item, each with a name that stays the same.

The key of an item is its path within the archive and the digest of its content: sent twice, an item
is still one; changed between two runs, it is another.
"""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from cxr.errors import ArchiveError

_CHUNK: Final = 1 << 20
_IN_MEMORY_BYTES: Final = 16 << 20
_LONGEST_PATH: Final = 180
"""Characters of the path that go into a key; the server takes keys of up to 255."""
_NOT_IMAGES: Final = frozenset({"DICOMDIR", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file: its name and how to open it."""

    name: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Item:
    """One study of the archive.

    Attributes:
        path: within the archive, with slashes.
    """

    path: str
    files: tuple[ArchiveFile, ...]

    def key(self) -> str:
        """Return the item's Idempotency-Key; reads the whole item."""
        digest = hashlib.sha256()
        for file in self.files:
            with file.open() as content:
                while chunk := content.read(_CHUNK):
                    digest.update(chunk)
        return item_key(self.path, digest.hexdigest())


def item_key(path: str, digest: str) -> str:
    """Return a header-safe key: the path (its end, where it is long) and the content's digest."""
    safe = quote(path, safe="/", errors="surrogateescape")  # a name need not be UTF-8
    if len(safe) > _LONGEST_PATH:
        whole = hashlib.sha256(safe.encode()).hexdigest()[:16]
        safe = f"{whole}...{safe[-_LONGEST_PATH + 19 :]}"
    return f"{safe}@{digest[:32]}"


def items_of(archive: Path, *, study_per_folder: bool) -> list[Item]:
    """List the studies of a folder or a zip in order of their paths.

    Hidden files and what operating systems leave in folders are no items; everything else is: what
    is no radiograph the server refuses with a reason, and the batch accounts for it.

    Raises:
        ArchiveError: there is nothing in it, or the zip is broken.
    """
    if archive.is_dir():
        files = list(_folder_files(archive))
    elif zipfile.is_zipfile(archive):
        files = list(_zip_files(archive))
    else:
        message = f"neither a folder nor a zip: {archive}"
        raise ArchiveError(message)
    if not files:
        message = f"no files in {archive}"
        raise ArchiveError(message)
    if not study_per_folder:
        return [Item(path, (file,)) for path, file in files]
    files.sort(key=lambda entry: entry[0].rpartition("/")[0])
    return [
        Item(folder or ".", tuple(file for _, file in group))
        for folder, group in groupby(files, key=lambda entry: entry[0].rpartition("/")[0])
    ]


def _folder_files(folder: Path) -> Iterator[tuple[str, ArchiveFile]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and _is_content(relative.parts):
            yield relative.as_posix(), ArchiveFile(path.name, partial(_open_file, path))


def _open_file(path: Path) -> BinaryIO:
    return path.open("rb")


def _zip_files(archive: Path) -> Iterator[tuple[str, ArchiveFile]]:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(entry.filename for entry in opened.infolist() if not entry.is_dir())
    except (zipfile.BadZipFile, OSError, NotImplementedError, UnicodeError) as error:
        message = f"cannot read {archive}: {error}"
        raise ArchiveError(message) from error
    for name in names:
        parts = tuple(part for part in name.split("/") if part)
        if _is_content(parts):
            yield name, ArchiveFile(parts[-1], partial(_open_member, archive, name))


def _open_member(archive: Path, name: str) -> BinaryIO:
    """Unpack one member; httpx wants to know its length and to go back to its start."""
    unpacked = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as member:
            shutil.copyfileobj(member, unpacked, _CHUNK)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        unpacked.close()
        message = f"cannot read {name} in {archive}: {error}"
        raise ArchiveError(message) from error
    unpacked.seek(0)
    return unpacked  # type: ignore[return-value]  # it does all that a BinaryIO does


def _is_content(parts: tuple[str, ...]) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return bool(parts) and not hidden and parts[-1] not in _NOT_IMAGES
