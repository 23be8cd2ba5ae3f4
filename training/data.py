"""Look at a data set, check it, or turn it into one table: `python -m training.data COMMAND DATASET PATH`.

    describe    counts, prevalence of each label, splits, problems, duplicates, leaks; --plots draws them
    verify      names every missing column and file, one a line; with --decode every image that is broken
    table       writes the unified table, a row an image, as Parquet; training starts from it

DATASET is one of the ids below, PATH the folder that it was unpacked into: docs/datasets/DATASET.md says
how it must look. Nothing in PATH is changed.

    python -m training.data verify nih /data/nih --decode
    python -m training.data describe nih /data/nih --plots nih-plots
    python -m training.data table nih /data/nih --out nih.parquet

The exit status is 0; or 1 when something is wrong with the data (`verify`: a table or column that is missing
too) or nothing is left of it (`table`); or 2 when the command is wrong, or PATH does not hold that data set.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from training.command import stop
from training.datasets import READERS
from training.datasets.base import DatasetError, DatasetReader, Reading
from training.describing.checks import duplicates, leaks, unreadable
from training.describing.counts import count
from training.describing.tables import counted, counts_tables, faults_tables
from training.table import Record, write

_ERRORS = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run one command."""
    options = _parser().parse_args(arguments)
    reader = READERS.get(options.dataset)
    if reader is None:
        stop(f"there is no data set {options.dataset}; there are: {', '.join(READERS)}")
    if not options.path.is_dir():
        stop(f"{options.path} is no folder; name the one that {reader.title} was unpacked into")
    try:
        options.run(reader, options)
    except DatasetError as error:
        # A column that is missing is what `verify` looks for, so there it is a finding, not a wrong command.
        stop(str(error), status=1 if options.run is verify else 2)
    except OSError as error:
        stop(str(error))


def describe(reader: DatasetReader, options: argparse.Namespace) -> None:
    """Print what is there and what is wrong with it."""
    reading = _read(reader, options.path)
    counts = count(reading.records, reader.labels)
    console = Console()
    for part in counts_tables(reader, counts):
        console.print(part)
    twins = duplicates(options.path, reading.records, _track)
    for part in faults_tables(reading.problems, twins, leaks(reading.records)):
        console.print(part)
    if options.plots is not None:
        # Matplotlib takes a second to load, which the other commands need not wait for.
        from training.describing.plots import draw  # noqa: PLC0415

        for path in draw(counts, reader.title, options.plots):
            print(path)


def verify(reader: DatasetReader, options: argparse.Namespace) -> None:
    """Print every problem on a line of its own, and leave with 1 when there is any."""
    reading = _read(reader, options.path)
    problems = list(reading.problems)
    if options.decode:
        problems.extend(unreadable(options.path, reading.records, _track))
    for problem in problems:
        print(f"{problem.where}: {problem.reason}")
    print(f"{counted(len(reading.records), 'image')}, {counted(len(problems), 'problem')}", file=sys.stderr)
    if problems or not reading.records:
        sys.exit(1)


def table(reader: DatasetReader, options: argparse.Namespace) -> None:
    """Write the Parquet file."""
    if not options.out.parent.is_dir():
        stop(f"--out {options.out}: there is no folder {options.out.parent}; make it first")
    reading = _read(reader, options.path)
    if not reading.records:
        stop(f"no image of {reader.title} is in {options.path}; `verify` says which are missing", status=1)
    with _ERRORS.status(f"Writing {options.out}"):
        write(options.out, reading.records)
    problems = counted(len(reading.problems), "problem")
    left_out = f"; {problems}, which `verify` lists" if reading.problems else ""
    print(f"{options.out}: {counted(len(reading.records), 'image')}{left_out}")


def _parser() -> argparse.ArgumentParser:
    known = "\n".join(f"    {name:<15}{reader.title}" for name, reader in READERS.items())
    parser = argparse.ArgumentParser(
        prog="python -m training.data",
        description=f"{__doc__}\nData sets:\n\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run, text in (
        (describe, "counts, prevalence, splits, problems, duplicates, leaks"),
        (verify, "every missing column and file; exit status 1 when there is any"),
        (table, "write the unified table as Parquet"),
    ):
        command = commands.add_parser(run.__name__, help=text, description=text)
        command.add_argument("dataset", metavar="DATASET", help=f"one of: {', '.join(READERS)}")
        command.add_argument(
            "path", metavar="PATH", type=Path, help="folder that the data set was unpacked into"
        )
        if run is describe:
            command.add_argument("--plots", metavar="FOLDER", type=Path, help="draw PNG plots into it")
        elif run is verify:
            command.add_argument("--decode", action="store_true", help="read the header of every image too")
        else:
            command.add_argument(
                "--out", metavar="FILE.parquet", type=Path, required=True, help="file to write"
            )
        command.set_defaults(run=run)
    return parser


def _read(reader: DatasetReader, root: Path) -> Reading:
    with _ERRORS.status(f"Reading {reader.title}: its tables, and which of its images are there"):
        return reader.read(root)


def _track(records: Sequence[Record], doing: str) -> Iterable[Record]:
    return track(records, doing, console=_ERRORS)


if __name__ == "__main__":
    main()
