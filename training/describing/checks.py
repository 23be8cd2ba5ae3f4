"""What is wrong with a data set's files and splits.

    duplicates    images whose files are the same, byte for byte
    leaks         patients whose images are in several official splits
    unreadable    images whose header the product would refuse

Near-duplicates, which differ in their bytes, are not looked for here.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from shared.dicom.checks import check_header
from shared.errors import BadInputError
from training.datasets.base import Problem
from training.table import Record

MAX_PIXELS: Final = 100_000_000
"""The limit that the product itself has (`max_pixels` of shared/settings.py)."""

Track: TypeAlias = Callable[[Sequence[Record], str], Iterable[Record]]
"""Passes records through and shows how far it is: records, what is being done -> the same records."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Images that are one file.

    Attributes:
        records: two or more.
    """

    records: tuple[Record, ...]

    @property
    def across_patients(self) -> bool:
        """Whether the data set calls them images of different patients."""
        return len({record.patient for record in self.records}) > 1

    @property
    def across_splits(self) -> bool:
        """Whether the official split has them in several parts."""
        return len({record.split for record in self.records if record.split}) > 1


def duplicates(root: Path, records: Sequence[Record], track: Track) -> list[Duplicates]:
    """Return groups of images with the same bytes; only files of the same size are read.

    Raises:
        OSError: a file is gone, or cannot be read.
    """
    by_size: dict[int, list[Record]] = {}
    for record in track(records, "Sizes of files"):
        by_size.setdefault((root / record.image).stat().st_size, []).append(record)
    alike = [record for same in by_size.values() if len(same) > 1 for record in same]
    by_digest: dict[bytes, list[Record]] = {}
    for record in track(alike, "Digests of files"):
        with (root / record.image).open("rb") as file:
            by_digest.setdefault(hashlib.file_digest(file, "sha256").digest(), []).append(record)
    return [Duplicates(tuple(same)) for same in by_digest.values() if len(same) > 1]


def leaks(records: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """Return the official splits of each patient who is in more than one."""
    splits: dict[str, set[str]] = {}
    for record in records:
        if record.split is not None:
            splits.setdefault(record.patient, set()).add(record.split.value)
    return {patient: tuple(sorted(names)) for patient, names in splits.items() if len(names) > 1}


def unreadable(root: Path, records: Sequence[Record], track: Track) -> Iterator[Problem]:
    """Check every image's header as the service does at its door; pixels are not decoded."""
    for record in track(records, "Headers of images"):
        try:
            with (root / record.image).open("rb") as file:
                check_header(file, name=record.image, max_pixels=MAX_PIXELS)
        except (BadInputError, OSError) as error:
            yield Problem(record.image, str(error))
