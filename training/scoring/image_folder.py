"""The files that a table means, wherever they lie under a folder.

    path under the folder -> the name, anywhere under it -> the name without its ending, likewise

Tables write paths of the machine that they were made on, names without a folder, or names without an ending,
and images are converted after the table was made. But CheXpert calls every image view1_frontal.jpg, so a name
is not enough where the folders speak against it: a file is then meant only if no other row may mean it.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

_ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom"})
"""What may be missing or differ. Others are part of the name: a UID has dots of its own."""

_MISSING_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class _Match:
    """A file that may be meant.

    Attributes:
        sure: it has the whole name, and no folder speaks against it.
        shared: how many folders are the same, counted from the name upwards.
    """

    path: Path
    sure: bool
    shared: int


def find_images(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the file for each name, without those that have none, or more than one that may be meant."""
    wanted = {name: PurePosixPath(name.replace("\\", "/")) for name in names}
    found = {
        name: _Match(folder / path, sure=True, shared=len(path.parts))
        for name, path in wanted.items()
        if not path.is_absolute() and (folder / path).is_file()
    }
    if len(found) < len(wanted):
        below = _by_name(folder)
        for name in wanted.keys() - found.keys():
            match = _closest(below, folder, wanted[name])
            if match is not None:
                found[name] = match
    claims = Counter(match.path for match in found.values())
    return {
        name: found[name].path
        for name in wanted
        if name in found and (found[name].sure or claims[found[name].path] == 1)
    }


def say_missing(missing: Sequence[str], folder: Path) -> None:
    """Name the files that were not found, on stderr."""
    for name in missing[:_MISSING_NAMED]:
        print(f"missing: {name}", file=sys.stderr)
    if len(missing) > _MISSING_NAMED:
        print(f"missing: and {len(missing) - _MISSING_NAMED} more", file=sys.stderr)
    if missing:
        print(f"{len(missing)} files are not under {folder}, or a name fits several", file=sys.stderr)


def _by_name(folder: Path) -> dict[str, list[Path]]:
    """Return all files below a folder, by name and by name without ending."""
    found: dict[str, list[Path]] = {}
    for here, _, names in os.walk(folder):
        for name in names:
            for key in {name, _stem(name)}:
                found.setdefault(key, []).append(Path(here, name))
    return found


def _stem(name: str) -> str:
    stem = PurePosixPath(name)
    return stem.stem if stem.suffix.casefold() in _ENDINGS else name


def _closest(below: dict[str, list[Path]], folder: Path, wanted: PurePosixPath) -> _Match | None:
    """Return the one file that fits best, or None when there is none, or several fit as well."""
    exact = below.get(wanted.name, [])
    matches = []
    for path in exact or below.get(_stem(wanted.name), []):
        here, there = path.relative_to(folder).parts[-2::-1], wanted.parts[-2::-1]
        differ = [a != b for a, b in zip(here, there, strict=False)]
        shared = differ.index(True) if any(differ) else len(differ)
        matches.append(_Match(path, sure=bool(exact) and not any(differ), shared=shared))
    if not matches:
        return None
    best = max((match.sure, match.shared) for match in matches)
    fitting = [match for match in matches if (match.sure, match.shared) == best]
    return fitting[0] if len(fitting) == 1 else None
