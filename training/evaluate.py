"""Measure a bundle: `python -m training.evaluate --bundle FOLDER --images DIR --labels CSV --out CSV`.

The CSV has the columns `file` (under DIR) and `labels` (joined by `;` or `|`), and may have `patient_id`
(else each image is a patient of its own) and `view`. With --split only the patients of that split of our
own pool are measured, which is how the card's figures are checked on NIH images.
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Bundle, load_bundle
from shared.errors import BadInputError
from shared.settings import BUNDLED
from training.metrics import FEWEST, macro_interval
from training.pool import Split, split_of
from worker_cnn.decoding import prepare
from worker_cnn.predict import probabilities_of
from worker_cnn.quality import is_chest
from worker_cnn.runtime import load_model


@dataclass(frozen=True, slots=True)
class Measured:
    """One image with what is known of it and what the bundle says.

    Attributes:
        labels: as the CSV names them.
        accepted: whether the gate takes it for a chest radiograph.
        probabilities: (L,) calibrated.
    """

    file: str
    patient: str
    view: str
    labels: frozenset[str]
    accepted: bool
    probabilities: tuple[float, ...]


def main() -> None:
    """Read the command line, write the rows, print the table."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--bundle", default=BUNDLED, help="folder of a bundle, or 'bundled'")
    parser.add_argument("--images", type=Path, required=True, help="folder that the files are under")
    parser.add_argument("--labels", type=Path, required=True, help="CSV with a row an image")
    parser.add_argument("--out", type=Path, help="CSV to write: a row of probabilities an image")
    parser.add_argument("--split", type=Split, choices=list(Split), help="only these patients of our pool")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    options = parser.parse_args()
    bundle = load_bundle(options.bundle)
    with options.labels.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (options.images / row["file"]).is_file()]
    if options.split is not None:  # our pool is NIH's patients only
        rows = [row for row in rows if _patient(row).startswith("nih-")]
        rows = [row for row in rows if split_of(_patient(row)) is options.split]
    measured = measure(bundle, options.images, rows, threads=options.threads)
    if options.out is not None:
        write_rows(options.out, bundle, measured)
    print(table(bundle, measured))


def measure(bundle: Bundle, images: Path, rows: Sequence[dict[str, str]], *, threads: int) -> list[Measured]:
    """Run every image through the worker's own decoding and model; one that cannot be read is said."""
    model = load_model(bundle, device="cpu", threads=threads)
    found = []
    for row in rows:
        try:
            prepared = prepare(
                (images / row["file"]).read_bytes(), name=row["file"], size=bundle.card.input_size
            )
        except BadInputError as error:
            print(f"{row['file']}: {error}")
            continue
        output = model.run(prepared.model_input[np.newaxis])[0]
        found.append(
            Measured(
                file=row["file"],
                patient=_patient(row),
                view=row.get("view") or "unknown",
                labels=frozenset(row["labels"].replace("|", ";").split(";")),
                accepted=is_chest(output, bundle.card.gate),
                probabilities=tuple(probabilities_of(output.logits, bundle.card)),
            )
        )
    return found


def write_rows(path: Path, bundle: Bundle, measured: Sequence[Measured]) -> None:
    """Write one row an image."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "patient", "view", "labels", "chest", *(x.id for x in bundle.card.labels)])
        for one in measured:
            values = [f"{value:.5f}" for value in one.probabilities]
            told = ";".join(sorted(one.labels))
            writer.writerow([one.file, one.patient, one.view, told, int(one.accepted), *values])


def table(bundle: Bundle, measured: Sequence[Measured]) -> str:
    """Say the figures with their 95 % intervals by a bootstrap over patients."""
    if not measured:
        return "no image to measure"
    scores = np.array([one.probabilities for one in measured])
    names = [label.id for label in bundle.card.labels]
    truth = np.array([[name in one.labels for name in names] for one in measured])
    patients = np.array([one.patient for one in measured])
    views = np.array([one.view for one in measured])
    accepted = np.mean([one.accepted for one in measured])
    lines = [f"{len(measured)} images of {len(set(patients))} patients, {100 * accepted:.1f} % accepted"]

    for name, chosen in {
        "all": np.ones(len(views), bool),
        **{str(v): views == v for v in np.unique(views)},
    }.items():
        lines.append(f"macro AUROC, {name}: {_macro(scores[chosen], truth[chosen], patients[chosen])}")
    for k, name in enumerate(names):
        if min(truth[:, k].sum(), (~truth[:, k]).sum()) >= FEWEST:
            one = _macro(scores[:, [k]], truth[:, [k]], patients)
            lines.append(f"{name}: {one}, {int(truth[:, k].sum())} positives")
    return "\n".join(lines)


def _macro(scores: NDArray[np.float64], truth: NDArray[np.bool_], patients: NDArray[np.str_]) -> str:
    one = macro_interval(scores, truth, patients)
    if one is None:
        return f"no label is shown and lacking {FEWEST} times"
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _patient(row: dict[str, str]) -> str:
    return row.get("patient_id") or row["file"]


if __name__ == "__main__":
    main()
