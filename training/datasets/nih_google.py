"""Four findings on images of NIH ChestX-ray14, by radiologists who went on until they agreed (Google).

Majkowska et al. 2020, "Chest Radiograph Interpretation with Deep Learning Models: Assessment with
Radiologist-adjudicated Reference Standards and Population-adjusted Evaluation", Radiology 294:421. Layout:
Google Cloud's page "NIH Chest X-ray dataset", section "Four findings expert labels", and loaders of others;
columns and values checked on torchxrayvision's copy, which has both parts in one table.

    four_findings_expert_labels/validation_labels.csv, test_labels.csv      NIH's columns, and four: YES, NO;
                                               in the bucket both names begin with the folder's
    google2019_nih-chest-xray-labels.csv       instead of them: also "Set Id", val or test
    images_001/images/00000013_008.png         NIH's own files, as `nih` finds them

The patients are NIH's, under the same ids. NIH's mined labels, which the table repeats, are not read. "YES"
for "Nodule or mass" says nothing of Nodule and Mass apart. The page's other labels (all findings, by a vote
of three) are `nih_google_all`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from training.datasets.base import Problem, Reading
from training.datasets.csv_tables import Row, find_table, open_table, require
from training.datasets.label_names import EITHER, NAMES
from training.datasets.nih import images_below, record_of
from training.table import Split, State

_FOLDER: Final = "four_findings_expert_labels"
_BOTH: Final = "google2019_nih-chest-xray-labels.csv"
_PARTS: Final = {"validation": Split.VALIDATION, "test": Split.TEST}
_SETS: Final = {"val": Split.VALIDATION, "test": Split.TEST}
"""What the one table calls the parts."""
_NAMES: Final = NAMES["nih-google"]
_EITHER: Final = EITHER["nih-google"]
_COLUMNS: Final = (
    "Image Index",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
    *_NAMES,
)
_STATES: Final = {"YES": State.PRESENT, "NO": State.ABSENT}


class NihGoogle:
    """The reader."""

    id: str = "nih_google"
    title: str = "NIH ChestX-ray14, labels of Google's radiologists"
    labels: tuple[str, ...] = (
        *(label for labels in _NAMES.values() for label in labels),
        *(label for labels in _EITHER.values() for label in labels),
    )
    published: tuple[int | None, int | None, int | None] = (4_374, None, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the tables and NIH's images; one part is enough, images in part too."""
        files = images_below(root)
        problems: list[Problem] = []
        records = []
        for row, split in rows_of(root, problems):
            name = row.cells["Image Index"]
            try:
                labels = labels_of(row.cells)
            except ValueError as error:
                problems.append(Problem(row.where, str(error)))
                continue
            if name not in files:
                problems.append(Problem(name, "the image is not there"))
                continue
            records.append(
                record_of(
                    row.cells,
                    dataset=self.id,
                    image=files[name],
                    labels=labels,
                    split=split,
                    labelled_by="radiologists, adjudicated",
                )
            )
        return Reading(records, problems)


def rows_of(root: Path, problems: list[Problem]) -> Iterator[tuple[Row, Split]]:
    """Give the rows of both parts, or of the one table."""
    tables = {part: find_table(root, *_patterns(part)) for part in _PARTS}
    if not any(tables.values()):
        patterns = [pattern for part in _PARTS for pattern in _patterns(part)]
        both = open_table(root, _BOTH, *patterns, columns=(*_COLUMNS, "Set Id"))
        for row in both.rows():
            split = _SETS.get(row.cells["Set Id"])
            if split is None:
                problems.append(Problem(row.where, f"Set Id is {row.cells['Set Id']!r}, not val or test"))
            else:
                yield row, split
        return
    require([(table, _COLUMNS) for table in tables.values()])
    for part, table in tables.items():
        if table is None:
            problems.append(Problem(f"{_FOLDER}/{part}_labels.csv", "the table is not there"))
            continue
        for row in table.rows():
            yield row, _PARTS[part]


def _patterns(part: str) -> tuple[str, ...]:
    published = f"{_FOLDER}_{part}_labels.csv"
    return f"{_FOLDER}/{published}", f"{_FOLDER}/{part}_labels.csv", published, f"{part}_labels.csv"


def labels_of(cells: Mapping[str, str]) -> dict[str, State]:
    """Return what a row says.

    Raises:
        ValueError: a cell is neither YES nor NO; the message names it.
    """
    labels: dict[str, State] = {}
    for name, ids in _NAMES.items():
        state = _STATES.get(cells[name])
        if state is None:
            message = f"{name} is {cells[name]!r}, not YES or NO"
            raise ValueError(message)
        labels.update(dict.fromkeys(ids, state))
        if state is State.ABSENT:
            labels.update(dict.fromkeys(_EITHER.get(name, ()), state))
    return labels
