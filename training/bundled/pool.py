"""The pool of radiographs that the bundled classifier learns from, as a table that any recipe can be run on.

    read_pool    folder of real data -> one `Record` per NIH image, split by patient, with NIH's boxes

Only NIH ChestX-ray14 is in it: its licence lets weights be shipped. Which of its folders an image comes
from predicts No Finding and Pneumonia, so each is a data set of its own here (the source of figures and of
weights), they are pooled, and the split is by patient over the pool.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from shared.domain.findings import ViewPosition
from shared.labels import CHESTXRAY14
from training.datasets.nih import boxes_below
from training.shipped import shipped_tables
from training.splits import split_of
from training.table import Record, Region, State

NO_FINDING: Final = "No Finding"
LOW_RESOLUTION: Final = "lowres64"
"""The source whose images have 64 pixels."""


def read_pool(data: Path) -> list[Record]:
    """Read every NIH image under `data`, each image once (the best resolution goes first).

    A record's data set is the folder that it comes from ("images", "more" or "lowres64"), its image the path
    below `data`, its labels are the 14 findings of ChestX-ray14: "No Finding" is the absence of them. The
    `rotated` folder is left out, since which of its images are turned is not written down anywhere. The boxes
    are those that NIH has drawn on 880 of its images, as torchxrayvision ships them.

    Raises:
        ValueError: an image has a label that ChestX-ray14 does not.
    """
    tables = [
        ("images", data / "labels.csv", "images/"),
        ("more", data / "more" / "labels.csv", "more/"),
        (LOW_RESOLUTION, data / "lowres64.csv", ""),
    ]
    boxes = boxes_below(shipped_tables(), [])
    seen: set[str] = set()
    pool: list[Record] = []
    for source, table, folder in tables:
        for row in _rows(table):
            image = "_".join(Path(row["file"]).stem.split("-")[0].split("_")[:2])
            if not row["patient_id"].startswith("nih-") or image in seen:
                continue
            seen.add(image)
            pool.append(_record(row, source=source, folder=folder, boxes=boxes.get(f"{image}.png", ())))
    return pool


def _rows(table: Path) -> Iterable[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _record(row: dict[str, str], *, source: str, folder: str, boxes: tuple[Region, ...]) -> Record:
    named = set(row["labels"].split(";"))
    unknown = named - set(CHESTXRAY14) - {NO_FINDING}
    if unknown:
        message = f"{row['file']} has labels that ChestX-ray14 does not: {sorted(unknown)}"
        raise ValueError(message)
    return Record(
        dataset=source,
        image=folder + row["file"],
        patient=row["patient_id"],
        study=Path(row["file"]).stem,  # each image is a study, as NIH counts them
        view=ViewPosition(row["view"]),
        labels={label: State.PRESENT if label in named else State.ABSENT for label in CHESTXRAY14},
        split=split_of(row["patient_id"]),
        boxes=boxes,
        labelled_by="text mining",
    )
