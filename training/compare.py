"""Compare two classifiers: `python -m training.compare A.csv B.csv --labels LABELS.csv`.

A.csv and B.csv are what `training.evaluate --out` wrote, LABELS.csv is what it read. Images that both scored
are compared, on the labels that both know: the difference of the macro AUROC, A less B, with its 95 %
interval and a two-sided p-value, by a paired bootstrap over patients (both are measured on the same ones).
Where the table names several sources the first difference is over pairs of images of one source, as is the
first figure of `training.evaluate`; the other is over all pairs.
"""

import argparse
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from shared.blanks import Blank
from shared.bundles import Interval
from shared.labels import LABELS
from training.answers import Answers
from training.command import stop
from training.metrics import (
    FEWEST,
    Counts,
    Drawn,
    Strata,
    in_words,
    interval,
    macro_aurocs,
    often_enough,
    once,
    resampled,
)
from training.scoring.label_table import Labelled, LabelTableError, merged
from training.scoring.record_table import read_labels
from training.scoring.scored import truths_of


class CompareError(ValueError):
    """Two files cannot be compared; the message names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The macro AUROC of A and B, and A less B with its 95 % interval and two-sided p-value."""

    first: float
    second: float
    less: Interval
    p_value: float
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is said of the images that both scored.

    Attributes:
        within_source: None where there is one source, or no label has pairs enough within one.
        over_all: of all pairs.
    """

    images: int
    within_source: Difference | None
    over_all: Difference


def main() -> None:
    """Read the command line, print the difference."""
    parser = argparse.ArgumentParser(
        prog="python -m training.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", type=Path, metavar="A.csv", help="written by training.evaluate --out")
    parser.add_argument("second", type=Path, metavar="B.csv", help="likewise, of another bundle")
    parser.add_argument("--labels", type=Path, required=True, help="CSV that both were measured with")
    parser.add_argument(
        "--blank",
        type=Blank,
        choices=list(Blank),
        default=Blank.IGNORE,
        help="what CheXpert's blank labels are, as `blank` of the two cards says (default: %(default)s)",
    )
    options = parser.parse_args()
    try:
        rows = read_labels(options.labels, blank=options.blank).rows
        truth = merged(rows, {row.file: Path(row.file) for row in rows})
        found = compare(read_scores(options.first), read_scores(options.second), truth)
    except (CompareError, LabelTableError) as error:
        stop(str(error))
    print(f"{found.images} images")
    for name, one in (("within one source", found.within_source), ("over all pairs", found.over_all)):
        if one is not None:
            print(f"{name}, {len(one.labels)} labels: {', '.join(one.labels)}")
            print(f"    A {one.first:.3f}  B {one.second:.3f}")
            print(f"    A less B {in_words(one.less, sign=True)}, p = {one.p_value:.3f}")


def read_scores(path: Path) -> dict[str, dict[str, float]]:
    """Return file -> label -> probability of the images that were scored.

    Raises:
        CompareError: it is not what `training.evaluate` writes.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or ()
            names = [name for name in header if name in LABELS]
            # Rows of images that could not be decoded have no probabilities.
            rows = [row for row in reader if names and row[names[0]]]
            found = {row["file"]: {name: float(row[name]) for name in names} for row in rows}
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        message = f"{path} cannot be read as scores: {error}; write it by training.evaluate --out"
        raise CompareError(message) from error
    if not found:
        message = f"{path} holds no scores in columns of labels: write it by training.evaluate --out"
        raise CompareError(message)
    return found


def compare(
    first: Mapping[str, Mapping[str, float]],
    second: Mapping[str, Mapping[str, float]],
    truth: Mapping[Path, Labelled],
) -> Comparison:
    """Compare the scores of two classifiers, each file -> label -> probability.

    Raises:
        CompareError: no label is shown and lacking often enough among the images that both scored.
    """
    rows = [row for row in truth.values() if row.file in first and row.file in second]
    both = [n for n in LABELS if rows and n in first[rows[0].file] and n in second[rows[0].file]]
    truths = truths_of(both, rows)
    a, b = (
        truths.with_scores(
            np.array([[one[row.file][n] for n in both] for row in rows]).reshape(truths.truth.shape)
        )
        for one in (first, second)
    )
    over_all = difference(a, b, strata=None)
    if over_all is None:
        message = (
            f"no label is shown and lacking {FEWEST} times among the {len(rows)} images that both scored"
        )
        raise CompareError(message)
    within = difference(a, b, strata=truths.sources) if len(set(truths.sources)) > 1 else None
    return Comparison(len(rows), within, over_all)


def difference(first: Answers, second: Answers, *, strata: Strata | None) -> Difference | None:
    """Compare what two classifiers say of the same images and labels, over all pairs or within one stratum.

    Returns None where no label is shown and lacking often enough.
    """
    truth, known, patients = first.truth, first.known, first.patients
    told = often_enough(truth, known, strata)
    if not told.any():
        return None
    a, b = (
        partial(macro_aurocs, one.scores[:, told], truth[:, told], known[:, told], strata=strata)
        for one in (first, second)
    )

    def less(counts: Counts) -> Drawn:
        return a(counts) - b(counts)

    drawn = resampled(less, patients)
    drawn = drawn[np.isfinite(drawn)]
    tail = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    # One is added so that no p-value is zero: a bootstrap cannot say less than one in its resamples.
    p_value = min(1.0, 2 * (tail + 1) / (len(drawn) + 1))
    names = tuple(name for name, enough in zip(first.labels, told, strict=True) if enough)
    every = once(patients)
    return Difference(float(a(every)[0]), float(b(every)[0]), interval(less, patients), p_value, names)


if __name__ == "__main__":
    main()
