"""Measure a bundle: `python -m training.evaluate --bundle PATH --images DIR --labels CSV --out FILE.csv`.

labels CSV -> the files under DIR -> the worker's decoding, graph and gate -> FILE.csv, and the AUROC table

The CSV needs a column of files and its labels, in one column (cut at `;` or `|`) or in one column a label;
`label_table.py` says which names it knows. It may have `patient_id` (else each image is a patient of its own)
and `view`. FILE.csv gets a row an image: what the table says of it, why the worker would refuse it (it is
scored all the same, unless it cannot be decoded), and a column a label with the calibrated probability.

The exit status is 1 when no image is left to score. With --split only the patients of that split of our own
pool are measured, which is how the card's figures are checked on NIH images.
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from shared.bundles import Bundle, BundleError, load_bundle
from shared.errors import CxrError
from shared.labels import NO_FINDING
from shared.settings import BUNDLED
from training.metrics import FEWEST, macro_interval
from training.scoring.image_folder import find_images
from training.scoring.judge import Decode, judge
from training.scoring.label_table import Labelled, LabelTable, LabelTableError, merged, read_table
from training.splits import split_of
from training.table import Split
from worker_cnn.decoding import DecoderPool
from worker_cnn.predict import probabilities_of
from worker_cnn.runtime import load_model

_MISSING_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One image with what is known of it and what the bundle says.

    Attributes:
        refusal: why the worker would refuse it; empty when it would not.
        probabilities: (L,) calibrated; None when it cannot be decoded.
    """

    row: Labelled
    refusal: str
    probabilities: tuple[float, ...] | None


