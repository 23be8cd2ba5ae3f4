"""MIMIC-CXR (DICOM and reports) and MIMIC-CXR-JPG (JPEG and labels): 377,110 images of 227,835 studies.

Johnson et al. 2019, "MIMIC-CXR, a de-identified publicly available database of chest radiographs with
free-text reports", Scientific Data 6:317; and "MIMIC-CXR-JPG", arXiv 1901.07042. Layout: the pages of
mimic-cxr 2.1.0 and mimic-cxr-jpg 2.1.0 on PhysioNet, "Data Description".

    files/p10/p10000032/s50414267/<dicom_id>.jpg      or .dcm; the folder is p and the first two digits
    files/p10/p10000032/s50414267.txt                 report: in the DICOM release, also in mimic-cxr-reports/
    mimic-cxr-2.0.0-metadata.csv.gz                   one row an image: ids, ViewPosition and more
    mimic-cxr-2.0.0-split.csv.gz                      dicom_id, study_id, subject_id, split
    mimic-cxr-2.0.0-chexpert.csv.gz, -negbio.csv.gz   one row a study: the 14 observations
    mimic-cxr-2.1.0-test-set-labeled.csv              study_id and the same, by a radiologist from the report
    cxr-record-list.csv.gz                            of the DICOM release: ids, path

Every table may be unpacked (.csv). Labels belong to a study, so each of its images gets them; a study that
no labeller could label has no row and stays unlabelled. CheXpert's table is taken, NegBio's only without it.

`mimic_cxr` has what a labeller mined, in the test split too; `mimic_cxr_test` the 687 studies of that split
that a radiologist labelled, and nothing else, so that a figure is of one kind of truth. The radiologist's
table calls Lung Opacity "Airspace Opacity"; its page also writes "No Findings".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.labels import CHEXPERT14
from training.datasets.base import Problem, Reading
from training.datasets.cells import states_of, view_of
from training.datasets.csv_tables import Row, Table, find_table, open_table, require
from training.datasets.label_names import NAMES
from training.datasets.places import Places
from training.datasets.report_sections import cut
from training.table import Record, Split, State

_METADATA: Final = "mimic-cxr-2.0.0-metadata.csv"
_SPLIT: Final = "mimic-cxr-2.0.0-split.csv"
_RADIOLOGIST: Final = "mimic-cxr-2.1.0-test-set-labeled.csv"
_LABELLERS: Final = {
    "mimic-cxr-2.0.0-chexpert.csv": "text mining (CheXpert)",
    "mimic-cxr-2.0.0-negbio.csv": "text mining (NegBio)",
}
_RECORDS: Final = "cxr-record-list.csv"
_IDS: Final = ("subject_id", "study_id", "dicom_id")
_SPLITS: Final = {"train": Split.TRAIN, "validate": Split.VALIDATION, "test": Split.TEST}
_ATTRIBUTES: Final = (
    "ViewPosition",
    "PerformedProcedureStepDescription",
    "PatientOrientationCodeSequence_CodeMeaning",
    "StudyDate",
    "StudyTime",
)
_LABEL_COLUMNS: Final = ("subject_id", "study_id", *NAMES["chexpert"])


@dataclass(frozen=True, slots=True)
class _Labels:
    """What is said of one study, and by whom.

    Attributes:
        subject: "" where the table does not say.
    """

    subject: str
    states: Mapping[str, State]
    labelled_by: str


_UNLABELLED: Final = _Labels("", {}, "")


@dataclass(frozen=True, slots=True)
class _Images:
    """The table of images, and the official part of each by its dicom_id."""

    table: Table
    splits: Mapping[str, Split | None]


class MimicCxr:
    """The reader of the labels that were mined."""

    id: str = "mimic_cxr"
    title: str = "MIMIC-CXR and MIMIC-CXR-JPG"
    labels: tuple[str, ...] = CHEXPERT14
    published: tuple[int | None, int | None, int | None] = (377_110, 65_379, 227_835)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds files/ and the tables of either release, or of both."""
        problems: list[Problem] = []
        labellers = {name: table for name in _LABELLERS if (table := find_table(root, name))}
        images = _images(root, [(table, _LABEL_COLUMNS) for table in labellers.values()], problems)
        labels: dict[str, _Labels] = {}
        for name, table in list(labellers.items())[:1]:
            labels = _read_labels(table, _LABELLERS[name], problems)
        if not labellers:
            names = " or ".join(f"{name}.gz" for name in _LABELLERS)
            problems.append(Problem(names, "no such table is there, so nothing is labelled"))
        return Reading(_records(self.id, root, images, labels, problems), problems)


