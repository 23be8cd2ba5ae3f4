"""Find what is in two parts of a split: `python -m training.leaks TABLE --images FOLDER [--out FILE]`.

    find_leaks      patients, studies, and films that two patients share -> leaks
    refuse_leaks    raises when there are any: for a trainer to call before it starts
    without_leaks   records -> those that are left when what leaks is taken out of the earlier part

A network knows patients and films again that it was trained on, so figures on a split that leaks are too
good. Data sets also hold films of one another under other names (RSNA's pneumonia set is made of NIH's): such
films are found by their pixels (near_duplicates.py).

The exit status is 1 when something leaks, and each leak is printed on a line; with --out the table without
them is written, and the status is 0. Where tables of several data sets were put together, name each folder:
--images nih=/data/nih --images padchest=/data/padchest.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from typing_extensions import override

from training.command import stop
from training.near_duplicates import (
    ALIKE,
    ROWS,
    SIDE,
    candidates,
    film,
    fingerprints,
    likeness,
    nearest_scale,
)
from training.squares import Root, folders
from training.store import ImageStore, open_store
from training.table import Record, Split, read, write

_T = TypeVar("_T")

_NAMED: Final = 10
"""Leaks that an error names; it counts the others."""
_ORDER: Final = (Split.TRAIN, Split.VALIDATION, Split.TEST)
_ERRORS: Final = Console(stderr=True)


class LeakKind(StrEnum):
    """What two parts have in common."""

    PATIENT = "patient"
    STUDY = "study"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that is in two parts or more.

    Attributes:
        name: of the patient or study; of an image, how alike the two are.
        records: all images of the patient or study; the two images.
    """

    kind: LeakKind
    name: str
    records: tuple[Record, ...]

    @override
    def __str__(self) -> str:
        """Say it in a line: two of the images that are in different parts stand for all."""
        by_split = {record.split: record for record in reversed(self.records)}
        images = ", ".join(
            f"{s.value} {by_split[s].dataset}/{by_split[s].image}" for s in _ORDER if s in by_split
        )
        return f"{self.kind} {self.name}: {images}"


class LeakError(ValueError):
    """A split leaks; the message names what."""


def find_leaks(
    records: Sequence[Record], root: Root, *, cache: Path, processes: int, store: ImageStore | None = None
) -> list[Leak]:
    """Find patients, studies and films that are in more than one part; images without a part do not count.

    Films of one patient that are alike are no leak of their own: the patient is. An image that cannot be read
    is not compared.

    Args:
        root: folder that the images are below, or one a data set.
        cache: folder for the squares that films are compared by, as `open_store` makes them.
        processes: that decode, and threads that compare.
        store: of these records, if it is there already; with 128 pixels or more nothing is decoded.

    Raises:
        ValueError: no folder is given for a data set.
    """
    used = [i for i, record in enumerate(records) if record.split is not None]
    chosen = [records[i] for i in used]
    if store is None or store.size < SIDE:
        store, used = (
            open_store(chosen, root, size=SIDE, cache=cache, processes=processes),
            list(range(len(chosen))),
        )
    return [
        *_shared(LeakKind.PATIENT, chosen, [record.patient for record in chosen]),
        *_shared(LeakKind.STUDY, chosen, [record.study for record in chosen]),
        *_films(chosen, store, used, threads=processes),
    ]


def refuse_leaks(leaks: Sequence[Leak]) -> None:
    """Raise when there are any.

    Raises:
        LeakError: names ten of them, and the command that takes them out.
    """
    if not leaks:
        return
    named = "".join(f"\n    {leak}" for leak in leaks[:_NAMED])
    more = f"\n    and {len(leaks) - _NAMED:,} more" if len(leaks) > _NAMED else ""
    message = (
        f"{len(leaks):,} leaks between the parts of the split; `python -m training.leaks TABLE --images "
        f"FOLDER --out FILE` writes the table without them:{named}{more}"
    )
    raise LeakError(message)


def without_leaks(records: Iterable[Record], leaks: Iterable[Leak]) -> list[Record]:
    """Take out of earlier parts what is in a later one too, by the order train, validation, test."""
    out: set[tuple[str, str]] = set()
    for leak in leaks:
        last = max(_ORDER.index(record.split) for record in leak.records if record.split)
        out.update((one.dataset, one.image) for one in leak.records if one.split is not _ORDER[last])
    return [record for record in records if (record.dataset, record.image) not in out]


