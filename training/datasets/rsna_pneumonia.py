"""RSNA Pneumonia Detection Challenge: 26,684 images of NIH ChestX-ray14, boxes around what may be pneumonia.

Shih et al. 2019, "Augmenting the National Institutes of Health Chest Radiograph Dataset with Expert
Annotations of Possible Pneumonia", Radiology: Artificial Intelligence 1(1):e180041. Layout: Kaggle's data
page of the challenge, stage 2; the table of labels was read itself, in torchxrayvision's copy.

    stage_2_train_labels.csv             patientId, x, y, width, height, Target: a row a box, or one without
    stage_2_detailed_class_info.csv      patientId, class: Lung Opacity, Normal, No Lung Opacity / Not Normal
    stage_2_train_images/<patientId>.dcm
    pneumonia-challenge-dataset-mappings_2018.json      RSNA's: subset_img_id -> img_id, NIH's file

`patientId` is of an image, not of a patient: NIH's patient and follow-up come from RSNA's mapping. Without it
each image counts as a patient of its own, so that one person may be on both sides of a split, and on both
sides of any training that has NIH's images too. Target 1 is an opacity that looks like pneumonia: Pneumonia
and Lung_Opacity are present. Target 0 denies Pneumonia; Lung_Opacity only where the class is Normal, for a
nodule is an opacity of another kind. There is no official split; stage 2's test images have no labels.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shared.labels import NO_FINDING
from training.datasets.base import DatasetError, Problem, Reading, require_columns
from training.datasets.csv_tables import Table, find_table, open_table
from training.datasets.dicom_headers import Header, header_or_problem
from training.datasets.places import Places
from training.datasets.regions import region_of
from training.table import Record, Region, State

_LABELS: Final = "stage_2_train_labels.csv"
_CLASSES: Final = "stage_2_detailed_class_info.csv"
_MAPPING: Final = "pneumonia-challenge-dataset-mappings_2018.json"
_EDGES: Final = ("x", "y", "width", "height")
_NORMAL: Final = "Normal"
_KNOWN: Final = ("Lung Opacity", _NORMAL, "No Lung Opacity / Not Normal")
_BOX: Final = "Pneumonia"


@dataclass(slots=True)
class Annotated:
    """What the tables say of one image.

    Attributes:
        where: its first row.
        target: whether an opacity looks like pneumonia.
        kind: the class; "" without the table of classes.
        boxes: left, top, width, height in pixels, as written.
    """

    where: str
    target: bool
    kind: str = ""
    boxes: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def labels(self) -> dict[str, State]:
        """What is said of the labels."""
        state = State.PRESENT if self.target else State.ABSENT
        said = {_BOX: state}
        if self.target or self.kind == _NORMAL:
            said["Lung_Opacity"] = state
        if self.kind or self.target:
            said[NO_FINDING] = State.PRESENT if self.kind == _NORMAL else State.ABSENT
        return said


class RsnaPneumonia:
    """The reader."""

    id: str = "rsna_pneumonia"
    title: str = "RSNA Pneumonia Detection Challenge"
    labels: tuple[str, ...] = (_BOX, "Lung_Opacity", NO_FINDING)
    published: tuple[int | None, int | None, int | None] = (26_684, None, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that Kaggle's archive was unpacked into; images may be there in part."""
        problems: list[Problem] = []
        images = annotated(open_table(root, _LABELS, columns=("patientId", *_EDGES, "Target")), problems)
        _add_classes(images, find_table(root, _CLASSES), problems)
        files_of_nih = _mapping(root, problems)
        places = Places(root, [root / "stage_2_train_images", root])
        records = []
        for name, image in images.items():
            file = places.find(f"{name}.dcm")
            if file is None:
                problems.append(Problem(f"stage_2_train_images/{name}.dcm", "the image is not there"))
                continue
            header = header_or_problem(root, file, problems)
            if header is None:
                continue
            records.append(_record(name, image, file, header, files_of_nih.get(name, ""), problems))
        return Reading(records, problems)


def annotated(table: Table, problems: list[Problem]) -> dict[str, Annotated]:
    """Return the images of the table of labels; rows that contradict each other are left out with theirs."""
    images: dict[str, Annotated] = {}
    strange = set()
    for where, cells in table.rows():
        name = cells["patientId"]
        corners = tuple(cells[edge] for edge in _EDGES)
        target = cells["Target"] == "1"
        image = images.setdefault(name, Annotated(where, target))
        if cells["Target"] not in ("0", "1") or target != image.target or target != any(corners):
            problems.append(Problem(where, f"Target {cells['Target']!r} does not go with the other cells"))
            strange.add(name)
        elif target:
            image.boxes.append(corners)
    return {name: image for name, image in images.items() if name not in strange}


def _add_classes(images: Mapping[str, Annotated], table: Table | None, problems: list[Problem]) -> None:
    if table is None:
        problems.append(Problem(_CLASSES, "without this table no image is known to be normal"))
        return
    require_columns(table.path, table.columns, ("patientId", "class"))
    for where, cells in table.rows():
        image = images.get(cells["patientId"])
        if image is None:
            problems.append(Problem(where, f"{_LABELS} does not have the image {cells['patientId']}"))
        elif cells["class"] not in _KNOWN or image.target != (cells["class"] == _KNOWN[0]):
            problems.append(Problem(where, f"{cells['class']!r} does not go with Target {int(image.target)}"))
        else:
            image.kind = cells["class"]


def _mapping(root: Path, problems: list[Problem]) -> dict[str, str]:
    """Return the name of NIH's file for each image."""
    path = root / _MAPPING
    if not path.is_file():
        problems.append(Problem(_MAPPING, "without RSNA's mapping it is not known whose images these are"))
        return {}
    try:
        return {one["subset_img_id"]: one["img_id"] for one in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, TypeError, KeyError) as error:
        message = f"{path} is no list of subset_img_id and img_id ({error!r}); get it again"
        raise DatasetError(message) from error


def _record(
    name: str, image: Annotated, file: str, header: Header, of_nih: str, problems: list[Problem]
) -> Record:
    patient, _, follow_up = of_nih.removesuffix(".png").partition("_")
    known = patient.isdigit() and follow_up.isdigit()
    person = f"nih:{int(patient)}" if known else f"rsna_pneumonia:{name}"
    return Record(
        dataset="rsna_pneumonia",
        image=file,
        patient=person,
        study=f"{person}/{int(follow_up)}" if known else person,
        view=header.view,
        labels=image.labels,
        sex=header.sex,
        age_years=header.age_years,
        boxes=_regions(image, header, problems),
        labelled_by="radiologists",
        attributes={key: said for key, said in (("class", image.kind), ("img_id", of_nih)) if said},
    )


def _regions(image: Annotated, header: Header, problems: list[Problem]) -> tuple[Region, ...]:
    regions = []
    for box in image.boxes:
        try:
            left, top, width, height = map(float, box)
            corners = (left, top, left + width, top + height)
            regions.append(region_of(_BOX, corners, width=header.columns, height=header.rows))
        except ValueError as error:
            problems.append(Problem(image.where, f"a box is left out: {error}"))
    return tuple(regions)
