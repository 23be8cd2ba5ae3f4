r"""Train on some sources, test on all: `python -m training.matrix RECIPE --table … --images … --out DIR`.

A source is a data set of the tables. A recipe is trained on each source alone, on all but one of them, and on
all; each of these runs is measured on the test patients of every source, in one table.

    python -m training.matrix densenet121 --table nih.parquet --table padchest.parquet --table brax.parquet \
        --images nih=/data/nih --images padchest=/data/padchest --images brax=/data/brax --out runs/matrix

DIR gets

    matrix.html         the table as a picture of heat; one file, for a browser
    matrix.csv          a row a cell: figure, interval, labels, images, patients
    runs/SOURCES/       the RUN_DIR of each run (nih, nih+padchest, …); `training.export` makes it a bundle
    runs/SOURCES.parquet, runs/SOURCES.toml   what it was trained from

A patient is in one part, whatever is trained on: nobody tests a run who is in another source's training
images under the same name, and films that two sources share are refused. A source that has test patients
alone, as `chexpert_test`, is tested on and not trained on. A run learns those labels of the recipe that at
least five of its training images show and five lack.

The same command again goes on from where it was stopped or killed; what is trained is not trained again.
--train chooses runs, as `--train nih --train nih+padchest`: another command may do the others later.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console

from training.command import stop
from training.fitting.run_folder import write_recipe
from training.metrics import often_enough
from training.recipe import Data, Recipe, RecipeError, load_recipe
from training.scoring.matrix import Cell, cells_of, page, table, write_csv
from training.splits import assign
from training.table import Record, Split, State, write
from training.train import add_options
from training.truth import read_all, told


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    Attributes:
        name: for people.
        sources: that are trained on.
        records: their training and validation images, and the test images of all sources.
        recipe: with the labels that these teach.
    """

    name: str
    sources: tuple[str, ...]
    records: Sequence[Record]
    recipe: Recipe


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, train what is missing, write and print the table."""
    options = _parser().parse_args(arguments)
    try:
        recipe = load_recipe(options.recipe)
        records = assign(read_all(options.table))
        columns = sorted({one.dataset for one in records if one.split is Split.TEST})
        rows = rows_of(recipe, records, options.train)
    except (OSError, ValueError) as error:
        stop(str(error))
    errors, cells = Console(stderr=True), list[Cell]()
    for number, row in enumerate(rows, 1):
        errors.print(f"run {number} of {len(rows)}: trained on {row.name}")
        try:
            cells += _measured(row, columns, options)
        except (OSError, ValueError) as error:
            stop(f"trained on {row.name}: {error}")
    try:
        write_csv(options.out / "matrix.csv", cells)
        made = page(cells, recipe=recipe.name, day=datetime.now(UTC).date())
        (options.out / "matrix.html").write_text(made, encoding="utf-8")
    except OSError as error:
        stop(f"the table cannot be written: {error}")
    console = Console()
    console.print(table(cells))
    console.print(f"bold: a source that was not trained on\nto look at: {options.out / 'matrix.html'}")


def rows_of(recipe: Recipe, records: Sequence[Record], chosen: Sequence[Sequence[str]]) -> list[Row]:
    """Return the runs: each source alone, all but one, all; or those that are chosen.

    Raises:
        RecipeError: there are too few sources, a chosen one cannot be trained on, or a run has no label.
    """
    parts: dict[str, set[Split | None]] = {}
    for one in records:
        parts.setdefault(one.dataset, set()).add(one.split)
    sources = sorted(name for name, found in parts.items() if {Split.TRAIN, Split.VALIDATION} <= found)
    if not sources or len(parts) < 2:
        message = (
            f"the tables have {', '.join(sorted(parts)) or 'no image'}: name at least two data sets, one of "
            "which has training and validation patients"
        )
        raise RecipeError(message)
    unknown = sorted({name for names in chosen for name in names} - set(sources))
    if unknown:
        message = f"--train: {', '.join(unknown)} cannot be trained on; these can: {', '.join(sources)}"
        raise RecipeError(message)
    runs = dict.fromkeys(tuple(sorted(set(names))) for names in chosen) or dict.fromkeys(_all_of(sources))
    return [_row(run, sources, recipe, records) for run in runs]


def _all_of(sources: Sequence[str]) -> Iterator[tuple[str, ...]]:
    yield from ((one,) for one in sources)
    yield from (tuple(one for one in sources if one != left_out) for left_out in sources if len(sources) > 2)
    yield tuple(sources)


def _row(run: tuple[str, ...], sources: Sequence[str], recipe: Recipe, records: Sequence[Record]) -> Row:
    left_out = [one for one in sources if one not in run]
    name = " + ".join(run)
    if len(run) > 1 and len(left_out) < 2:
        name = f"all but {left_out[0]}" if left_out else "all"
    kept = [one for one in records if one.dataset in run or one.split is Split.TEST]
    labels = _taught(recipe.data, kept)
    if not labels:
        message = (
            f"{name}: no label of the recipe is shown by five training images and lacking from five: "
            f"{', '.join(recipe.data.labels)}"
        )
        raise RecipeError(message)
    policies = {label: policy for label, policy in recipe.data.policies.items() if label in labels}
    data = recipe.data.model_copy(update={"labels": labels, "policies": policies})
    return Row(name, run, kept, recipe.model_copy(update={"data": data}))


def _taught(data: Data, records: Sequence[Record]) -> tuple[str, ...]:
    """Return the labels of a recipe that training images teach; of one that learns texts, all."""
    if data.texts:
        return data.labels
    used = told(records, blank=data.blank, views=data.views)
    states = [[one.labels.get(label) for label in data.labels] for one in used if one.split is Split.TRAIN]
    said = np.array(states, object).reshape(len(states), len(data.labels))
    shown, lacking = said == State.PRESENT, said == State.ABSENT
    enough = often_enough(shown, shown | lacking)
    return tuple(label for label, one in zip(data.labels, enough, strict=True) if one)


def _measured(row: Row, columns: Sequence[str], options: argparse.Namespace) -> list[Cell]:
    """Train a row, or read what it came to, and measure it."""
    # Imported here: processes that decode images import this module again, and need not wait for torch.
    from training.exporting.card import read_part  # noqa: PLC0415
    from training.fitting.recipe_run import train  # noqa: PLC0415

    name = "+".join(row.sources)
    runs = options.out / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    file, recipe = runs / f"{name}.parquet", runs / f"{name}.toml"
    write(file, row.records)
    write_recipe(recipe, row.recipe)
    given = vars(options) | {"recipe": str(recipe), "table": [file], "out": runs / name, "devices": 1}
    train(argparse.Namespace(**given))
    test = read_part(runs / name, row.recipe.data.labels, Split.TEST)
    # Scores are compared, not read: logits do as well as probabilities.
    return cells_of(row.name, test.truths.with_scores(test.logits.astype(np.float64)), row.sources, columns)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.matrix",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="what comes out; also what is gone on from"
    )
    parser.add_argument(
        "--train",
        action="append",
        type=lambda text: text.split("+"),
        default=[],
        metavar="SOURCES",
        help="only these runs: data sets joined by +; any number of times",
    )
    return parser


if __name__ == "__main__":
    main()
