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

Over all pairs of images a figure is partly that of a look-up of where an image comes from, which is printed
beside it. What comes first, where the table names sources, is over pairs of one source; `--by source` says it
of each label too. Studies, where the table names them, are measured by the highest score of their images.

The exit status is 1 when no image is left to score. With --split only the rows of that split are measured: as
a column `split` says, else that of the patients of our own pool, which is how the card's figures are checked.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from shared.bundles import BundleError, load_bundle
from shared.errors import CxrError
from shared.settings import BUNDLED
from training.answers import summary_of
from training.command import stop
from training.scoring.examples import examples
from training.scoring.figures import measured_figures
from training.scoring.image_folder import find_images, say_missing
from training.scoring.judge import in_children
from training.scoring.label_table import LabelTableError, merged
from training.scoring.measured import measure, write_rows
from training.scoring.record_table import read_labels, rows_of
from training.scoring.report import render
from training.scoring.scored import others_of, scored
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
    parser.add_argument(
        "--by", choices=["source"], help="each label's figure over pairs of images of one source too"
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
            names = [label.id for label in bundle.card.labels]
            said = preamble(names, labels, measured)
            print("\n".join(said))
            if not any(one.probabilities for one in measured):
                stop("no image is left to score; the column `refused` of --out says why of each", status=1)
            images = scored(names, measured)
            summary = summary_of(images, bundle.card, others=others_of(names, labels, measured))
            print(table(images, summary, bundle.card, labels, by_source=options.by == "source"))
            if options.report is not None:
                page = render(
                    bundle,
                    images,
                    measured_figures(images, bundle.card, summary),
                    examples(bundle, images, threads=options.threads, decode=in_children(decoder)),
                    said=said,
                    day=datetime.now(UTC).date(),
                )
                _write(options.report, "--report", lambda: options.report.write_text(page, encoding="utf-8"))
    except (BundleError, LabelTableError, CxrError) as error:
        stop(str(error))


def _write(path: Path, option: str, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        stop(f"{option} {path} cannot be written: {error.strerror}")


if __name__ == "__main__":
    main()
