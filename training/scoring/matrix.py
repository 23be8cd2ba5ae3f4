"""Who was trained on what, measured on whom: the cells of a matrix, as CSV, for a terminal and as a page.

    cells_of     a run's test images -> a cell for each source
    write_csv    a row a cell
    table        the matrix for a terminal
    page         the same as one HTML file

A figure is over pairs of images of one source, since a column is one source: which source an image comes from
explains nothing of it. It is the mean of the labels that the training images and the images of the cell both
show and lack `FEWEST` times: cells of one column are of the same labels where the runs know the same ones.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from rich.table import Table
from rich.text import Text

from shared.bundles import Interval
from training.answers import Answers, macro
from training.metrics import FEWEST, in_words, often_enough
from training.scoring.template import html

_TOO_FEW: Final = "too few"
_STRONGEST: Final = 45
"""Most percent of colour under a cell's text: more would leave it too little contrast."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One run on the test images of one source.

    Attributes:
        trained_on: name of the row.
        tested_on: the source.
        seen: whether the run was trained on other patients of that source.
        auroc: mean over `labels`; None where there are none.
        labels: ids.
        images: of which one of the labels is known; of `patients` patients.
    """

    trained_on: str
    tested_on: str
    seen: bool
    auroc: Interval | None
    labels: tuple[str, ...]
    images: int
    patients: int

    @property
    def colour(self) -> int:
        """Percent of colour: nothing at chance, and the most at 1."""
        over = 0.0 if self.auroc is None else max(0.0, self.auroc.value - 0.5)
        return round(2 * over * _STRONGEST)


def cells_of(row: str, answers: Answers, seen: Sequence[str], columns: Sequence[str]) -> list[Cell]:
    """Measure what a run says of test images, source by source."""
    found = []
    for column in columns:
        rows = answers.sources == column
        told = often_enough(answers.truth[rows], answers.known[rows])
        counted = rows & answers.known[:, told].any(1)
        found.append(
            Cell(
                trained_on=row,
                tested_on=column,
                seen=column in seen,
                auroc=macro(answers, rows),
                labels=tuple(name for name, enough in zip(answers.labels, told, strict=True) if enough),
                images=int(counted.sum()),
                patients=len(set(answers.patients[counted])),
            )
        )
    return found


def write_csv(path: Path, cells: Sequence[Cell]) -> None:
    """Write a row a cell; without a figure its three columns are blank."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["trained_on", "tested_on", "seen", "auroc", "low", "high", "labels", "images", "patients"]
        )
        for one in cells:
            figure = ("", "", "") if one.auroc is None else (one.auroc.value, one.auroc.low, one.auroc.high)
            seen = "yes" if one.seen else "no"
            labels = ";".join(one.labels)
            writer.writerow([one.trained_on, one.tested_on, seen, *figure, labels, one.images, one.patients])


def table(cells: Sequence[Cell]) -> Table:
    """Return the matrix; sources that a run has not seen are bold."""
    rows = _rows(cells)
    found = Table("trained on", *(f"on {one.tested_on}" for one in rows[0][1]), show_lines=True)
    for name, row in rows:
        found.add_row(name, *(_text(one) for one in row))
    return found


def page(cells: Sequence[Cell], *, recipe: str, day: date) -> str:
    """Return one HTML file without scripts."""
    rows = _rows(cells)
    columns = [one.tested_on for one in rows[0][1]]
    return html(
        "matrix.html.j2",
        recipe=recipe,
        day=day,
        columns=columns,
        rows=rows,
        figure=_figure,
        fewest=FEWEST,
    )


def _rows(cells: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    names = dict.fromkeys(one.trained_on for one in cells)
    return [(name, [one for one in cells if one.trained_on == name]) for name in names]


def _figure(one: Cell) -> tuple[str, str]:
    """Return a cell's figure and its interval."""
    if one.auroc is None:
        return _TOO_FEW, ""
    value, interval = in_words(one.auroc).split(" ", 1)
    return value, interval


def _text(one: Cell) -> Text:
    said = in_words(one.auroc, without=_TOO_FEW)
    counts = f"{len(one.labels)} labels, {one.images:,} images"
    return Text.assemble((said, "" if one.seen else "bold"), "\n", (counts, "dim"))
