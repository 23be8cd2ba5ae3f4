"""VinDr-CXR: 18,000 postero-anterior radiographs from two Vietnamese hospitals, read by radiologists.

Nguyen et al. 2022, "VinDr-CXR: An open dataset of chest X-rays with radiologist's annotations", Scientific
Data 9:429, arXiv 2012.15029. Layout: the page of vindr-cxr 1.0.0 on PhysioNet, "Data Description", and an
inventory of a whole download; the table of Kaggle's competition was read itself.

    train/<image_id>.dicom, test/<image_id>.dicom
    annotations/image_labels_train.csv     image_id, rad_id, 28 names: a row a reader, three readers an image
    annotations/image_labels_test.csv      image_id, 28 names: the consensus of five
    annotations/annotations_train.csv      image_id, rad_id, class_name, x_min, y_min, x_max, y_max, in pixels
    annotations/annotations_test.csv       the same without rad_id
    train.csv                              of Kaggle, instead of the folder of tables: 14 names with class_id

Training half: a label is PRESENT when more than half of the image's readers, so two of three, say one of its
names, ABSENT when fewer than half do, and UNCERTAIN at a tie. The boxes of a name that most readers drew are
kept, of each of these readers: they lie upon one another. The share of readers who see a label is kept too
(`Record.votes`), for recipes that teach it. Test half: the consensus as it stands. A positive
"Nodule/Mass" says nothing of Nodule and Mass apart. Kaggle's test images have no labels and are not read.

There is no patient anywhere, neither in tables nor in headers: each image counts as a patient of its own, and
two images of one person may be on both sides of any split, the official one included.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shared.domain.findings import ViewPosition
from shared.labels import LABELS
from training.datasets.base import Problem, Reading
from training.datasets.csv_tables import Table, find_table, open_table, require
from training.datasets.dicom_headers import Header, header_or_problem
from training.datasets.label_names import EITHER, NAMES, label_for
from training.datasets.places import Places
from training.datasets.regions import region_of
from training.table import Record, Region, Split, State

_SPLITS: Final = {"train": Split.TRAIN, "test": Split.TEST}
_OTHER: Final = {"train": "Other diseases", "test": "Other disease"}
"""What the two halves call the same column."""
_NAMES: Final = tuple(name for name in NAMES["vindr-cxr"] if name not in _OTHER.values())
_KAGGLE: Final = (
    "Aortic enlargement",
    "Atelectasis",
    "Calcification",
    "Cardiomegaly",
    "Consolidation",
    "ILD",
    "Infiltration",
    "Lung Opacity",
    "Nodule/Mass",
    "Other lesion",
    "Pleural effusion",
    "Pleural thickening",
    "Pneumothorax",
    "Pulmonary fibrosis",
    "No finding",
)
"""In the order of class_id."""
_EDGES: Final = ("x_min", "y_min", "x_max", "y_max")
_BOXES: Final = ("image_id", "class_name", *_EDGES)
_STATES: Final = {"1": True, "1.0": True, "0": False, "0.0": False}
_CONSENSUS: Final = "consensus"
"""Stands for the reader where a table names none."""
_SAID: Final = {
    label
    for spellings in (NAMES["vindr-cxr"], EITHER["vindr-cxr"])
    for labels in spellings.values()
    for label in labels
}


@dataclass(frozen=True, slots=True)
class _Image:
    """What the readers say of one image.

    Attributes:
        said: reader -> the names that are positive.
        boxes: reader, name, corners in pixels.
    """

    said: dict[str, set[str]] = field(default_factory=dict)
    boxes: list[tuple[str, str, tuple[float, ...]]] = field(default_factory=list)

    def share(self, names: Iterable[str]) -> float:
        """Return the share of readers who see a finding that goes by several names."""
        wanted = set(names)
        return sum(bool(wanted & positive) for positive in self.said.values()) / len(self.said)

    def vote(self, names: Iterable[str]) -> State:
        """Return what most readers say of it."""
        share = self.share(names)
        return State.UNCERTAIN if share == 0.5 else State.PRESENT if share > 0.5 else State.ABSENT


class VinDrCxr:
    """The reader."""

    id: str = "vindr_cxr"
    title: str = "VinDr-CXR"
    labels: tuple[str, ...] = tuple(label for label in LABELS if label in _SAID)
    published: tuple[int | None, int | None, int | None] = (18_000, None, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds train/ and test/; a half may be missing, and images in part."""
        problems: list[Problem] = []
        places = Places(root, [root])
        tables = {half: find_table(root, *_folders(f"image_labels_{half}.csv")) for half in _SPLITS}
        if not any(tables.values()):
            competition = open_table(
                root,
                *_folders("image_labels_train.csv"),
                "train.csv",
                columns=("image_id", "class_name", "class_id", "rad_id", *_EDGES),
            )
            images = _drawn(competition, problems)
            return Reading(_records(images, _KAGGLE, "train", root, places, problems), problems)
        boxes = {half: find_table(root, *_folders(f"annotations_{half}.csv")) for half in _SPLITS}
        require(
            [
                *((table, _label_columns(half)) for half, table in tables.items()),
                *(
                    (table, (*_BOXES, "rad_id") if half == "train" else _BOXES)
                    for half, table in boxes.items()
                ),
            ]
        )
        records: list[Record] = []
        for half, table in tables.items():
            if table is None:
                problems.append(
                    Problem(f"image_labels_{half}.csv", "without this table the half is not read")
                )
                continue
            images = _labelled(table, _names(half), problems)
            _add_boxes(images, boxes[half], f"annotations_{half}.csv", problems)
            records += _records(images, _names(half), half, root, places, problems)
        return Reading(records, problems)


