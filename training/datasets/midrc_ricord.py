"""MIDRC-RICORD-1c: 1,257 radiographs of 361 patients with COVID-19, classed by how typical they look for it.

Tsai et al. 2021, "The RSNA International COVID-19 Open Radiology Database (RICORD)", Radiology 299:E204.
Layout: the collection's page of The Cancer Imaging Archive; the MD.ai export's keys, groups and names, and
the columns of the reader table, as scripts of others use them.

    .../MIDRC-RICORD-1C/MIDRC-RICORD-1C-<site>-<number>/<date>-NA-<exam>-<uid>/<series>/1-1.dcm
    1c_mdai_rsna_project_..._annotations_labelgroup_all_....json     MD.ai: a group of labels a reader
    1c_mdai_..._v3.csv        instead: Anon MRN, Anon TCIA Study Date, Reader_id, CLASS_label, GRADE_label

Three readers class each study: an adjudicated class wins, else the one that most of them, and at least two,
give. One who gives two classes to a study has no vote, nor has MD.ai's "Default group". A grade is decided
likewise.

Everybody here had COVID-19; the label says whether the radiograph looks like it: typical is PRESENT,
negative for pneumonia ABSENT, and indeterminate, atypical and disagreement are UNCERTAIN.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from training.datasets.base import DatasetError, Problem, Reading, find_one
from training.datasets.csv_tables import open_table
from training.datasets.dicom_headers import Header, headers_below
from training.datasets.label_names import NAMES
from training.table import Record, State

_COLLECTION: Final = "MIDRC-RICORD-1C-"
_ANNOTATIONS: Final = "*annotations*"
_COLUMNS: Final = (
    "Anon MRN",
    "Anon TCIA Study Date",
    "Reader_id",
    "Reader_name",
    "CLASS_label",
    "GRADE_label",
)
_LABEL: Final = "COVID-19"
_UNSURE: Final = ("Indeterminate Appearance", "Atypical Appearance")
_GRADES: Final = ("Mild", "Moderate", "Severe")
_SHORT: Final = {name.split()[0].casefold(): name for name in (*NAMES["midrc-ricord"], *_GRADES)}
"""First word, which tells them all apart -> class or grade; "Mild Opacities  (1-2 ..." has two spaces."""


@dataclass
class _Votes:
    """What is said of one question about one study.

    Attributes:
        readers: reader -> what that reader says.
        adjudicated: what the adjudication says.
    """

    readers: dict[str, set[str]] = field(default_factory=dict)
    adjudicated: set[str] = field(default_factory=set)

    def add(self, reader: str, said: str) -> None:
        if "adjudicat" in reader.casefold():
            self.adjudicated.add(said)
        else:
            self.readers.setdefault(reader, set()).add(said)

    def decided(self) -> str:
        """Return what is agreed on, or "" when nothing is."""
        if len(self.adjudicated) == 1:
            return next(iter(self.adjudicated))
        most = max(self.counted().values(), default=0)
        first = [said for said, votes in self.counted().items() if votes == most]
        return first[0] if most >= 2 and len(first) == 1 else ""

    def counted(self) -> Counter[str]:
        return Counter(next(iter(said)) for said in self.readers.values() if len(said) == 1)


@dataclass
class _Study:
    """What is said of one study."""

    appearance: _Votes = field(default_factory=_Votes)
    grade: _Votes = field(default_factory=_Votes)

    def add(self, reader: str, label: str) -> None:
        """Count a label; one that is neither a class nor a grade does not matter."""
        said = _SHORT.get(label.partition(" ")[0].casefold(), "")
        if said:
            (self.grade if said in _GRADES else self.appearance).add(reader, said)


class MidrcRicord:
    """The reader."""

    id: str = "midrc_ricord"
    title: str = "MIDRC-RICORD-1c"
    labels: tuple[str, ...] = (_LABEL,)
    published: tuple[int | None, int | None, int | None] = (1_257, 361, 998)

    def read(self, root: Path) -> Reading:
        """Read a folder that holds the annotations, and the DICOM files anywhere below it."""
        annotated = _annotations(root)
        records = []
        problems: list[Problem] = []
        for file, header in headers_below(root, problems):
            patient = header.patient or _patient_in(root / file)
            if not patient:
                problems.append(Problem(file, "neither its header nor its folder names a patient"))
                continue
            study = annotated.get(header.study) or annotated.get(_key(patient, header.study_date))
            if study is None:
                problems.append(Problem(file, "its study has no annotation, so the image has no label"))
            records.append(_record(file, header, patient, study or _Study()))
        return Reading(records, problems)


def _annotations(root: Path) -> dict[str, _Study]:
    """Return what is said of each study, by its UID, or by patient and date where the table has no UID."""
    path = find_one(root, f"{_ANNOTATIONS}.json", f"*/{_ANNOTATIONS}.json", f"{_ANNOTATIONS}.csv")
    if path.suffix == ".csv":
        return _reader_table(root)
    try:
        return _mdai_export(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is no export of MD.ai ({type(error).__name__}: {error}); get it again"
        raise DatasetError(message) from error


def _mdai_export(export: Mapping[str, Any]) -> dict[str, _Study]:
    labels = {
        label["id"]: (group["name"], label["name"])
        for group in export["labelGroups"]
        if group["name"] != "Default group"
        for label in group["labels"]
    }
    studies: dict[str, _Study] = {}
    for dataset in export["datasets"]:
        for annotation in dataset["annotations"]:
            study = studies.setdefault(annotation["StudyInstanceUID"], _Study())
            if annotation["labelId"] in labels:
                study.add(*labels[annotation["labelId"]])
    return studies


def _reader_table(root: Path) -> dict[str, _Study]:
    studies: dict[str, _Study] = {}
    for _, cells in open_table(root, f"{_ANNOTATIONS}.csv", columns=_COLUMNS).rows():
        month, _, rest = cells["Anon TCIA Study Date"].partition("/")
        day, _, year = rest.partition("/")
        key = cells.get("Anon Study UID") or _key(cells["Anon MRN"], f"{year}{month:0>2}{day:0>2}")
        adjudicated = "adjudicat" in cells["Reader_name"].casefold()
        reader = cells["Reader_name"] if adjudicated else cells["Reader_id"]
        study = studies.setdefault(key, _Study())
        study.add(reader, cells["CLASS_label"])
        study.add(reader, cells["GRADE_label"])
    return studies


def _key(patient: str, date: str) -> str:
    return f"{patient.removeprefix(_COLLECTION)} {date}"


def _patient_in(path: Path) -> str:
    """Return the patient's folder, for a file whose header lost the patient."""
    return next((part for part in reversed(path.parts) if part.startswith(_COLLECTION)), "")


def _record(file: str, header: Header, patient: str, study: _Study) -> Record:
    appearance, counted = study.appearance.decided(), study.appearance.counted()
    attributes = {
        "appearance": appearance,
        "grade": study.grade.decided(),
        "votes": "|".join(f"{name}: {votes}" for name, votes in counted.most_common()),
    }
    patient = f"midrc_ricord:{patient.removeprefix(_COLLECTION)}"
    return Record(
        dataset="midrc_ricord",
        image=file,
        patient=patient,
        study=f"{patient}/{header.study}",
        view=header.view,
        labels=_labels(appearance, any_vote=bool(study.appearance.readers)),
        sex=header.sex,
        age_years=header.age_years,
        labelled_by="adjudication" if study.appearance.adjudicated else "radiologist",
        attributes={name: value for name, value in attributes.items() if value},
    )


def _labels(appearance: str, *, any_vote: bool) -> dict[str, State]:
    if not appearance:
        return {_LABEL: State.UNCERTAIN} if any_vote else {}
    if _LABEL in NAMES["midrc-ricord"][appearance]:
        return {_LABEL: State.PRESENT}
    return {_LABEL: State.UNCERTAIN if appearance in _UNSURE else State.ABSENT}
