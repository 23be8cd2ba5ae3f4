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
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from shared.bundles import BundleError, load_bundle
from shared.errors import CxrError
from shared.settings import BUNDLED
from training.scoring.image_folder import find_images
from training.scoring.label_table import LabelTableError, merged
from training.scoring.measured import measure, write_rows
from training.scoring.record_table import read_labels, rows_of
from training.scoring.screen import table
from training.table import Split
from worker_cnn.decoding import DecoderPool

_MISSING_NAMED: Final = 20


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
        labels = read_labels(options.labels)
        rows = labels.rows if options.split is None else rows_of(labels.rows, options.split)
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
