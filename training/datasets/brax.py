"""BRAX: 40,967 radiographs of 24,959 studies from one Brazilian hospital, with CheXpert's 14 observations.

Reis et al. 2022, "BRAX, Brazilian labeled chest x-ray dataset", Scientific Data 9:487. Layout: the pages of
brax 1.1.0 and 1.0.0 on PhysioNet, "Data Description".

    master_spreadsheet_update.csv      or master_spreadsheet.csv: one row an image
    images/id_<patient>/Study_<uid>/Series_<uid>/image-<uid>.png
    Anonymized_DICOMs/id_<patient>/Study_<uid>/Series_<uid>/image-<uid>.dcm     without .dcm in 1.0.0

DicomPath and PngPath name both files of a row; PNG is taken where both are there. Labels are mined from
reports in Portuguese, which are not published. PatientAge is a group of five years, "85 or more" at the
end: the age is the middle of the group, and of the last one its beginning. There is no official split.
Decubitus and oblique views are UNKNOWN. The page does not show how a group of ages is spelt; "60-64", "60
to 64" and a bare number are read.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.labels import CHEXPERT14
from training.datasets.base import Problem, Reading
from training.datasets.cells import age_of, sex_of, states_of, view_of
from training.datasets.csv_tables import open_table
from training.datasets.label_names import NAMES
from training.datasets.places import Places
from training.table import Record

_TABLES: Final = ("master_spreadsheet_update.csv", "master_spreadsheet.csv")
_NEEDED: Final = (
    "DicomPath",
    "PngPath",
    "PatientID",
    "PatientSex",
    "PatientAge",
    "AccessionNumber",
    "ViewPosition",
    *NAMES["brax"],
)
_ATTRIBUTES: Final = ("PatientAge", "ViewPosition", "StudyDate", "Manufacturer")


class Brax:
    """The reader."""

    id: str = "brax"
    title: str = "BRAX"
    labels: tuple[str, ...] = CHEXPERT14
    published: tuple[int | None, int | None, int | None] = (40_967, 19_351, 24_959)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the spreadsheet; of the two kinds of image one is enough."""
        table = open_table(root, *_TABLES, columns=_NEEDED)
        places = Places(root, [root])
        records = []
        problems = []
        for row in table.rows():
            png, dicom = row.cells["PngPath"], row.cells["DicomPath"]
            file = places.find(png, dicom, dicom.removesuffix(".dcm"), f"{dicom}.dcm" if dicom else "")
            if file is None:
                problems.append(Problem(png or dicom or row.where, "the image is not there, as PNG or DICOM"))
                continue
            try:
                records.append(_record(row.cells, file))
            except ValueError as error:
                problems.append(Problem(row.where, str(error)))
        return Reading(records, problems)


def middle_of(group: str) -> float | None:
    """Return the age in years that stands for a group of ages; None when it is not readable."""
    ends = re.fullmatch(r"(\d+)\s*(?:-|to|a)\s*(\d+)", group.strip().lower())
    if ends is None:
        return age_of(group.lower().removesuffix("or more"))
    youngest, oldest = age_of(ends[1]), age_of(ends[2])
    return None if youngest is None or oldest is None else (youngest + oldest + 1) / 2


def _record(cells: Mapping[str, str], image: str) -> Record:
    return Record(
        dataset="brax",
        image=image,
        patient=f"brax:{cells['PatientID'].removeprefix('id_')}",
        study=f"brax:{cells['AccessionNumber']}",
        view=view_of(cells["ViewPosition"]),
        labels=states_of(cells, NAMES["brax"]),
        sex=sex_of(cells["PatientSex"]),
        age_years=middle_of(cells["PatientAge"]),
        labelled_by="text mining",
        attributes={name: cells[name] for name in _ATTRIBUTES if cells.get(name)},
    )
