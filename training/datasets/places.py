"""Where the files of a data set may be: releases, mirrors and unpacked archives differ in their folders."""

from collections.abc import Iterable, Iterator
from pathlib import Path


class Places:
    """Folders in which a file is looked for, always in the same order.

    A look is one call of the file system; archives that were unpacked in part need no listing of the whole
    tree, and folders may be links.
    """

    def __init__(self, root: Path, folders: Iterable[Path]) -> None:
        """Take the folders in their order of preference; those that are not there do not matter."""
        self._root = root
        self._folders = [folder for folder in dict.fromkeys(folders) if folder.is_dir()]

    def find(self, *names: str) -> str | None:
        """Return the first of several names that is a file in any folder, as a path below the root.

        Args:
            names: relative paths, in order of preference; one that leads out of its folder is not looked for.
        """
        found = next((path for path in self._places_of(names) if path.is_file()), None)
        return None if found is None else self._below(found)

    def files_in(self, *names: str) -> list[str]:
        """Return the files of the first of several names that is a folder, as paths below the root, sorted.

        Args:
            names: as in `find`.
        """
        found = next((path for path in self._places_of(names) if path.is_dir()), None)
        return (
            [] if found is None else sorted(self._below(file) for file in found.iterdir() if file.is_file())
        )

    def _places_of(self, names: Iterable[str]) -> Iterator[Path]:
        for name in names:
            if name and not name.startswith("/") and ".." not in Path(name).parts:
                yield from (folder / name for folder in self._folders)

    def _below(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()
