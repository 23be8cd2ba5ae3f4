"""All 14 findings of NIH ChestX-ray14 on 810 of its images, by the vote of three radiologists (Google).

Nabulsi et al. 2021, "Deep learning for distinguishing normal versus abnormal chest radiographs and
generalization to two unseen diseases tuberculosis and COVID-19", Scientific Reports 11:15523, arXiv
2010.11375. Layout: the README that Google's bucket has beside the tables; the columns were read in a copy of
the table of single readers, which has the reader's id too.

    all_findings_expert_labels/test_labels.csv     a row an image: Image ID, Patient ID, Abnormal, the 14
                                                   findings and Other, each YES or NO; in the bucket its name
                                                   begins with the folder's
    images_001/images/00000013_008.png             NIH's own files, as `nih` finds them

The images are those of the four findings' test part (`nih_google`) that are PA, under the same names and ids,
so they are all test images. The two sets may differ on one image: here three radiologists read alone and the
majority counts, there they went on until they agreed. No Finding is what most call not abnormal: without a
potentially actionable finding. "Other", a finding beyond the 14, has no label. The table of single readers is
not read: two of its five are there to be compared with.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from shared.domain.findings import ViewPosition
from shared.labels import CHESTXRAY14, NO_FINDING
from training.datasets.base import Problem, Reading
from training.datasets.csv_tables import open_table
from training.datasets.label_names import NAMES
from training.datasets.nih import images_below
from training.table import Record, Split, State

_FOLDER: Final = "all_findings_expert_labels"
_TABLES: Final = (
    f"{_FOLDER}/{_FOLDER}_test_labels.csv",
    f"{_FOLDER}/test_labels.csv",
    f"{_FOLDER}_test_labels.csv",
)
_ABNORMAL: Final = "Abnormal"
_NAMES: Final = NAMES["nih-google-all"]
_COLUMNS: Final = ("Image ID", "Patient ID", _ABNORMAL, *_NAMES)
_STATES: Final = {"YES": State.PRESENT, "NO": State.ABSENT}
_NORMAL: Final = {"NO": State.PRESENT, "YES": State.ABSENT, "0": State.PRESENT, "1": State.ABSENT}
"""Abnormal -> No Finding. The README says YES and NO; the copy of the single readers has 1 and 0 here."""


class NihGoogleAll:
    """The reader."""

    id: str = "nih_google_all"
    title: str = "NIH ChestX-ray14, all findings by Google's radiologists"
    labels: tuple[str, ...] = (*CHESTXRAY14, NO_FINDING)
    published: tuple[int | None, int | None, int | None] = (810, 532, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the table and NIH's images, which may be there in part."""
        table = open_table(root, *_TABLES, columns=_COLUMNS)
        files = images_below(root)
        problems: list[Problem] = []
        records = []
        for row in table.rows():
            name = row.cells["Image ID"]
            try:
                labels = labels_of(row.cells)
            except ValueError as error:
                problems.append(Problem(row.where, str(error)))
                continue
            if name not in files:
                problems.append(Problem(name, "the image is not there"))
                continue
            patient = f"nih:{row.cells['Patient ID']}"
            follow_up = PurePosixPath(name).stem.rpartition("_")[2].lstrip("0") or "0"
            records.append(
                Record(
                    dataset=self.id,
                    image=files[name],
                    patient=patient,
                    study=f"{patient}/{follow_up}",
                    view=ViewPosition.PA,
                    labels=labels,
                    split=Split.TEST,
                    labelled_by="radiologists, majority of three",
                )
            )
        return Reading(records, problems)


def labels_of(cells: Mapping[str, str]) -> dict[str, State]:
    """Return what a row says.

    Raises:
        ValueError: a cell holds another word; the message names it.
    """
    strange = [name for name in _NAMES if cells[name] not in _STATES]
    if cells[_ABNORMAL] not in _NORMAL:
        strange.append(_ABNORMAL)
    if strange:
        message = f"{strange[0]} is {cells[strange[0]]!r}, not YES or NO"
        raise ValueError(message)
    said = {label: _STATES[cells[name]] for name, labels in _NAMES.items() for label in labels}
    return said | {NO_FINDING: _NORMAL[cells[_ABNORMAL]]}
