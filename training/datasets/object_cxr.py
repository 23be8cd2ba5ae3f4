"""Object-CXR (JF Healthcare): 10,000 frontal radiographs, half of them with foreign objects, outlined.

JF Healthcare 2020, "object-CXR: Automatic detection of foreign objects on chest X-rays", challenge of MIDL
2020. Layout: the challenge's README, "Data" and "Annotation" (its page is gone; copies of it are kept).

    train.csv, dev.csv        image_name (image_path in an early version) and annotation
    train/, dev/, test/       JPEG of many sizes: 8,000, 1,000 and 1,000
    test.csv                  where somebody has it; without it the test images are read without annotation

An annotation is "TYPE x1 y1 x2 y2 ...;TYPE ...", in pixels from the top left: 0 a rectangle, 1 an ellipse by
the rectangle around it, 2 a polygon. A blank one says that there is no foreign object. No label of the
vocabulary says that there is one, least of all Support_Devices, which were not annotated: so the records
have boxes, masks of polygons, and the attribute `foreign_object`, "1" or "0". Objects outside the lungs were
not annotated either. There are no patients: each image counts as one of its own.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image

from shared.domain.findings import ViewPosition
from training.datasets.base import DatasetError, Problem, Reading
from training.datasets.csv_tables import Table, find_table, open_table
from training.datasets.places import Places
from training.datasets.regions import polygon_mask, region_of
from training.table import Mask, Record, Region, Split

_SPLITS: Final = {"train": Split.TRAIN, "dev": Split.VALIDATION, "test": Split.TEST}
_IMAGE: Final = ("image_name", "image_path")
_OBJECT: Final = "foreign object"
_RECTANGLE, _ELLIPSE, _POLYGON = "0", "1", "2"


class ObjectCxr:
    """The reader."""

    id: str = "object_cxr"
    title: str = "Object-CXR (JF Healthcare)"
    labels: tuple[str, ...] = ()
    published: tuple[int | None, int | None, int | None] = (10_000, None, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the tables; one of them is enough, and images may be there in part."""
        places = Places(root, [root])
        tables = {part: find_table(root, f"{part}.csv", f"*/{part}.csv") for part in _SPLITS}
        if not any(tables.values()):
            open_table(root, "train.csv", "*/train.csv", "dev.csv", "*/dev.csv")
        problems: list[Problem] = []
        records: list[Record] = []
        for part, table in tables.items():
            if table is not None:
                records += _annotated(table, part, root, places, problems)
            elif part == "test":
                records += [
                    _record(path.relative_to(root).as_posix(), part)
                    for path in sorted((root / part).glob("*.jp*g"))
                ]
            else:
                problems.append(Problem(f"{part}.csv", "without this table its images are not read"))
        return Reading(records, problems)


def _annotated(table: Table, part: str, root: Path, places: Places, problems: list[Problem]) -> list[Record]:
    column = next((name for name in _IMAGE if name in table.columns), None)
    if column is None or "annotation" not in table.columns:
        message = (
            f"{table.path} lacks the columns image_name (or image_path) and annotation; "
            f"it has {', '.join(table.columns)}"
        )
        raise DatasetError(message)
    records = []
    for where, cells in table.rows():
        name = PurePosixPath(cells[column]).name
        image = places.find(f"{part}/{name}", name)
        if image is None:
            problems.append(Problem(f"{part}/{name}", "the image is not there"))
            continue
        try:
            with Image.open(root / image) as opened:
                size = opened.size
        except OSError as error:
            problems.append(Problem(image, f"it cannot be read as an image ({type(error).__name__})"))
            continue
        boxes, masks = _shapes(cells["annotation"], size, where=where, problems=problems)
        records.append(_record(image, part, annotation=cells["annotation"], boxes=boxes, masks=masks))
    return records


def _record(
    image: str,
    part: str,
    *,
    annotation: str | None = None,
    boxes: tuple[Region, ...] = (),
    masks: tuple[Mask, ...] = (),
) -> Record:
    patient = f"object_cxr:{PurePosixPath(image).stem}"
    attributes: Mapping[str, str] = {}
    if annotation is not None:
        attributes = {"foreign_object": "1" if annotation else "0"}
    return Record(
        dataset="object_cxr",
        image=image,
        patient=patient,
        study=patient,
        view=ViewPosition.UNKNOWN,
        labels={},
        split=_SPLITS[part],
        boxes=boxes,
        masks=masks,
        labelled_by="" if annotation is None else "radiologist",
        attributes=attributes,
    )


def _shapes(
    annotation: str, size: tuple[int, int], *, where: str, problems: list[Problem]
) -> tuple[tuple[Region, ...], tuple[Mask, ...]]:
    """Return the boxes around all shapes, and the masks of polygons.

    Args:
        size: columns and rows of the image.
    """
    columns, rows = size
    boxes: list[Region] = []
    masks: list[Mask] = []
    for text in filter(None, (shape.strip() for shape in annotation.split(";"))):
        try:
            kind, corners = _corners(text)
            across, down = [x for x, _ in corners], [y for _, y in corners]
            around = (min(across), min(down), max(across), max(down))
            boxes.append(region_of(_OBJECT, around, width=columns, height=rows))
            if kind == _POLYGON:
                masks.append(polygon_mask(_OBJECT, corners, rows=rows, columns=columns))
        except ValueError as error:
            problems.append(Problem(where, f"the shape {text!r} is left out: {error}"))
    return tuple(boxes), tuple(masks)


def _corners(text: str) -> tuple[str, list[tuple[float, float]]]:
    """Return the kind of a shape, and its corners: two of a rectangle or ellipse, more of a polygon.

    Raises:
        ValueError: it is no such shape.
    """
    kind, *numbers = text.split()
    values = [float(number) for number in numbers]
    corners = list(zip(values[0::2], values[1::2], strict=False))
    known = kind in (_RECTANGLE, _ELLIPSE) and len(values) == 4
    if not known and not (kind == _POLYGON and len(values) >= 6 and len(values) % 2 == 0):
        message = f"{len(values)} numbers after {kind!r}"
        raise ValueError(message)
    return kind, corners
