"""Measure a bundle: `python -m training.evaluate --bundle PATH --images DIR --labels CSV --out FILE.csv`.

labels CSV -> the files under DIR -> the worker's decoding, graph and gate -> FILE.csv, and the AUROC table
                                                                          -> --report FILE.html

The CSV needs a column of files and its labels, in one column (cut at `;` or `|`) or in one column a label;
`label_table.py` says which names it knows. It may have `patient_id` (else each image is a patient of its own)
and `view`; the report also asks for `sex`, `age` and `source`. The unified Parquet table that `training.data
table` writes does as well. FILE.csv gets a row an image: what the table says of it, why the worker would
refuse it (it is scored all the same, unless it cannot be decoded), and a column a label with the calibrated
probability.

FILE.html is one file without scripts: AUROC, AUPRC, F1 and calibration of each label, ROC curves, groups by
sex, age, view and source, the papers' figures, heatmaps of hits and misses, the card. It holds radiographs.

The exit status is 1 when no image is left to score. With --split only the rows of that split are measured: as
a column `split` says, else that of the patients of our own pool, which is how the card's figures are checked.
"""

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from shared.bundles import Bundle, BundleError, load_bundle
from shared.errors import CxrError
from shared.settings import BUNDLED
from training.command import stop
from training.scoring.examples import examples
from training.scoring.figures import measured_figures
from training.scoring.image_folder import find_images, say_missing
from training.scoring.judge import Decode, in_children
from training.scoring.label_table import LabelTable, LabelTableError, merged
from training.scoring.measured import Measured, measure, write_rows
from training.scoring.record_table import read_labels, rows_of
from training.scoring.report import render
from training.scoring.scored import scored
from training.scoring.screen import preamble, table
from training.table import Split
from worker_cnn.decoding import DecoderPool


def main() -> None:
    """Read the command line, write the rows, print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bundle", default=BUNDLED, help="folder of a bundle, or 'bundled'")
    parser.add_argument("--images", type=Path, required=True, help="folder that the files are under")
    parser.add_argument(
        "--labels", type=Path, required=True, help="CSV or unified Parquet table with a row an image"
    )
    parser.add_argument("--out", type=Path, help="CSV to write: a row of probabilities an image")
    parser.add_argument(
        "--report", type=Path, help="HTML to write: figures, plots, heatmaps of hits and misses"
    )
    parser.add_argument(
        "--split",
        type=Split,
        choices=list(Split),
        help="only rows of this split, or these patients of our pool",
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    options = parser.parse_args()
    if not options.images.is_dir():
        stop(f"--images {options.images} is no folder; name the one that holds the images")
    for name, path in (("--out", options.out), ("--report", options.report)):
        if path is not None and not path.parent.is_dir():
            stop(f"{name} {path}: there is no folder {path.parent}; make it first")
    try:
        bundle = load_bundle(options.bundle)
        labels = read_labels(options.labels, blank=bundle.card.blank, views=bundle.card.views)
        rows = labels.rows if options.split is None else rows_of(labels.rows, options.split)
        files = find_images(options.images, [row.file for row in rows])
        say_missing([row.file for row in rows if row.file not in files], options.images)
        if not files:
            stop(
                "no image is left to score; --images is the folder that the files of --labels are in",
                status=1,
            )
        with DecoderPool(workers=1) as decoder:
            measured = measure(
                bundle, merged(rows, files), threads=options.threads, decode=in_children(decoder)
            )
            if options.out is not None:
                _write(options.out, "--out", lambda: write_rows(options.out, bundle, measured))
            print(table(bundle, labels, measured))
            if not any(one.probabilities for one in measured):
                stop("no image is left to score; the column `refused` of --out says why of each", status=1)
            if options.report is not None:
                page = report(bundle, labels, measured, threads=options.threads, decode=in_children(decoder))
                _write(options.report, "--report", lambda: options.report.write_text(page, encoding="utf-8"))
    except (BundleError, LabelTableError, CxrError) as error:
        stop(str(error))


def report(
    bundle: Bundle, labels: LabelTable, measured: Sequence[Measured], *, threads: int, decode: Decode
) -> str:
    """Return the report as HTML; at least one image has scores."""
    names = [label.id for label in bundle.card.labels]
    images = scored(names, measured)
    return render(
        bundle,
        images,
        measured_figures(images, bundle.card),
        examples(bundle, images, threads=threads, decode=decode),
        said=preamble(names, labels, measured),
        day=datetime.now(UTC).date(),
    )


def _write(path: Path, option: str, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        stop(f"{option} {path} cannot be written: {error.strerror}")


if __name__ == "__main__":
    main()