class MimicCxrTest:
    """The reader of the labels that a radiologist gave to studies of the test split."""

    id: str = "mimic_cxr_test"
    title: str = "MIMIC-CXR-JPG, test labels of a radiologist"
    labels: tuple[str, ...] = CHEXPERT14
    published: tuple[int | None, int | None, int | None] = (None, None, 687)

    def read(self, root: Path) -> Reading:
        """Read the folder that `mimic_cxr` reads; what is of other studies is left out, and not said."""
        problems: list[Problem] = []
        table = open_table(root, _RADIOLOGIST)
        images = _images(root, [(table, ("study_id",))], problems)
        labels = _read_labels(table, "radiologist, from the report", problems)
        return Reading(_records(self.id, root, images, labels, problems, of_labels_only=True), problems)


def _read_labels(table: Table, who: str, problems: list[Problem]) -> dict[str, _Labels]:
    """Return what a table says, by study."""
    labels: dict[str, _Labels] = {}
    for row in table.rows():
        cells = row.cells
        try:
            states = states_of(cells, NAMES["mimic-cxr"])
        except ValueError as error:
            problems.append(Problem(row.where, str(error)))
        else:
            labels[cells["study_id"]] = _Labels(cells.get("subject_id", ""), states, who)
    return labels


def _images(root: Path, labels: Sequence[tuple[Table, Iterable[str]]], problems: list[Problem]) -> _Images:
    """Find the images.

    Args:
        labels: the tables of labels and their columns: what any table lacks is named at once.

    Raises:
        DatasetError: there is no table of images, or a table lacks columns.
    """
    images = find_table(root, _METADATA) or open_table(root, _METADATA, _RECORDS)
    with_views = _METADATA in images.where
    split = find_table(root, _SPLIT)
    columns = (*_IDS, "ViewPosition") if with_views else _IDS
    require([(images, columns), (split, ("dicom_id", "split")), *labels])
    if not with_views:
        problems.append(Problem(f"{_METADATA}.gz", "the table is not there, so no view is known"))
    if split is None:
        problems.append(Problem(f"{_SPLIT}.gz", "the table is not there, so the official split is not known"))
        return _Images(images, {})
    return _Images(images, {row.cells["dicom_id"]: _SPLITS.get(row.cells["split"]) for row in split.rows()})


def _records(
    dataset: str,
    root: Path,
    images: _Images,
    labels: Mapping[str, _Labels],
    problems: list[Problem],
    *,
    of_labels_only: bool = False,
) -> list[Record]:
    """Return the records of the images that are there; of studies in `labels` only, where it is wanted."""
    places = Places(root, [root])
    reports = _Reports(root)
    records = []
    for row in images.table.rows():
        subject, study, dicom = (row.cells[name] for name in _IDS)
        if of_labels_only and study not in labels:
            continue
        folder = f"files/p{subject[:2]}/p{subject}/s{study}"
        file = places.find(f"{folder}/{dicom}.jpg", f"{folder}/{dicom}.dcm")
        if file is None:
            problems.append(
                Problem(f"{folder}/{dicom}", "the image is not there, neither as JPEG nor as DICOM")
            )
            continue
        said = labels.get(study, _UNLABELLED)
        if said.subject not in ("", subject):
            problems.append(
                Problem(row.where, f"its study {study} is of patient {said.subject} in the labels")
            )
            said = _UNLABELLED
        records.append(_record(dataset, row, file, images.splits.get(dicom), said, reports.of(folder)))
    return records


def _record(
    dataset: str, row: Row, image: str, split: Split | None, labels: _Labels, sections: Mapping[str, str]
) -> Record:
    cells = row.cells
    return Record(
        dataset=dataset,
        image=image,
        patient=f"mimic_cxr:{cells['subject_id']}",
        study=f"mimic_cxr:{cells['study_id']}",
        view=view_of(cells.get("ViewPosition", "")),
        labels=labels.states,
        split=split,
        sections=sections,
        language="en" if sections else "",
        labelled_by=labels.labelled_by,
        attributes={name: cells[name] for name in _ATTRIBUTES if cells.get(name)},
    )


class _Reports:
    """The reports, cut into sections; the last one is kept, since the images of a study follow each other."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._places = Places(root, [root, root / "mimic-cxr-reports"])
        self._last: tuple[str, dict[str, str]] = ("", {})

    def of(self, study: str) -> dict[str, str]:
        """Return the sections for "files/p10/p10000032/s50414267"; none where there is no report."""
        if study != self._last[0]:
            file = self._places.find(f"{study}.txt")
            text = (self._root / file).read_text(encoding="utf-8", errors="replace") if file else ""
            self._last = (study, cut(text))
        return self._last[1]
