"""Calibrate anew: `python -m training.calibrate --bundle PATH --images DIR --labels TABLE --out FOLDER`.

validation images of TABLE -> the worker's decoding and graph -> calibration, thresholds, the uncertain band
                           -> FOLDER: a bundle with the same weights and a new card

TABLE is what `training.evaluate` takes. Only images of the validation split are fitted on: as a column
`split` says, else those of the validation patients of our own pool. A table of your own hospital has no
split, so say it: add the column, write `validation` in the rows to fit on and `test` in those of the patients
to measure on afterwards (`training.evaluate --split test`). A patient in two splits is refused.

It prints the expected calibration error of each label before and after; "after" is of patients who were left
out of the fit (five folds), or it would be too good. FOLDER must not be there yet, and appears whole or not
at all.
"""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from shared.bundles import Bundle, BundleError, Card, digest_of, load_bundle
from shared.errors import CxrError
from shared.settings import BUNDLED
from training.calibration import CalibrationError, Method
from training.command import stop
from training.exporting.readme import write_card
from training.metrics import in_words
from training.scoring.image_folder import find_images, say_missing
from training.scoring.judge import in_children
from training.scoring.label_table import Labelled, LabelTableError, merged
from training.scoring.measured import Measured, measure
from training.scoring.recalibrated import Recalibrated, recalibrate
from training.scoring.record_table import read_labels, split_of_row
from training.table import Split
from worker_cnn.decoding import DecoderPool


def main() -> None:
    """Read the command line, write the bundle, print what became better or worse."""
    parser = argparse.ArgumentParser(
        prog="python -m training.calibrate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bundle", default=BUNDLED, help="folder of a bundle, or 'bundled'")
    parser.add_argument("--images", type=Path, required=True, help="folder that the files are under")
    parser.add_argument("--labels", type=Path, required=True, help="CSV or unified Parquet table")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new bundle; not there yet")
    parser.add_argument(
        "--method",
        type=Method,
        choices=list(Method),
        default=Method.PLATT,
        help="platt: a slope and an offset a label; temperature: one number for all (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    options = parser.parse_args()
    if not options.images.is_dir():
        stop(f"--images {options.images} is no folder; name the one that holds the images")
    if options.out.exists():
        stop(f"--out {options.out} is there already; name a new folder")
    if not options.out.parent.is_dir():
        stop(f"--out {options.out}: there is no folder {options.out.parent}; make it first")
    try:
        bundle = load_bundle(options.bundle)
        labels = read_labels(options.labels, blank=bundle.card.blank, views=bundle.card.views)
        rows = validation_rows(labels.rows, where=str(options.labels))
        measured = _measured(bundle, rows, options.images, threads=options.threads)
        with Console(stderr=True).status("Measuring calibration errors"):
            found = recalibrate(
                bundle.card,
                measured,
                method=options.method,
                table=options.labels.name,
                digest=digest_of(options.labels.read_bytes()),
            )
        write_bundle(bundle, found.card, options.out)
    except (BundleError, LabelTableError, CalibrationError, CxrError) as error:
        stop(str(error))
    except OSError as error:
        stop(f"--out {options.out} cannot be written: {error.strerror}")
    print(_said(found))


def validation_rows(rows: Sequence[Labelled], *, where: str) -> list[Labelled]:
    """Return the rows of the validation split.

    Raises:
        LabelTableError: there is none, or one of its patients is in another split too.
    """
    splits = [split_of_row(row) for row in rows]
    chosen = [row for row, split in zip(rows, splits, strict=True) if split is Split.VALIDATION]
    if not chosen:
        message = f"{where} has no row of the validation split; add a column `split` that says validation"
        raise LabelTableError(message)
    others = {row.patient for row, split in zip(rows, splits, strict=True) if split is not Split.VALIDATION}
    both = sorted(others & {row.patient for row in chosen})
    if both:
        message = (
            f"{where}: {len(both)} patients are in the validation split and out of it, as {both[0]}; "
            "split by patient: python -m training.splits"
        )
        raise LabelTableError(message)
    return chosen


def write_bundle(bundle: Bundle, card: Card, folder: Path) -> None:
    """Write the files of a bundle with another card; the folder appears whole or not at all.

    Raises:
        OSError: it cannot be written, or is there already and not empty.
    """
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
        made = Path(work) / "bundle"
        made.mkdir()
        for name in card.files:
            shutil.copyfile(bundle.folder / name, made / name)
        write_card(made, card)
        load_bundle(made)
        made.rename(folder)


def _measured(bundle: Bundle, rows: Sequence[Labelled], folder: Path, *, threads: int) -> list[Measured]:
    files = find_images(folder, [row.file for row in rows])
    say_missing([row.file for row in rows if row.file not in files], folder)
    with DecoderPool(workers=1) as decoder:
        return measure(bundle, merged(rows, files), threads=threads, decode=in_children(decoder))


def _said(found: Recalibrated) -> str:
    calibration = found.calibration
    lines = [
        f"{calibration.images} validation images of {calibration.patients} patients, {calibration.method}",
        f"\n{'':<26}{'ECE before':>11}{'after':>8}{'noise up to':>13}{'present from':>14}{'uncertain'}",
    ]
    for label in found.card.labels:
        errors = found.errors.get(label.id)
        told = (
            f"{'kept as it was: too few of a kind':<32}"
            if errors is None
            else f"{errors.before:>11.3f}{errors.after:>8.3f}{errors.noise:>13.3f}"
        )
        lines.append(f"{label.id:<26}{told}{label.threshold:>14.3f}{label.uncertain_from:>11.3f}")
    less = calibration.ece_less
    lines += [
        f"{'mean':<26}{calibration.ece_before:>11.3f}{calibration.ece_after:>8.3f}",
        f"{'before less after':<26}{in_words(less, sign=True)}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
