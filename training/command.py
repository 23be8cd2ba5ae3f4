"""What training's commands have in common: how they refuse, and options that several have."""

import argparse
import sys
from pathlib import Path
from typing import NoReturn

import platformdirs


def stop(message: str, *, status: int = 2) -> NoReturn:
    """Say on stderr why a command ends, and end it: as argparse does, unless told another status."""
    print(message, file=sys.stderr)
    sys.exit(status)


def above_zero(text: str) -> int:
    """Return an option's whole number above 0; for argparse's `type`."""
    number = int(text)
    if number < 1:
        message = f"{text} is not above 0"
        raise argparse.ArgumentTypeError(message)
    return number


def add_tables(parser: argparse.ArgumentParser) -> None:
    """Add which tables' images are looked at, and where they are and are kept."""
    add = parser.add_argument
    add(
        "--table",
        type=Path,
        action="append",
        required=True,
        metavar="FILE.parquet",
        help="any number of them",
    )
    add(
        "--images",
        action="append",
        required=True,
        metavar="DIR",
        help="folder that the tables' files are in, or DATASET=DIR for each data set",
    )
    add(
        "--cache",
        type=Path,
        default=platformdirs.user_cache_path("cxr-reporter") / "squares",
        metavar="DIR",
        help="decoded images; %(default)s",
    )
