r"""Choose a recipe by folds: `python -m training.folds RECIPE --table … --images … --out DIR`.

The tables' training and validation patients are dealt into five folds by a hash of their names. Each fold is
tested by a run that was trained on the others. Test patients are not looked at: they are for what was chosen.

    python -m training.folds mine.toml --against bundled --table pool.parquet --images /data --out runs/folds
    python -m training.folds mine.toml … --fold 1 --fold 2       # only these; the others may follow

It prints the mean AUROC over pairs of one fold and one data set, with its 95 % interval by a bootstrap over
patients, and over all pairs of one fold. Pairs of two folds do not count: two runs have scored them. With
`--against` it says how much better the first recipe is than a second one on the same images.

DIR gets

    fold-1.parquet, …    the table of a fold, whose test part it is
    RECIPE/fold-1/, …    the RUN_DIR of each run

In a run the tables' validation patients are its validation patients, but for those of the fold: no epoch is
chosen by the images that it is measured on. The same command again goes on from where it was stopped.
"""

import argparse
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

import numpy as np

from training.answers import Answers, Truths, macro
from training.command import stop
from training.compare import difference
from training.metrics import Strata, in_words
from training.recipe import Recipe, RecipeError, load_recipe
from training.splits import assign
from training.table import Record, Split, write
from training.train import add_options
from training.truth import read_all

FOLDS: Final = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, train what is missing, print the figures."""
    options = _parser().parse_args(arguments)
    folds = sorted(set(options.fold)) or list(range(1, FOLDS + 1))
    names = [options.recipe, options.against] if options.against else [options.recipe]
    try:
        recipes = [load_recipe(name) for name in names]
        records = read_all(options.table)
        options.out.mkdir(parents=True, exist_ok=True)
        for fold in folds:
            write(_table(options.out, fold), dealt(records, fold))
        found = [_measured(name, recipe, folds, options) for name, recipe in zip(names, recipes, strict=True)]
        lines = list(_lines([recipe.name for recipe in recipes], found))
    except (OSError, ValueError) as error:
        stop(str(error))
    print(*lines, sep="\n")


def fold_of(patient: str) -> int:
    """Return the fold of a patient, from 1: stable whoever else is in the tables."""
    return hashlib.sha256(f"fold{patient}".encode()).digest()[0] % FOLDS + 1


def dealt(records: Sequence[Record], fold: int) -> list[Record]:
    """Return the records of training and validation patients, those of a fold as the test part.

    Raises:
        RecipeError: a data set has nobody for one of the parts.
    """
    found = [
        replace(one, split=Split.TEST) if fold_of(one.patient) == fold else one
        for one in assign(records)
        if one.split is not Split.TEST
    ]
    for dataset in sorted({one.dataset for one in found}):
        missing = set(Split) - {one.split for one in found if one.dataset == dataset}
        # Whoever reads the table would take the part out of the training patients: of other folds.
        if missing:
            parts = ", ".join(sorted(missing))
            message = f"{dataset} is too small for folds: in fold {fold} nobody is left for {parts}"
            raise RecipeError(message)
    return found


def _table(folder: Path, fold: int) -> Path:
    return folder / f"fold-{fold}.parquet"


def _measured(name: str, recipe: Recipe, folds: Sequence[int], options: argparse.Namespace) -> Answers:
    """Train a recipe on what is not in a fold, or read what it came to, for each fold."""
    # Imported here: processes that decode images import this module again, and need not wait for torch.
    from training.exporting.card import read_part  # noqa: PLC0415
    from training.fitting.recipe_run import train  # noqa: PLC0415

    found = []
    for fold in folds:
        run = options.out / recipe.name / f"fold-{fold}"
        given = {"recipe": name, "table": [_table(options.out, fold)], "out": run, "devices": 1}
        train(argparse.Namespace(**(vars(options) | given)))
        part = read_part(run, recipe.data.labels, Split.TEST)
        # Scores are compared, not read: logits do as well as probabilities.
        found.append(part.truths.with_scores(part.logits.astype(np.float64)))
    return _joined(found)


def _joined(found: Sequence[Answers]) -> Answers:
    arrays = [field.name for field in fields(Answers) if field.name != "labels"]
    whole = {name: np.concatenate([getattr(one, name) for one in found]) for name in arrays}
    return Answers(labels=found[0].labels, **whole)


def _lines(names: Sequence[str], found: Sequence[Answers]) -> Iterable[str]:
    """Say the figures of one recipe or of two.

    Raises:
        RecipeError: two recipes are not measured on the same images and labels.
    """
    first = found[0]
    if not all(_same(first, one) for one in found):
        message = f"{' and '.join(names)} are not measured on the same images and labels: see their [data]"
        raise RecipeError(message)
    yield f"{len(first.patients):,} images of {len(set(first.patients)):,} patients"
    folds = np.array([str(fold_of(patient)) for patient in first.patients])
    sources = np.array([f"{fold} {source}" for fold, source in zip(folds, first.sources, strict=True)])
    strata: dict[str, Strata] = {"within one source": sources, "over all pairs of a fold": folds}
    for kind, each in strata.items():
        for name, one in zip(names, found, strict=True):
            yield f"{kind}, {name}: {in_words(macro(one, strata=each))}"
        less = difference(*found, strata=each) if len(found) > 1 else None
        if less is not None:
            yield f"    {names[0]} less {names[1]}: {in_words(less.less, sign=True)}, p = {less.p_value:.3f}"


def _same(one: Truths, other: Truths) -> bool:
    return one.labels == other.labels and np.array_equal(one.studies, other.studies)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.folds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    add = parser.add_argument
    add("--against", metavar="RECIPE", help="another recipe, on the same folds")
    add("--out", type=Path, required=True, metavar="DIR", help="what comes out; also what is gone on from")
    add(
        "--fold",
        action="append",
        type=int,
        choices=range(1, FOLDS + 1),
        default=[],
        help="only this fold; any number of times",
    )
    return parser


if __name__ == "__main__":
    main()
