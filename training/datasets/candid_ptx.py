"""CANDID-PTX: 19,237 radiographs from one New Zealand hospital, with masks of pneumothorax, and reports.

Feng et al. 2021, "Curation of the CANDID-PTX Dataset with Free-Text Reports", Radiology: Artificial
Intelligence 3(6):e210136, PMC8637219. Layout: the paper and the University of Auckland's data page
(10.17608/k6.auckland.14173982); columns and run lengths as five loaders of others use them.

    dataset/<SOPInstanceUID>      DICOM of 1024 x 1024, without an ending
    Pneumothorax_reports.csv      SOPInstanceUID, EncodedPixels, filename, Report, maybe StudyInstanceUID
    chest_tube.csv                anon_SOPUID, annotation, mask_rle
    acute_rib_fracture.csv        the same columns; or Rib_fracture_mask_rle.csv

EncodedPixels is "-1" where there is no pneumothorax, and blank where nothing is known; an image has a row
for each of its masks. The patient is what stands before "_" in `filename`; users found images under two
patients, which are left out. The authors read every image for all three, and the tables of tubes and
fractures have rows of what they outlined only: an image without a row has none, as "-1" says too. That is
absent for us, though an image without a chest tube may show another device, and one without an acute rib
fracture an old one. No official split.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from training.datasets.base import Problem, Reading, require_columns
from training.datasets.csv_tables import Table, find_table, open_table
from training.datasets.dicom_headers import Header, header_of
from training.datasets.label_names import NAMES
from training.datasets.places import Places
from training.datasets.regions import relative_runs
from training.table import Mask, Record, State

_REPORTS: Final = "Pneumothorax_reports.csv"
_COLUMNS: Final = ("SOPInstanceUID", "EncodedPixels", "filename", "Report")
_PNEUMOTHORAX: Final = "pneumothorax"
_OTHERS: Final = {
    "chest tube": ("chest_tube.csv",),
    "rib fracture": ("acute_rib_fracture.csv", "Rib_fracture_mask_rle.csv"),
}
"""The finding, as `training/datasets/label_names.py` calls it -> names of its table."""
_OTHER_COLUMNS: Final = ("anon_SOPUID", "mask_rle")
_NO_MASK: Final = "-1"
_FOLDERS: Final = ("dataset", "dataset1/dataset", "chest_radiographs")
"""The first is the archive's; the others are what users report."""


@dataclass
class _Image:
    """All that the tables say of one image.

    Attributes:
        runs: finding -> the texts of its rows, in their order.
    """

    where: str
    report: str
    study: str
    patients: set[str] = field(default_factory=set)
    runs: dict[str, list[str]] = field(default_factory=dict)


class CandidPtx:
    """The reader."""

    id: str = "candid_ptx"
    title: str = "CANDID-PTX"
    labels: tuple[str, ...] = ("Pneumothorax", "Support_Devices", "Fracture")
    published: tuple[int | None, int | None, int | None] = (19_237, None, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the tables; those of tubes and fractures may be missing."""
        problems: list[Problem] = []
        images = _images(open_table(root, _REPORTS, columns=_COLUMNS))
        tables = {finding: find_table(root, *names) for finding, names in _OTHERS.items()}
        for finding, table in tables.items():
            if table is None:
                problems.append(Problem(_OTHERS[finding][0], f"without this table no {finding} is known"))
            else:
                _add(images, finding, table, problems)
                for image in images.values():
                    image.runs.setdefault(finding, [_NO_MASK])
        places = Places(root, [*(root / folder for folder in _FOLDERS), root])
        records = []
        for uid, image in images.items():
            try:
                record = _record(uid, image, root=root, places=places, problems=problems)
            except ValueError as error:
                problems.append(Problem(f"{image.where} ({uid})", str(error)))
                continue
            records.append(record)
        return Reading(records, problems)


def _images(table: Table) -> dict[str, _Image]:
    images: dict[str, _Image] = {}
    for where, cells in table.rows():
        uid = cells["SOPInstanceUID"]
        image = images.setdefault(uid, _Image(where, cells["Report"], cells.get("StudyInstanceUID", "")))
        image.patients.add(cells["filename"].partition("_")[0])
        image.runs.setdefault(_PNEUMOTHORAX, []).append(cells["EncodedPixels"])
    return images


def _add(images: dict[str, _Image], finding: str, table: Table, problems: list[Problem]) -> None:
    """Add the masks of another table to the images that the reports name."""
    require_columns(table.path, table.columns, _OTHER_COLUMNS)
    for where, cells in table.rows():
        image = images.get(cells["anon_SOPUID"])
        if image is None:
            problems.append(Problem(where, f"{_REPORTS} does not name the image {cells['anon_SOPUID']}"))
        else:
            image.runs.setdefault(finding, []).append(cells["mask_rle"])


def _record(uid: str, image: _Image, *, root: Path, places: Places, problems: list[Problem]) -> Record:
    """Make the record of an image.

    Raises:
        ValueError: it is to be left out; the message says why.
    """
    if len(image.patients) > 1 or "" in image.patients:
        message = f"its patient is not known: {', '.join(sorted(image.patients)) or 'none'}"
        raise ValueError(message)
    file = places.find(uid, f"{uid}.dcm")
    if file is None:
        message = "the image is not there"
        raise ValueError(message)
    header = header_of(root / file)
    labels: dict[str, State] = {}
    masks: list[Mask] = []
    for finding, runs in image.runs.items():
        (label,) = NAMES["candid-ptx"][finding]
        drawn = [text for text in runs if text not in ("", _NO_MASK)]
        if drawn and _NO_MASK in runs:
            problems.append(Problem(image.where, f"{uid} has a {finding}, and has none: no label"))
            continue
        if drawn:
            labels[label] = State.PRESENT
            masks += _masks(label, drawn, header=header, where=image.where, problems=problems)
        elif _NO_MASK in runs:
            labels[label] = State.ABSENT
    patient = f"candid_ptx:{next(iter(image.patients))}"
    return Record(
        dataset="candid_ptx",
        image=file,
        patient=patient,
        study=f"{patient}/{image.study or header.study or uid}",
        view=header.view,
        labels=labels,
        sex=header.sex,
        age_years=header.age_years,
        masks=tuple(masks),
        sections={"report": image.report} if image.report else {},
        language="en" if image.report else "",
        labelled_by="physician",
    )


def _masks(
    label: str, texts: Sequence[str], *, header: Header, where: str, problems: list[Problem]
) -> list[Mask]:
    masks = []
    for text in texts:
        try:
            masks.append(relative_runs(label, text, rows=header.rows, columns=header.columns))
        except ValueError as error:
            problems.append(Problem(where, f"a mask of {label} is left out: {error}"))
    return masks
