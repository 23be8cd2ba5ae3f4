"""An archive to be sent: a folder or a zip, item by item, each with a name that stays the same.

The key of an item is its path within the archive and the digest of its content: sent twice, an item
is still one; changed between two runs, it is another.

archive_folders.py, archive_zips.py: what is in it. archive_names.py: what that is called.
archive_discs.py, discs.py: which files a disc's DICOMDIR puts together. contents.py: what is read of it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Final, cast
from urllib.parse import quote

from cxr.archive_discs import take_studies
from cxr.archive_folders import read_folder
from cxr.archive_names import Found, each_once, shown
from cxr.archive_zips import read_zip
from cxr.contents import Content, Source, plain_reasons
from cxr.errors import ArchiveError

_CHUNK: Final = 1 << 20
_LONGEST_PATH: Final = 180
"""Characters of the path that go into a key; the server takes keys of up to 255."""
_NAMED_REASONS: Final = 5


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file: its name and where its content is."""

    name: str
    source: Source


@dataclass(frozen=True, slots=True)
class Sealed:
    """An item that was read: what is sent under its key is what was read, or nothing.

    Attributes:
        key: the Idempotency-Key.
        uploads: name and opener of each file.
    """

    key: str
    uploads: Sequence[tuple[str, Callable[[], BinaryIO]]]


@dataclass(frozen=True, slots=True)
class Item:
    """One study of the archive.

    Attributes:
        path: within the archive, with slashes.
    """

    path: str
    files: tuple[ArchiveFile, ...]

    def seal(self) -> Sealed:
        """Read the item, whole.

        Raises:
            ArchiveError: a file of it cannot be read, or changes meanwhile.
        """
        digest = hashlib.sha256()
        uploads = []
        for file in self.files:
            try:
                opener = _seal(file, digest.update)
            except ArchiveError as error:
                if len(self.files) == 1:
                    raise
                message = f"{shown(file.name)} {error}"
                raise ArchiveError(message) from error
            uploads.append((file.name, opener))
        return Sealed(item_key(self.path, digest.hexdigest()), uploads)

    def parts(self, groups: Sequence[Sequence[int]]) -> "list[Item]":
        """Return an item for each group of the files' positions."""
        return [
            Item(f"{self.path} ({number} of {len(groups)})", tuple(self.files[one] for one in group))
            for number, group in enumerate(groups, start=1)
        ]


@dataclass(frozen=True, slots=True)
class Archive:
    """What a folder or a zip holds.

    Attributes:
        items: in order of their paths.
        left_out: what might have been a radiograph and is not sent: the reason, by its path as it is shown.
        passed_over: what is no radiograph or is sent under another path, in the same way.
        on_discs: how many of the items are studies by a DICOMDIR.
    """

    items: Sequence[Item]
    left_out: dict[str, str]
    passed_over: dict[str, str]
    on_discs: int = 0


def item_key(path: str, digest: str) -> str:
    """Return a header-safe key: the path (its end, where it is long) and the content's digest."""
    safe = quote(path, safe="/", errors="surrogateescape")  # a name need not be UTF-8
    if len(safe) > _LONGEST_PATH:
        whole = hashlib.sha256(safe.encode()).hexdigest()[:16]
        safe = f"{whole}...{safe[-_LONGEST_PATH + 19 :]}"
    return f"{safe}@{digest[:32]}"


def read_archive(path: Path, *, study_per_folder: bool) -> Archive:
    """List the studies of a folder or a zip; where there is a DICOMDIR, those that it names.

    What systems leave in folders is passed over; everything else is an item, hidden or not: what is no
    radiograph the server refuses with a reason, and the batch accounts for it.

    Raises:
        ArchiveError: there is nothing in it, or the zip cannot be read.
    """
    found = read_folder(path) if path.is_dir() else read_zip(path)
    on_discs = [
        Item(path, tuple(ArchiveFile(name.rpartition("/")[2], source) for name, source in files))
        for path, files in take_studies(found)
    ]
    others = _folders_of(found) if study_per_folder else _files_of(found)
    archive = Archive(
        items=sorted([*on_discs, *others], key=lambda item: item.path.split("/")) if on_discs else others,
        left_out={shown(name): reason for name, reason in sorted(found.left_out.items())},
        passed_over={shown(name): shown(reason) for name, reason in sorted(found.passed_over.items())},
        on_discs=len(on_discs),
    )
    if not archive.items:
        reasons = [f"{name}: {reason}" for name, reason in (archive.left_out | archive.passed_over).items()]
        message = "\n  ".join([f"no files to send in {path}", *reasons[:_NAMED_REASONS]])
        raise ArchiveError(message)
    return archive


def _seal(file: ArchiveFile, take: Callable[[bytes], None]) -> Callable[[], BinaryIO]:
    """Read a file once; return what opens it again, as long as it is the same."""
    with plain_reasons():
        opener = partial(Content, file.source, file.source.state())
    with opener() as content:
        while chunk := content.read(_CHUNK):
            take(chunk)
    return cast("Callable[[], BinaryIO]", opener)  # it does all that a BinaryIO does


def _files_of(found: Found) -> list[Item]:
    files = _sorted(found)
    paths = each_once([path for path, _ in files])
    return [Item(path, (file,)) for path, (_, file) in zip(paths, files, strict=True)]


def _folders_of(found: Found) -> list[Item]:
    files = _sorted(found)
    files.sort(key=lambda entry: entry[0].rpartition("/")[0])
    return [
        Item(folder or ".", tuple(file for _, file in group))
        for folder, group in groupby(files, key=lambda entry: entry[0].rpartition("/")[0])
    ]


def _sorted(found: Found) -> list[tuple[str, ArchiveFile]]:
    files = sorted(found.files, key=lambda entry: entry[0].split("/"))
    return [(path, ArchiveFile(path.rpartition("/")[2], source)) for path, source in files]
