"""How far a batch is: bars for a person, a line now and then for a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from cxr.output import notes

_LINE_SECONDS: Final = 30.0

Show = Callable[[str, int, int], None]
"""Takes what is counted, how many of it, and of how many."""


@contextmanager
def progress() -> Iterator[Show]:
    """Return what shows how far it is."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    with _bars() as bars:
        tasks: dict[str, TaskID] = {}

        def draw(what: str, number: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=number, total=total)

        yield draw


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=notes,
    )


def _lines() -> Show:
    last = time.monotonic()

    def write(what: str, number: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_SECONDS:
            last = time.monotonic()
            notes.print(f"{what} {number} of {total}", markup=False)

    return write
