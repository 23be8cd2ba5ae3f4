"""CANDID-PTX, from its paper (PMC8637219), its data page (University of Auckland), and loaders of others.

The paper: 1024 x 1024 DICOM, one folder; reports with the finding's masks in run lengths. Loaders: files are
named by SOPInstanceUID, without an ending; EncodedPixels is "-1" or blank without a mask; `filename` begins
with the patient; the other two tables name their columns differently.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from tests.support.dataset_trees.dicom_files import write_dicom
from tests.support.dataset_trees.pictures import Pictures

ROOT = "1.2.826.0.1.3680043.8.498."
TWO_COLUMNS = "102600 100 924 100"
"""Columns 100 and 101 of 1024 rows, rows 200 to 299: skip 100 * 1024 + 200, set 100, skip 924, set 100."""
CORNER = "0 1"
"""The first pixel."""
REPORT = "CHEST\nThere is a small, right sided pneumothorax.\nNo rib fracture."
_ROWS = [
    (f"{ROOT}1", "S1", TWO_COLUMNS, "P0001_1.dcm", REPORT),
    (f"{ROOT}1", "S1", CORNER, "P0001_1.dcm", REPORT),
    (f"{ROOT}2", "S2", "-1", "P0001_2.dcm", 'The lungs are "clear".'),
    (f"{ROOT}3", "S3", "", "P0002_1.dcm", ""),
    (f"{ROOT}4", "S4", "-1", "P0003_1.dcm", "Chest tube in situ."),
]


def candid_ptx(
    root: Path,
    pictures: Pictures,
    *,
    folder: str = "dataset",
    fractures: str = "acute_rib_fracture.csv",
    studies: bool = True,
) -> Path:
    """Write the tree; `studies` is whether the reports have StudyInstanceUID, as not all users say."""
    for uid in dict.fromkeys(row[0] for row in _ROWS):
        write_dicom(
            root / folder / uid,
            pictures,
            rows=1024,
            columns=1024,
            SOPInstanceUID=uid,
            PatientSex="F",
            PatientAge="040Y",
        )
    header = ("SOPInstanceUID", "StudyInstanceUID", "EncodedPixels", "filename", "Report")
    wanted = [k for k, name in enumerate(header) if studies or name != "StudyInstanceUID"]
    write_csv(root / "Pneumothorax_reports.csv", [[row[k] for k in wanted] for row in (header, *_ROWS)])
    others = ("anon_SOPUID", "annotation", "mask_rle")
    tubes = [(f"{ROOT}1", "tube", "-1"), (f"{ROOT}4", "tube", CORNER), (f"{ROOT}4", "tube", TWO_COLUMNS)]
    write_csv(root / "chest_tube.csv", [others, *tubes])
    write_csv(root / fractures, [others, (f"{ROOT}2", "fracture", CORNER)])
    return root


def write_csv(path: Path, rows: Iterable[Iterable[object]]) -> None:
    """Write a table with quotes where they are needed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