def _folders(name: str) -> tuple[str, ...]:
    return f"annotations/{name}", name, f"*/{name}"


def _names(half: str) -> tuple[str, ...]:
    return (*_NAMES, _OTHER[half])


def _label_columns(half: str) -> tuple[str, ...]:
    return ("image_id", *(("rad_id",) if half == "train" else ()), *_names(half))


def _labelled(table: Table, names: Sequence[str], problems: list[Problem]) -> dict[str, _Image]:
    images: dict[str, _Image] = {}
    for where, cells in table.rows():
        strange = [name for name in names if cells[name] not in _STATES]
        if strange:
            problems.append(Problem(where, f"{strange[0]} is {cells[strange[0]]!r}, not 1 or 0"))
            continue
        image = images.setdefault(cells["image_id"], _Image())
        positive = image.said.setdefault(cells.get("rad_id", _CONSENSUS), set())
        positive.update(name for name in names if _STATES[cells[name]])
    return images


def _drawn(table: Table, problems: list[Problem]) -> dict[str, _Image]:
    """Return the images of Kaggle's table, whose rows are all that a reader says of an image."""
    images: dict[str, _Image] = {}
    for where, cells in table.rows():
        name = cells["class_name"]
        if name not in _KAGGLE or cells["class_id"] != str(_KAGGLE.index(name)):
            problems.append(
                Problem(where, f"{name!r} with class_id {cells['class_id']} is no name of this table")
            )
            continue
        image = images.setdefault(cells["image_id"], _Image())
        image.said.setdefault(cells["rad_id"], set()).add(name)
        _add_box(image, where, cells, problems)
    return images


def _add_boxes(images: Mapping[str, _Image], table: Table | None, name: str, problems: list[Problem]) -> None:
    if table is None:
        problems.append(Problem(name, "without this table there are no boxes"))
        return
    for where, cells in table.rows():
        if cells["image_id"] in images:
            _add_box(images[cells["image_id"]], where, cells, problems)
        else:
            problems.append(Problem(where, f"no row of the labels has the image {cells['image_id']}"))


def _add_box(image: _Image, where: str, cells: Mapping[str, str], problems: list[Problem]) -> None:
    if not any(cells[edge] for edge in _EDGES):  # "No finding", and findings of the whole image
        return
    try:
        corners = tuple(float(cells[edge]) for edge in _EDGES)
    except ValueError:
        problems.append(Problem(where, f"{[cells[edge] for edge in _EDGES]} are not four numbers"))
        return
    image.boxes.append((cells.get("rad_id", _CONSENSUS), cells["class_name"], corners))


def _records(
    images: Mapping[str, _Image],
    names: Sequence[str],
    half: str,
    root: Path,
    places: Places,
    problems: list[Problem],
) -> list[Record]:
    records = []
    for name, image in images.items():
        file = places.find(*(f"{half}/{name}{ending}" for ending in (".dicom", ".dcm", "")))
        if file is None:
            problems.append(Problem(f"{half}/{name}.dicom", "the image is not there"))
            continue
        header = header_or_problem(root, file, problems)
        if header is None:
            continue
        votes = Counter(said for positive in image.said.values() for said in sorted(positive))
        records.append(
            Record(
                dataset="vindr_cxr",
                image=file,
                patient=f"vindr_cxr:{name}",
                study=f"vindr_cxr:{name}",
                view=ViewPosition.PA,
                labels=_labels(image, names),
                votes=_votes(image, names) if half == "train" else {},
                split=_SPLITS[half],
                sex=header.sex,
                age_years=header.age_years,
                boxes=_regions(image, header, where=file, problems=problems),
                labelled_by=_CONSENSUS if half == "test" else "radiologist",
                attributes={
                    "readers": str(len(image.said)),
                    "votes": "|".join(f"{said}: {votes[said]}" for said in names if votes[said]),
                },
            )
        )
    return records


def _spellings(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of each label."""
    spellings: dict[str, list[str]] = {}
    for name in names:
        for label in NAMES["vindr-cxr"][name]:
            spellings.setdefault(label, []).append(name)
    return spellings


def _labels(image: _Image, names: Sequence[str]) -> dict[str, State]:
    labels = {label: image.vote(spellings) for label, spellings in _spellings(names).items()}
    for name in set(names) & EITHER["vindr-cxr"].keys():
        if image.vote([name]) is State.ABSENT:
            labels.update(dict.fromkeys(EITHER["vindr-cxr"][name], State.ABSENT))
    return labels


def _votes(image: _Image, names: Sequence[str]) -> dict[str, float]:
    """Return the share of readers who see each label; of a name for either of two, only that nobody does."""
    votes = {label: image.share(spellings) for label, spellings in _spellings(names).items()}
    for name in set(names) & EITHER["vindr-cxr"].keys():
        if not image.share([name]):
            votes.update(dict.fromkeys(EITHER["vindr-cxr"][name], 0.0))
    return votes


def _regions(image: _Image, header: Header, *, where: str, problems: list[Problem]) -> tuple[Region, ...]:
    """Return the boxes of what more than half of the readers drew."""
    drawers: dict[str, set[str]] = {}
    for reader, name, _ in image.boxes:
        drawers.setdefault(name, set()).add(reader)
    regions = []
    for _, name, corners in image.boxes:
        if 2 * len(drawers[name]) <= len(image.said):
            continue
        try:
            label = label_for("vindr-cxr", name) or name
            regions.append(region_of(label, corners, width=header.columns, height=header.rows))
        except ValueError as error:
            problems.append(Problem(where, f"a box of {name} is left out: {error}"))
    return tuple(regions)
