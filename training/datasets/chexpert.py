"""CheXpert: 224,316 radiographs of 65,240 patients, 14 observations present, absent, uncertain or blank.

Irvin et al. 2019, "CheXpert: A Large Chest Radiograph Dataset with Uncertainty Labels and Expert
Comparison", arXiv 1901.07031. Layout: the download page (Stanford AIMI, "CheXpert: Chest X-rays") and its
README; columns checked on the published train.csv; the archives' folders as users list them.

    CheXpert-v1.0[-small]/train.csv, valid.csv    beside the folders train/ and valid/, inside or above them
    CheXpert-v1.0[-small]/train/patient00001/study1/view1_frontal.jpg
    CheXpert-v1.0 batch 1 (validate & csv)/       train.csv, valid.csv, valid/patient64541/...
    CheXpert-v1.0 batch 2 (train 1)/              patient00001/...: without train/; also batch 3 and 4

The column Path begins with the folder's name in the release it is from. The labels of train.csv are mined
from reports; those of valid.csv are by three radiologists. Uncertain stays uncertain and blank is not
labelled: what to make of them is the recipe's policy. AP/PA is LL or RL on 17 images called frontal: their
view is UNKNOWN. One patient has age 0 and sex Unknown; 0 is no age here. The test set is released apart:
`chexpert_test.py`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.domain.findings import ViewPosition
from shared.labels import CHEXPERT14
from training.datasets.base import DatasetError, Problem, Reading
from training.datasets.cells import age_of, sex_of, states_of, view_of
from training.datasets.csv_tables import Table, find_table, require
from training.datasets.label_names import NAMES
from training.datasets.places import Places
from training.table import Record, Split

_COLUMNS: Final = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *NAMES["chexpert"])
_SPLITS: Final = {
    "train": (Split.TRAIN, "text mining"),
    "valid": (Split.VALIDATION, "radiologists"),
}
_FOLDERS: Final = "CheXpert-v1.0*"
_PLACE: Final = re.compile(r"(?:train|valid|val|test)/(?P<study>(?P<patient>patient\d+)/study\d+)(?:/|$)")


class CheXpert:
    """The reader."""

    id: str = "chexpert"
    title: str = "CheXpert"
    labels: tuple[str, ...] = CHEXPERT14
    published: tuple[int | None, int | None, int | None] = (224_316, 65_240, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that was unpacked, or the one above it; one of the two tables is enough."""
        tables = {name: find_table(root, *_patterns(name)) for name in _SPLITS}
        if not any(tables.values()):
            message = (
                f"{root} holds neither train.csv nor valid.csv, nor does a {_FOLDERS} in it: is it the folder"
                " that the data set was unpacked into?"
            )
            raise DatasetError(message)
        require([(table, _COLUMNS) for table in tables.values()])
        records: list[Record] = []
        problems: list[Problem] = []
        for name, table in tables.items():
            if table is None:
                problems.append(Problem(f"{name}.csv", "the table is not there"))
                continue
            _read_table(table, name, Places(root, _folders(table, name, root)), records, problems)
        return Reading(records, problems)


def frontal_or_lateral(direction: str, projection: str) -> ViewPosition:
    """Return the view of the columns Frontal/Lateral and AP/PA; UNKNOWN where they contradict each other."""
    if direction.strip().lower() == "lateral":
        return ViewPosition.LATERAL
    view = view_of(projection)
    return ViewPosition.UNKNOWN if view is ViewPosition.LATERAL else view


def patient_and_study(path: str) -> tuple[str, str] | None:
    """Return the ids that "…/train/patient00001/study1/view1_frontal.jpg" holds, or a path of any other part.

    CheXpert Plus, CheXlocalize and the test set know the same patients and studies by it.
    """
    match = _PLACE.search(path)
    return match and (f"chexpert:{match['patient']}", f"chexpert:{match['study']}")


def _patterns(name: str) -> list[str]:
    inside = (f"{name}.csv", f"{name}/{name}.csv")
    return [f"{folder}{file}" for file in inside for folder in ("", f"{_FOLDERS}/")]


def _folders(table: Table, name: str, root: Path) -> list[Path]:
    """Return where a table's paths may begin: in its own release, for two of them may lie side by side."""
    parent = table.path.parent
    home = parent.parent if parent.name == name and parent != root else parent
    release, batch, _ = home.name.partition(" batch ")
    batches = sorted(root.glob(f"{release} batch *")) if batch and home != root else []
    return [home, *batches]


def _read_table(
    table: Table, name: str, places: Places, records: list[Record], problems: list[Problem]
) -> None:
    split, labelled_by = _SPLITS[name]
    for row in table.rows():
        path = row.cells["Path"]
        ids = patient_and_study(path)
        if ids is None:
            problems.append(Problem(row.where, f"{path!r} names no patient and study of {name}"))
            continue
        below = path.split(f"{name}/", 1)[-1]
        file = places.find(f"{name}/{below}", path, below)
        if file is None:
            problems.append(Problem(path, "the image is not there"))
            continue
        try:
            records.append(_record(row.cells, file, ids, split, labelled_by))
        except ValueError as error:
            problems.append(Problem(row.where, str(error)))


def _record(
    cells: Mapping[str, str], image: str, ids: tuple[str, str], split: Split, labelled_by: str
) -> Record:
    return Record(
        dataset="chexpert",
        image=image,
        patient=ids[0],
        study=ids[1],
        view=frontal_or_lateral(cells["Frontal/Lateral"], cells["AP/PA"]),
        labels=states_of(cells, NAMES["chexpert"]),
        split=split,
        sex=sex_of(cells["Sex"]),
        age_years=age_of(cells["Age"]) or None,
        labelled_by=labelled_by,
        attributes={name: cells[name] for name in ("Frontal/Lateral", "AP/PA") if cells[name]},
    )