def _shared(kind: LeakKind, records: Sequence[Record], names: Sequence[str]) -> Iterator[Leak]:
    groups: dict[str, list[Record]] = {}
    for record, name in zip(records, names, strict=True):
        groups.setdefault(name, []).append(record)
    for name, group in groups.items():
        if len({record.split for record in group}) > 1:
            yield Leak(kind, name, tuple(group))


@dataclass(frozen=True, slots=True)
class _Print:
    """Where a film is, and its fingerprints."""

    record: Record
    row: int
    bits: NDArray[np.uint64]


def _films(
    records: Sequence[Record], store: ImageStore, rows: Sequence[int], *, threads: int
) -> Iterator[Leak]:
    """Find films of two patients in two parts; `rows` says where in the store a record's square is."""

    def hashed(pair: tuple[Record, int]) -> _Print | None:
        record, row = pair
        picture = film(store[row][0].numpy())
        return None if picture is None else _Print(record, row, fingerprints(picture))

    def alike(pair: tuple[_Print, _Print]) -> float:
        one, other = (film(store[each.row][0].numpy()) for each in pair)
        assert one is not None  # they have fingerprints
        assert other is not None
        return likeness(one, other, scale=nearest_scale(pair[0].bits, pair[1].bits))

    with ThreadPoolExecutor(threads) as pool:  # nearly all work is done in C, outside of Python's lock
        found = pool.map(hashed, zip(records, rows, strict=True))
        prints = [one for one in _track(found, len(rows), "Hashing films") if one is not None]
        near = list(_near(prints))
        for pair, value in zip(near, _track(pool.map(alike, near), len(near), "Aligning films"), strict=True):
            if value >= ALIKE:
                yield Leak(LeakKind.IMAGE, f"alike by {value:.2f}", (pair[0].record, pair[1].record))


def _near(prints: Sequence[_Print]) -> Iterator[tuple[_Print, _Print]]:
    """Find films of two patients in two parts whose hashes are near."""
    for first, second in combinations(_ORDER, 2):
        ones = [one for one in prints if one.record.split is first]
        others = [one for one in prints if one.record.split is second]
        if not ones or not others:
            continue
        bits = [np.stack([one.bits for one in group]) for group in (ones, others)]
        blocks = candidates(bits[0], bits[1])
        for block in _track(blocks, -(-len(ones) // ROWS), f"Comparing {first} with {second}"):
            for i, j in block.tolist():
                if ones[i].record.patient != others[j].record.patient:
                    yield ones[i], others[j]


def _track(sequence: Iterable[_T], total: int, description: str) -> Iterable[_T]:
    return track(sequence, description, total, console=_ERRORS, transient=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, print the leaks or write a table without them."""
    options = _parser().parse_args(arguments)
    if options.out is not None and not options.out.parent.is_dir():
        stop(f"--out {options.out}: there is no folder {options.out.parent}; make it first")
    with ExitStack() as stack:
        cache = options.cache or Path(stack.enter_context(TemporaryDirectory()))
        try:
            records = read(options.table)
            leaks = find_leaks(records, folders(options.images), cache=cache, processes=options.processes)
            left = without_leaks(records, leaks)
            if options.out is not None:
                write(options.out, left)
        except (OSError, ValueError) as error:
            stop(str(error))
    for leak in leaks:
        print(leak)
    print(f"leaks: {len(leaks):,}; images: {len(records):,}, without leaks {len(left):,}", file=sys.stderr)
    if leaks and options.out is None:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.leaks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", type=Path, metavar="TABLE", help="as `training.splits` writes it")
    parser.add_argument(
        "--images",
        action="append",
        required=True,
        metavar="FOLDER",
        help="FOLDER, or DATASET=FOLDER for each",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.parquet", help="table to write, without what leaks")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keeps decoded images, 16 KB each")
    parser.add_argument("--processes", type=int, default=2, help="that decode and compare; 2 by default")
    return parser


if __name__ == "__main__":
    main()
