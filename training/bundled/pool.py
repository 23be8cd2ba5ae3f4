"""The pool of radiographs that the bundled classifier learns from: rows, labels, split, pixels.

folder of real data --`read_pool`--> one `Radiograph` per NIH image, split by patient
                    --`pixels_of`--> uint8 squares, made once per size and kept in the cache folder

Only NIH ChestX-ray14 is in it: its licence lets weights be shipped. Which of its folders an image comes
from predicts No Finding and Pneumonia, so they are pooled, and the split is by patient over the pool.
"""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.domain.findings import ViewPosition
from shared.labels import CHESTXRAY14
from training.splits import split_of
from training.squares import square_of
from training.table import Split

LABELS: Final = CHESTXRAY14
"""The 14 findings of ChestX-ray14. "No Finding" is the absence of them, not a label beside them."""

NO_FINDING: Final = "No Finding"
LOW_RESOLUTION: Final = "lowres64"
"""The source whose images have 64 pixels: never validated or tested on."""


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One image of the pool.

    Attributes:
        path: the file.
        source: the folder that it comes from: "images", "more" or "lowres64".
        patient: "nih-" and the patient's number.
        view: PA or AP.
        labels: (14,) whether each of `LABELS` was mined from its report.
        split: train, validation or test, by patient.
    """

    path: Path
    source: str
    patient: str
    view: ViewPosition
    labels: tuple[bool, ...]
    split: Split


def read_pool(data: Path) -> list[Radiograph]:
    """Read every NIH image under `data`, each image once (the best resolution goes first).

    Images of 64 pixels are only ever trained on: a figure on them says nothing about real input. The
    `rotated` folder is left out, since which of its images are turned is not written down anywhere.
    """
    tables = [
        ("images", data / "labels.csv", data / "images"),
        ("more", data / "more" / "labels.csv", data / "more"),
        (LOW_RESOLUTION, data / "lowres64.csv", data),
    ]
    seen: set[str] = set()
    pool: list[Radiograph] = []
    for source, table, folder in tables:
        for row in _rows(table):
            image = "_".join(Path(row["file"]).stem.split("-")[0].split("_")[:2])
            split = split_of(row["patient_id"])
            if not row["patient_id"].startswith("nih-") or image in seen:
                continue
            seen.add(image)
            if source == LOW_RESOLUTION and split is not Split.TRAIN:
                continue
            pool.append(_radiograph(row, source=source, folder=folder, split=split))
    return pool


def _rows(table: Path) -> Iterable[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _radiograph(row: dict[str, str], *, source: str, folder: Path, split: Split) -> Radiograph:
    named = set(row["labels"].split(";"))
    unknown = named - set(LABELS) - {NO_FINDING}
    if unknown:
        message = f"{row['file']} has labels that ChestX-ray14 does not: {sorted(unknown)}"
        raise ValueError(message)
    return Radiograph(
        path=folder / row["file"],
        source=source,
        patient=row["patient_id"],
        view=ViewPosition(row["view"]),
        labels=tuple(label in named for label in LABELS),
        split=split,
    )


def pixels_of(paths: Sequence[Path], size: int, *, cache: Path) -> NDArray[np.uint8]:
    """Return the classifier's input for every file as (N, size, size) uint8, from the cache if it is there.

    The squares are what the worker makes of the same file, rounded to 8 bits as the files are.
    """
    digest = hashlib.sha256("\n".join(map(str, paths)).encode()).hexdigest()[:16]
    kept = cache / f"pixels-{size}-{digest}.npy"
    if kept.is_file():
        squares: NDArray[np.uint8] = np.load(kept)
        return squares
    squares = np.stack([square_of(path, size) for path in paths])
    cache.mkdir(parents=True, exist_ok=True)
    np.save(kept, squares)
    return squares
