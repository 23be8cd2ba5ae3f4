"""What an archive's files are called: paths with slashes, each once, that can be shown anywhere."""

from dataclasses import dataclass, field
from typing import Final

from cxr.contents import Source

_LEFT_BEHIND: Final = frozenset(
    {
        *(".ds_store", ".localized", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini"),
        *("__macosx", ".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems", "lost+found"),
        *("system volume information", "$recycle.bin", "@eadir", "#recycle"),
        *(".git", ".hg", ".svn"),
        *(".snapshot", ".snapshots", "~snapshot", ".zfs"),  # a file server's copies of what is sent anyway
    }
)
_BEFORE_MACOS_FORKS: Final = "._"


@dataclass(slots=True)
class Found:
    """What an archive holds.

    Attributes:
        files: path and source of each; a path may stand there twice.
        left_out: by its path, what might have been a radiograph and is not sent, with the reason.
        passed_over: by its path, what is no radiograph or is sent under another path, with the reason.
        directories: the DICOMDIR of each disc, as files are.
    """

    files: list[tuple[str, Source]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)
    directories: list[tuple[str, Source]] = field(default_factory=list)

    def add(self, path: str, source: Source) -> None:
        """Add a file under its path with slashes."""
        path = with_slashes(path)
        is_directory = path.rpartition("/")[2].casefold() == "dicomdir"
        (self.directories if is_directory else self.files).append((path, source))


def is_left_behind(name: str) -> bool:
    """Tell whether a system, not a person, put a file or a folder of this name there."""
    return name.casefold() in _LEFT_BEHIND or name.startswith(_BEFORE_MACOS_FORKS)


def with_slashes(path: str) -> str:
    r"""Return a path whose parts slashes divide, from the archive's top.

    Windows packs `ward\IM1.dcm`, which other systems unpack to a file with a backslash in its name.
    """
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return "/".join(parts) or "unnamed"


def shown(path: str) -> str:
    r"""Return a path as it can be printed: what is no letter as Python writes it, as in `M\xfcller.dcm`."""
    text = path.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def each_once(paths: list[str]) -> list[str]:
    """Return the paths so that none stands there twice: the second `a.dcm` becomes `a.dcm (2)`."""
    taken, numbers, unique = set(paths), dict.fromkeys(paths, 1), []
    for path in paths:
        name = path
        if numbers[path] > 1:
            while name in taken:
                name = f"{path} ({numbers[path]})"
                numbers[path] += 1
            taken.add(name)
        else:
            numbers[path] += 1
        unique.append(name)
    return unique
