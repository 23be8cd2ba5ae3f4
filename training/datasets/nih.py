"""NIH ChestX-ray14: 112,120 frontal radiographs, 14 findings and "No Finding" mined from their reports.

Wang et al. 2017, "ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on Weakly-Supervised
Classification and Localization of Common Thorax Diseases", arXiv 1705.02315. Layout: README_ChestXray.pdf
and FAQ of the download page (NIH Clinical Center, "CXR8" on Box); columns checked on the published tables.

    Data_Entry_2017.csv                    or Data_Entry_2017_v2020.csv: one row an image
    images_001/images/00000001_000.png     to images_012/, or all in images/; 1024 x 1024, some RGBA
    train_val_list.txt, test_list.txt      official split by patient: 86,524 and 25,596 names
    BBox_List_2017.csv                     984 boxes on 880 images, in pixels of 1024

The two lists do not tell training from validation, so all of the first is TRAIN. There are no studies: each
row is a follow-up of its own. The header of the box table names 3 columns for its 4 numbers.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.labels import CHESTXRAY14, NO_FINDING
from training.datasets.base import Problem, Reading
from training.datasets.cells import age_of, sex_of, view_of
from training.datasets.csv_tables import find_table, open_table
from training.datasets.label_names import NAMES
from training.table import Record, Region, Split, State

_TABLES: Final = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
_COLUMNS: Final = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
)
_BOXES: Final = "BBox_List_2017.csv"
_LISTS: Final = {"train_val_list.txt": Split.TRAIN, "test_list.txt": Split.TEST}
_SIDE: Final = 1024.0
"""Pixels of an image's side, which the boxes refer to."""


class Nih:
    """The reader."""

    id: str = "nih"
    title: str = "NIH ChestX-ray14"
    labels: tuple[str, ...] = (*CHESTXRAY14, NO_FINDING)
    published: tuple[int | None, int | None, int | None] = (112_120, 30_805, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the tables; boxes and lists may be missing, the images in part."""
        table = open_table(root, *_TABLES, columns=_COLUMNS)
        problems: list[Problem] = []
        files = images_below(root)
        splits = _splits(root, problems)
        boxes = boxes_below(root, problems)
        records = []
        for row in table.rows():
            name = row.cells["Image Index"]
            regions = boxes.pop(name, ())
            try:
                labels = _labels(row.cells["Finding Labels"])
            except ValueError as error:
                problems.append(Problem(row.where, str(error)))
                continue
            if name not in files:
                problems.append(Problem(name, "the image is not there"))
                continue
            records.append(
                record_of(
                    row.cells,
                    dataset="nih",
                    image=files[name],
                    labels=labels,
                    split=splits.get(name),
                    labelled_by="text mining",
                    boxes=regions,
                )
            )
        problems.extend(Problem(f"{_BOXES}, {name}", "no row of the table has this image") for name in boxes)
        return Reading(records, problems)


def record_of(
    cells: Mapping[str, str],
    *,
    dataset: str,
    image: str,
    labels: Mapping[str, State],
    split: Split | None,
    labelled_by: str,
    boxes: tuple[Region, ...] = (),
) -> Record:
    """Return the record of an image, of which a row has NIH's own columns, whoever labelled it."""
    patient = f"nih:{cells['Patient ID']}"
    return Record(
        dataset=dataset,
        image=image,
        patient=patient,
        study=f"{patient}/{cells['Follow-up #']}",
        view=view_of(cells["View Position"]),
        labels=labels,
        split=split,
        sex=sex_of(cells["Patient Gender"]),
        age_years=age_of(cells["Patient Age"]),
        boxes=boxes,
        labelled_by=labelled_by,
    )


def _labels(cell: str) -> dict[str, State]:
    """Return the state of all 15: what is on the list is present, the others are absent."""
    names = [name.strip() for name in cell.split("|")]
    unknown = [name for name in names if name not in NAMES["nih"]]
    if unknown:
        message = f"{', '.join(map(repr, unknown))} is no label of this data set"
        raise ValueError(message)
    shown = {label for name in names for label in NAMES["nih"][name]}
    if NO_FINDING in shown and len(shown) > 1:
        message = f"{cell!r} says that nothing is found, and names a finding"
        raise ValueError(message)
    return {label: State.PRESENT if label in shown else State.ABSENT for label in Nih.labels}


def images_below(root: Path) -> dict[str, str]:
    """Return the path below the root of every PNG, by its name; Google's labels are of the same files."""
    folders = [root / "images", *sorted(root.glob("images_*/images")), *sorted(root.glob("images_*"))]
    found: dict[str, str] = {}
    for folder in folders:
        if folder.is_dir():
            below = folder.relative_to(root).as_posix()
            for entry in os.scandir(folder):
                if entry.name.endswith(".png") and entry.is_file():
                    found.setdefault(entry.name, f"{below}/{entry.name}")
    return found


def boxes_below(root: Path, problems: list[Problem]) -> dict[str, tuple[Region, ...]]:
    """Return the boxes of each image by its name; none where the folder has no table of them."""
    table = find_table(root, _BOXES)
    found: dict[str, tuple[Region, ...]] = {}
    for number, row in enumerate(table.lists() if table else (), start=2):
        try:
            name, label, left, top, width, height = row[:6]
            box = _region(label, float(left), float(top), float(width), float(height))
        except (ValueError, KeyError):
            problems.append(Problem(f"{_BOXES}, row {number}", f"{', '.join(row)} is no box inside an image"))
            continue
        found[name] = (*found.get(name, ()), box)
    return found


def _splits(root: Path, problems: list[Problem]) -> dict[str, Split]:
    splits: dict[str, Split] = {}
    for name, split in _LISTS.items():
        if not (root / name).is_file():
            problems.append(Problem(name, "the list is not there, so the official split is not known"))
            continue
        images = (root / name).read_text(encoding="utf-8-sig", errors="replace").split()
        both = [image for image in images if splits.setdefault(image, split) is not split]
        problems.extend(Problem(f"{name}, {image}", "the image is on both lists") for image in both)
    return splits


def _region(label: str, left: float, top: float, width: float, height: float) -> Region:
    """Turn pixels into fractions; "Infiltrate" of this table is the other tables' Infiltration."""
    right, bottom = left + width, top + height
    if not (0 <= left < right <= _SIDE and 0 <= top < bottom <= _SIDE):
        message = "not inside the image"
        raise ValueError(message)
    name = NAMES["nih"][label][0]
    return Region(name, left / _SIDE, top / _SIDE, right / _SIDE, bottom / _SIDE)
