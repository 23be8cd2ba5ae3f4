"""Object-CXR (JF Healthcare): 10,000 frontal radiographs, half of them with foreign objects, outlined.

JF Healthcare 2020, "object-CXR: Automatic detection of foreign objects on chest X-rays", challenge of MIDL
2020. Layout: the challenge's README, "Data" and "Annotation" (its page is gone; copies of it are kept).

    train.csv, dev.csv        image_name (image_path in an early version) and annotation
    train/, dev/, test/       JPEG of many sizes: 8,000, 1,000 and 1,000
    test.csv                  where somebody has it; without it the test images are read without annotation

An annotation is "TYPE x1 y1 x2 y2 ...;TYPE ...", in pixels from the top left: 0 a rectangle, 1 an ellipse by
the rectangle around it, 2 a polygon. A blank one says that there is no foreign object, which 12 radiologists
looked for over the lungs alone. Support devices were not annotated, so nothing here is `Support_Devices`.
Each object is a box; an ellipse and a polygon have their outline too. There are no patients: each image
counts as one of its own.
"""

from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image

from shared.domain.findings import ViewPosition
from training.datasets.base import DatasetError, Problem, Reading
from training.datasets.csv_tables import Table, find_table, open_table
from training.datasets.places import Places
from training.datasets.regions import ellipse_of, polygon_of, region_of
from training.table import Record, Region, Split, State

_SPLITS: Final = {"train": Split.TRAIN, "dev": Split.VALIDATION, "test": Split.TEST}
_IMAGE: Final = ("image_name", "image_path")
_OBJECT: Final = "Foreign_Object"
_RECTANGLE, _ELLIPSE, _POLYGON = "0", "1", "2"


class ObjectCxr:
    """The reader."""

    id: str = "object_cxr"
    title: str = "Object-CXR (JF Healthcare)"
    labels: tuple[str, ...] = (_OBJECT,)
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
        boxes = _shapes(cells["annotation"], size, where=where, problems=problems)
        records.append(_record(image, part, annotation=cells["annotation"], boxes=boxes))
    return records


def _record(
    image: str, part: str, *, annotation: str | None = None, boxes: tuple[Region, ...] = ()
) -> Record:
    patient = f"object_cxr:{PurePosixPath(image).stem}"
    labels = {} if annotation is None else {_OBJECT: State.PRESENT if annotation else State.ABSENT}
    return Record(
        dataset="object_cxr",
        image=image,
        patient=patient,
        study=patient,
        view=ViewPosition.UNKNOWN,
        labels=labels,
        split=_SPLITS[part],
        boxes=boxes,
        labelled_by="" if annotation is None else "radiologist",
    )


def _shapes(
    annotation: str, size: tuple[int, int], *, where: str, problems: list[Problem]
) -> tuple[Region, ...]:
    """Return what an annotation draws; a shape that is none becomes a problem.

    Args:
        size: columns and rows of the image.
    """
    shapes: list[Region] = []
    for text in filter(None, (shape.strip() for shape in annotation.split(";"))):
        try:
            shapes.append(_shape(text, *size))
        except ValueError as error:
            problems.append(Problem(where, f"the shape {text!r} is left out: {error}"))
    return tuple(shapes)


def _shape(text: str, columns: int, rows: int) -> Region:
    """Return one shape.

    Raises:
        ValueError: it is no such shape, or outside the image.
    """
    kind, *numbers = text.split()
    values = [float(number) for number in numbers]
    if kind == _RECTANGLE and len(values) == 4:
        return region_of(_OBJECT, values, width=columns, height=rows)
    if kind == _ELLIPSE and len(values) == 4:
        return ellipse_of(_OBJECT, values, width=columns, height=rows)
    if kind == _POLYGON and len(values) >= 6 and len(values) % 2 == 0:
        corners = list(zip(values[0::2], values[1::2], strict=True))
        return polygon_of(_OBJECT, corners, width=columns, height=rows)
    message = f"{len(values)} numbers after {kind!r}"
    raise ValueError(message)