def main() -> None:
    """Read the command line, write the rows, print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bundle", default=BUNDLED, help="folder of a bundle, or 'bundled'")
    parser.add_argument("--images", type=Path, required=True, help="folder that the files are under")
    parser.add_argument("--labels", type=Path, required=True, help="CSV with a row an image")
    parser.add_argument("--out", type=Path, help="CSV to write: a row of probabilities an image")
    parser.add_argument("--split", type=Split, choices=list(Split), help="only these patients of our pool")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    options = parser.parse_args()
    if not options.images.is_dir():
        _stop(f"--images {options.images} is no folder; name the one that holds the images", status=2)
    if options.out is not None and not options.out.parent.is_dir():
        _stop(f"--out {options.out}: there is no folder {options.out.parent}; make it first", status=2)
    try:
        bundle = load_bundle(options.bundle)
        labels = read_table(options.labels)
        rows = _of_split(labels.rows, options.split)
        files = find_images(options.images, [row.file for row in rows])
        _say_missing([row.file for row in rows if row.file not in files], options.images)
        if not files:
            _stop(
                "no image is left to score; --images is the folder that the files of --labels are in",
                status=1,
            )
        with DecoderPool(workers=1) as decoder:
            measured = measure(bundle, merged(rows, files), threads=options.threads, decode=decoder.prepare)
        if options.out is not None:
            write_rows(options.out, bundle, measured)
    except (BundleError, LabelTableError, CxrError) as error:
        _stop(str(error), status=2)
    except OSError as error:
        _stop(f"--out {options.out} cannot be written: {error.strerror}", status=2)
    print(table(bundle, labels, measured))
    if not any(one.probabilities for one in measured):
        _stop("no image is left to score; the column `refused` of --out says why of each", status=1)


def measure(bundle: Bundle, rows: Mapping[Path, Labelled], *, threads: int, decode: Decode) -> list[Measured]:
    """Let the worker judge every file."""
    model = load_model(bundle, device="cpu", threads=threads)
    card = bundle.card
    found = []
    for path, row in track(list(rows.items()), "Scoring", console=Console(stderr=True)):
        judged = judge(path, model, card.gate, size=card.input_size, decode=decode)
        logits = judged.logits
        probabilities = None if logits is None else tuple(probabilities_of(logits, card))
        found.append(Measured(row, judged.refusal, probabilities))
    return found


def write_rows(path: Path, bundle: Bundle, measured: Sequence[Measured]) -> None:
    """Write one row an image; what cannot be decoded has no probabilities, and its reason in `refused`."""
    labels = [label.id for label in bundle.card.labels]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "patient", "view", "labels", "refused", *labels])
        for one in measured:
            row = one.row
            values = [f"{p:.5f}" for p in one.probabilities or ()] or [""] * len(labels)
            writer.writerow([row.file, row.patient, row.view, _told(row), one.refusal, *values])


def table(bundle: Bundle, labels: LabelTable, measured: Sequence[Measured]) -> str:
    """Say the figures with their 95 % intervals by a bootstrap over patients."""
    names = [label.id for label in bundle.card.labels]
    scored = [one for one in measured if one.probabilities is not None]
    lines = _preamble(names, labels, measured)
    if not scored:
        return "\n".join(lines)
    figures = _Figures(
        scores=np.array([one.probabilities for one in scored]),
        truth=np.array([[one.row.labels.get(name, False) for name in names] for one in scored]),
        known=np.array([[name in one.row.labels for name in names] for one in scored]),
        patients=np.array([one.row.patient for one in scored]),
    )
    views = np.array([one.row.view for one in scored])
    every = np.arange(len(names))
    lines.append(f"\n{'AUROC':<26}{'':<24}{'with':>6} {'without':>8}")
    lines.append(f"{'mean of the labels':<26}{figures.of(np.ones(len(views), bool), every)}")
    for view in np.unique(views) if len(set(views)) > 1 else ():
        lines.append(f"{f'  in {view} images alone':<26}{figures.of(views == view, every)}")
    for k, name in enumerate(names):
        if name in labels.labels:
            known, shown = figures.known[:, k], figures.truth[:, k]
            counts = f"{int(shown[known].sum()):>6} {int((~shown[known]).sum()):>8}"
            lines.append(f"{name:<26}{figures.of(known, every[k : k + 1]):<24}{counts}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Figures:
    """Scores (N, L), what is known of each (N, L both), and whose images they are (N,)."""

    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    patients: NDArray[np.str_]

    def of(self, rows: NDArray[np.bool_], labels: NDArray[np.int_]) -> str:
        """Return the macro AUROC of some images over some labels, for people."""
        part = np.ix_(rows, labels)
        one = macro_interval(self.scores[part], self.truth[part], self.patients[rows], known=self.known[part])
        if one is None:
            return f"fewer than {FEWEST} of a kind"
        return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _preamble(names: Sequence[str], labels: LabelTable, measured: Sequence[Measured]) -> list[str]:
    """Say what was scored, and what of the table is not part of the figures."""
    patients = len({one.row.patient for one in measured})
    broken = sum(one.probabilities is None for one in measured)
    refused = sum(bool(one.refusal) for one in measured) - broken
    silent = sum(not any(name in one.row.labels for name in names) for one in measured)
    unanswered = [
        name
        for name, meaning in labels.names.items()
        if not {*meaning.shown, *meaning.either} & {*names, NO_FINDING}
    ]
    never = [name for name in names if name not in labels.labels]
    lines = [f"{len(measured)} images of {patients} patients"]
    if broken:
        lines.append(f"{broken} cannot be decoded: not scored, the reason is in the column `refused`")
    if refused:
        lines.append(f"{refused} are refused by the gate: scored all the same, the reason is in `refused`")
    if silent:
        lines.append(f"{silent} have no label that the bundle knows, nor the lack of one: in no figure")
    if unanswered:
        lines.append(f"no label of the bundle answers to: {', '.join(unanswered)}")
    if never:
        lines.append(f"left out, since the CSV never speaks of them: {', '.join(never)}")
    return lines


def _told(row: Labelled) -> str:
    """Return the labels that are there, as one cell; blank when nothing is known."""
    shown = ";".join(sorted(label for label, there in row.labels.items() if there))
    return shown or ("No Finding" if row.labels else "")


def _of_split(rows: Sequence[Labelled], split: Split | None) -> Sequence[Labelled]:
    """Return the rows of our pool's patients in a split (they are NIH's only), or all without one."""
    if split is None:
        return rows
    chosen = [row for row in rows if row.patient.startswith("nih-") and split_of(row.patient) is split]
    if not chosen:
        message = f"no row is of a {split} patient of our pool: leave out --split"
        raise LabelTableError(message)
    return chosen


def _say_missing(missing: Sequence[str], folder: Path) -> None:
    for name in missing[:_MISSING_NAMED]:
        print(f"missing: {name}", file=sys.stderr)
    if len(missing) > _MISSING_NAMED:
        print(f"missing: and {len(missing) - _MISSING_NAMED} more", file=sys.stderr)
    if missing:
        print(f"{len(missing)} files are not under {folder}, or a name fits several", file=sys.stderr)


def _stop(message: str, *, status: int) -> NoReturn:
    print(" ".join(message.split()), file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
