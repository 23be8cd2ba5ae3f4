"""The CSV and TSV tables of data sets: plain or gzipped, in UTF-8 with or without a byte order mark.

    open_table    finds one, reads its header, checks its columns
    find_table    the same, or None
    Table         its rows, read anew each time: the largest table here has 377,110 of them
    require       several tables at once, so that all missing columns are named together

A table that is damaged is an error wherever the damage is, never a shorter table.
"""

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from training.datasets.base import DatasetError, find_one, require_columns


class Row(NamedTuple):
    """One row.

    Attributes:
        where: file and number of the row, for a problem; the header is row 1.
        cells: by column, stripped; blank where the row is cut short.
    """

    where: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        where: the file, relative to the data set's folder.
    """

    path: Path
    where: str
    columns: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """Read the rows, one by one.

        Raises:
            DatasetError: the file is broken.
        """
        for number, row in enumerate(self.lists(), start=2):
            cells = dict(zip(self.columns, row, strict=False))
            yield Row(f"{self.where}, row {number}", {name: cells.get(name, "") for name in self.columns})

    def lists(self) -> Iterator[list[str]]:
        """Read the rows as lists of stripped cells, for a header that does not fit its rows."""
        lines = _lines(self.path)
        next(lines, None)
        return (row for row in lines if any(row))


def open_table(root: Path, *patterns: str, columns: Iterable[str] = ()) -> Table:
    """Return the first table that a glob pattern finds below `root`, or a pattern with ".gz" behind it.

    Raises:
        DatasetError: there is none, it is broken, or it lacks a column; the message names each.
    """
    path = find_one(root, *(f"{pattern}{end}" for pattern in patterns for end in ("", ".gz")))
    header = next(_lines(path), [])
    require_columns(path, header, columns)
    return Table(path, path.relative_to(root).as_posix(), tuple(header))


def find_table(root: Path, *patterns: str) -> Table | None:
    """Return what `open_table` does, or None where no such file is there.

    Raises:
        DatasetError: it is broken.
    """
    if any(any(root.glob(f"{pattern}{end}")) for pattern in patterns for end in ("", ".gz")):
        return open_table(root, *patterns)
    return None


def require(tables: Sequence[tuple[Table | None, Iterable[str]]]) -> None:
    """Raise one DatasetError that names the columns that any of several tables lacks."""
    faults = []
    for table, columns in tables:
        try:
            if table is not None:
                require_columns(table.path, table.columns, columns)
        except DatasetError as error:
            faults.append(str(error))
    if faults:
        raise DatasetError("; ".join(faults))


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
            for row in csv.reader(lines, delimiter="\t" if ".tsv" in path.suffixes else ","):
                yield [cell.strip() for cell in row]
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8: it is not the file that was published, or damaged; get it again"
        raise DatasetError(message) from error
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        message = f"{path} cannot be read ({error}); get it again"
        raise DatasetError(message) from error
