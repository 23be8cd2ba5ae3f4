"""What every data set's adapter is: a folder in its published layout in, one `Reading` out.

    DatasetReader    the protocol; one module a data set, and `READERS` in `training/datasets/__init__.py`
    Reading          records, and every row or file that had to be left out, with the reason
    DatasetError     the folder is not this data set, or a table lacks columns: nothing can be read

An adapter looks at tables and names of files; it decodes no image, except where only the file's header has
what a record needs (a patient's id in a DICOM file).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from training.table import Record


class DatasetError(ValueError):
    """A folder cannot be read as a data set; the message names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of a data set that was left out.

    Attributes:
        where: the file, and the row of a table, relative to the data set's folder.
        reason: for a person.
    """

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A data set, read.

    Attributes:
        records: of images whose file is there.
        problems: images whose file is missing among them.
    """

    records: Sequence[Record]
    problems: Sequence[Problem]


class DatasetReader(Protocol):
    """One data set.

    Attributes:
        id: as in `Record.dataset`, and on the command line.
        title: its name.
        labels: ids of the labels that it annotates, "No_Finding" among them if it says so itself.
        published: images, patients and studies (None where unknown) as its publication counts them.
    """

    id: str
    title: str
    labels: tuple[str, ...]
    published: tuple[int | None, int | None, int | None]

    def read(self, root: Path) -> Reading:
        """Read a folder.

        Raises:
            DatasetError: it does not hold this data set, or a table lacks columns.
        """
        ...


def require_columns(path: Path, header: Iterable[str], wanted: Iterable[str]) -> None:
    """Raise a DatasetError that names the columns of a table that are missing, and those that are there."""
    there = list(header)
    missing = [name for name in wanted if name not in there]
    if missing:
        message = f"{path} lacks the columns {', '.join(missing)}; it has {', '.join(there)}"
        raise DatasetError(message)


def find_one(root: Path, *patterns: str) -> Path:
    """Return the first file below `root` that a glob pattern finds, in the order of the patterns.

    Raises:
        DatasetError: none is there; the message names the folder and the patterns.
    """
    for pattern in patterns:
        found = sorted(root.glob(pattern))
        if found:
            return found[0]
    message = (
        f"{root} holds no {' or '.join(patterns)}: is it the folder that the data set was unpacked into?"
    )
    raise DatasetError(message)
