"""The files of a folder, in every folder below it: each found once, or named with the reason why not.

Links are followed: somebody put them there, as links to files always were sent. A folder that several ways
lead to is read once, so that a loop ends; a link upwards, to a folder that the archive lies in, is not
followed, or it would send what nobody named.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from typing_extensions import override

from cxr.archive_names import Found, is_left_behind
from cxr.contents import Opened, Source, State, reason_of
from cxr.errors import ArchiveError

_KINDS: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_FolderId = tuple[int, int]


@dataclass(frozen=True, slots=True)
class OnDisk(Source):
    """A file of a folder."""

    path: Path

    @override
    def state(self) -> State:
        now = self.path.stat()
        if not stat.S_ISREG(now.st_mode):
            message = "is no longer a file"
            raise ArchiveError(message)
        return State(now.st_size, (now.st_dev, now.st_ino, now.st_mtime_ns))

    @override
    def open(self) -> Opened:
        return self.path.open("rb")


def read_folder(folder: Path) -> Found:
    """Look through a folder."""
    walk = _Walk(folder.resolve())
    walk.read()
    return walk.found


@dataclass(slots=True)
class _Walk:
    """One way through a folder; folders in their own place come before those that links lead to."""

    root: Path
    found: Found = field(default_factory=Found)
    _read: dict[_FolderId, str] = field(default_factory=dict)
    _links: list[tuple[str, _FolderId]] = field(default_factory=list)

    def read(self) -> None:
        above = _ids_above(self.root)
        self._read_below("")
        while self._links:
            links, self._links = sorted(self._links), []
            for path, folder_id in links:
                if folder_id in above:
                    self.found.left_out[path] = "a link to a folder that the archive itself lies in"
                else:
                    self._read_below(path)

    def _read_below(self, start: str) -> None:
        waiting = [start]
        while waiting:
            waiting += self._read_one(waiting.pop())

    def _read_one(self, folder: str) -> list[str]:
        """Sort out what lies in one folder; return the folders in it."""
        below = []
        try:
            folder_id = _id_of((self.root / folder).stat())
            if folder_id in self._read:
                self.found.passed_over[folder] = f"the same folder as {self._read[folder_id] or '.'}"
                return []
            self._read[folder_id] = folder
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if is_left_behind(entry.name):
                        self.found.passed_over[path] = "left behind by a system"
                    elif entry.is_dir(follow_symlinks=False):
                        below.append(path)
                    else:
                        self._take(entry, path)
        except OSError as error:
            self.found.left_out[folder or "."] = f"cannot be read: {reason_of(error)}"
        return below

    def _take(self, entry: os.DirEntry[str], path: str) -> None:
        """Take in what is no folder of its own: a file, a link, or something else."""
        try:
            status = entry.stat()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError) and entry.is_symlink()
            reason = "a link to what is not there" if missing else f"cannot be read: {reason_of(error)}"
            self.found.left_out[path] = reason
            return
        if stat.S_ISREG(status.st_mode):
            self.found.add(path, OnDisk(Path(entry.path)))
        elif stat.S_ISDIR(status.st_mode):
            self._links.append((path, _id_of(status)))
        else:
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
            self.found.left_out[path] = f"neither a file nor a folder: {kind}"


def _ids_above(folder: Path) -> frozenset[_FolderId]:
    return frozenset(_id_of(parent.stat()) for parent in folder.parents)


def _id_of(status: os.stat_result) -> _FolderId:
    return status.st_dev, status.st_ino
