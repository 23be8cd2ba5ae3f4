"""The members of a zip: each found, or named with the reason why not. Nothing is unpacked to the disk."""

import stat
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from typing_extensions import override

from cxr.archive_names import Found, is_left_behind, with_slashes
from cxr.contents import Opened, Source, State
from cxr.errors import ArchiveError

_MAGIC: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 0x1
_SAYS_UTF_8: Final = 0x800


@dataclass(frozen=True, slots=True)
class InZip(Source):
    """A member of a zip."""

    archive: "_SharedZip"
    member: zipfile.ZipInfo

    @override
    def state(self) -> State:
        return State(self.member.file_size)

    @override
    def open(self) -> Opened:
        if self.member.flag_bits & _ENCRYPTED:
            message = "is encrypted: pack it without a password"
            raise ArchiveError(message)
        return self.archive.open(self.member)


class _SharedZip:
    """An open zip whose members several threads read; its directory is read once, however long it is.

    The standard library counts the members that are open, and its count is not safe in threads.
    """

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._lock = threading.Lock()

    def members(self) -> list[zipfile.ZipInfo]:
        return self._zip.infolist()

    def open(self, member: zipfile.ZipInfo) -> Opened:
        with self._lock:
            return _SharedMember(self._zip.open(member), self._lock)


class _SharedMember:
    """An open member."""

    def __init__(self, member: IO[bytes], lock: threading.Lock) -> None:
        self._member = member
        self._lock = lock

    def read(self, size: int, /) -> bytes:
        return self._member.read(size)

    def seek(self, offset: int, /) -> int:
        return self._member.seek(offset)

    def close(self) -> None:
        with self._lock:
            self._member.close()


def read_zip(path: Path) -> Found:
    """Look through a zip.

    Raises:
        ArchiveError: it is no zip, or its directory cannot be read.
    """
    found = Found()
    archive = _opened(path)
    for member in archive.members():
        name = _name_of(member)
        parts = with_slashes(name).split("/")
        if _is_folder(member):
            continue
        if any(is_left_behind(part) for part in parts):
            found.passed_over["/".join(parts)] = "left behind by a system"
        elif stat.S_ISLNK(member.external_attr >> 16):
            found.left_out["/".join(parts)] = "a link within the zip: pack what it leads to"
        else:
            found.add(name, InZip(archive, member))
    return found


def _opened(path: Path) -> _SharedZip:
    if not path.is_file():
        raise _is_none(path)  # a pipe would keep us waiting for whoever writes into it
    try:
        return _SharedZip(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
        with path.open("rb") as file:
            is_zip = file.read(len(_MAGIC)) == _MAGIC
        if not is_zip:
            raise _is_none(path) from error
        if isinstance(error, UnicodeError):
            message = (
                f"cannot read {path}: a name in it is not what it says (UTF-8). Unpack it, send the folder"
            )
        else:
            message = (
                f"cannot read {path}: its directory, which stands at the end of a zip, is missing or damaged "
                f"({error}). Copy it once more, or unpack what can be and send the folder"
            )
        raise ArchiveError(message) from error


def _is_none(path: Path) -> ArchiveError:
    message = f"neither a folder nor a zip: {path}. One study of some files: cxr submit FILES"
    return ArchiveError(message)


def _name_of(member: zipfile.ZipInfo) -> str:
    """Return the member's name; many programs write UTF-8 and do not say so."""
    name = member.orig_filename.partition("\0")[0]
    if not member.flag_bits & _SAYS_UTF_8:
        try:
            return name.encode("cp437").decode()
        except UnicodeError:
            return name
    return name


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return member.is_dir() or (member.filename.endswith("\\") and member.file_size == 0)
