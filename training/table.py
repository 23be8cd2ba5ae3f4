"""The unified table: what every data set becomes, one row an image, as values and as Parquet.

    Record                 one image with all that its data set says of it
    to_table, from_table   records <-> pyarrow Table
    write, read            Parquet file

A label is PRESENT, ABSENT, UNCERTAIN or, when a record does not name it, not labelled: tables of data sets
with different labels can be put under one another, and what one of them did not ask for is null there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from shared.domain.findings import ViewPosition
from shared.labels import LABELS


class State(IntEnum):
    """What a data set says of one label on one image, as CheXpert writes it; null is not labelled."""

    PRESENT = 1
    ABSENT = 0
    UNCERTAIN = -1


class Split(StrEnum):
    """What a patient's images are used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle around something, in fractions of the image's width and height, the origin top left.

    Attributes:
        name: what it shows: a label's id, or the data set's own word where no label says the same.
        outline: (x, y) of the corners of the polygon that it shows, in the same fractions, where the data set
            draws one; they may lie outside the image, at whose edge the rectangle is cut.
    """

    name: str
    left: float
    top: float
    right: float
    bottom: float
    outline: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Mask:
    """Pixels of one kind, run-length encoded as COCO does: counts of 0s and 1s in turn, column by column.

    Attributes:
        name: like `Region.name`.
        rows: of the image.
        columns: of the image.
        counts: run lengths from the top left, the first of them 0s; their sum is rows * columns.
    """

    name: str
    rows: int
    columns: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a grounded report.

    Attributes:
        text: by language (ISO 639-1).
        abnormal: whether it reports something abnormal.
        regions: where; none for what is absent, or for what has no place.
        progression: of what was seen before, in the data set's words; "" when nothing is said.
        labels: all that it names, in the data set's words.
        locations: likewise, where.
    """

    text: Mapping[str, str]
    abnormal: bool
    regions: tuple[Region, ...] = ()
    progression: str = ""
    labels: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One image.

    Attributes:
        dataset: id of the data set: "nih".
        image: path of the file below the data set's folder, with "/".
        patient: the data set's id and the patient's, "nih:13"; equal for all images of a patient.
        study: likewise; images of one examination share it.
        view: frontal views are PA or AP; whatever is seen from the side is LATERAL.
        labels: id of `shared/labels.py` -> what is said of it; "No_Finding" among them where it is said.
        split: the official one; None where there is none, or for images outside of it.
        sex: "F", "M" or "".
        age_years: None where it is not given or not possible.
        boxes: of whatever the data set draws boxes around.
        masks: of whatever it outlines.
        sections: of the report, by name: "indication", "comparison", "technique", "findings", "impression",
            and "report" for the whole text.
        language: of the report (ISO 639-1); "" without one.
        sentences: of a grounded report.
        labelled_by: who set the labels: "text mining", "radiologist", "consensus", "network", in short.
        attributes: what else the data set says and a researcher needs, as it writes it.
        votes: id -> share of the image's readers who say that it is there; of sets whose readers read alone.
    """

    dataset: str
    image: str
    patient: str
    study: str
    view: ViewPosition
    labels: Mapping[str, State]
    split: Split | None = None
    sex: str = ""
    age_years: float | None = None
    boxes: tuple[Region, ...] = ()
    masks: tuple[Mask, ...] = ()
    sections: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    sentences: tuple[Sentence, ...] = ()
    labelled_by: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    votes: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = (self.labels.keys() | self.votes.keys()) - LABELS.keys()
        if unknown:
            message = f"{self.image}: {sorted(unknown)} are no labels of the vocabulary (shared/labels.py)"
            raise ValueError(message)


_TEXTS: Final = pa.map_(pa.string(), pa.string())
_REGION: Final = pa.struct(
    [
        ("name", pa.string()),
        *((side, pa.float32()) for side in ("left", "top", "right", "bottom")),
        ("outline", pa.list_(pa.list_(pa.float32(), 2))),
    ]
)
_MASK: Final = pa.struct(
    [("name", pa.string()), ("rows", pa.int32()), ("columns", pa.int32()), ("counts", pa.list_(pa.int32()))]
)
_SENTENCE: Final = pa.struct(
    [
        ("text", _TEXTS),
        ("abnormal", pa.bool_()),
        ("regions", pa.list_(_REGION)),
        ("progression", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("locations", pa.list_(pa.string())),
    ]
)
SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("dataset", "image", "patient", "study", "view", "split", "sex")),
        ("age_years", pa.float32()),
        *((label, pa.int8()) for label in LABELS),
        ("boxes", pa.list_(_REGION)),
        ("masks", pa.list_(_MASK)),
        ("sections", _TEXTS),
        ("language", pa.string()),
        ("sentences", pa.list_(_SENTENCE)),
        ("labelled_by", pa.string()),
        ("attributes", _TEXTS),
        ("votes", pa.map_(pa.string(), pa.float32())),
    ]
)
"""A column a label, named by its id; of every other, the name of `Record`'s attribute."""


def to_table(records: Iterable[Record]) -> pa.Table:
    """Return records as a table of `SCHEMA`."""
    return pa.Table.from_pylist([_row(record) for record in records], schema=SCHEMA)


def from_table(table: pa.Table) -> list[Record]:
    """Return the records of a table of `SCHEMA`."""
    return [_record(row) for row in table.to_pylist()]


def write(path: Path, records: Iterable[Record]) -> None:
    """Write a Parquet file; a file that was there is replaced at the end, so it is never half a table."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    pq.write_table(to_table(records), unfinished, compression="zstd")
    unfinished.replace(path)


def read(path: Path) -> list[Record]:
    """Read a Parquet file that `write` wrote.

    Raises:
        ValueError: it is no such file; the message names it.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        message = f"{path} cannot be read as a table: {error}"
        raise ValueError(message) from error
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        message = f"{path} lacks the columns {missing}; write it anew: python -m training.data table"
        raise ValueError(message)
    return from_table(table)


def _row(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {
        "dataset": record.dataset,
        "image": record.image,
        "patient": record.patient,
        "study": record.study,
        "view": record.view.value,
        "split": record.split and record.split.value,
        "sex": record.sex,
        "age_years": record.age_years,
        "boxes": [_plain_region(region) for region in record.boxes],
        "masks": [
            {"name": m.name, "rows": m.rows, "columns": m.columns, "counts": m.counts} for m in record.masks
        ],
        "sections": list(record.sections.items()),
        "language": record.language,
        "sentences": [
            {
                "text": list(sentence.text.items()),
                "abnormal": sentence.abnormal,
                "regions": [_plain_region(region) for region in sentence.regions],
                "progression": sentence.progression,
                "labels": sentence.labels,
                "locations": sentence.locations,
            }
            for sentence in record.sentences
        ],
        "labelled_by": record.labelled_by,
        "attributes": list(record.attributes.items()),
        "votes": list(record.votes.items()),
    }
    return row | {label: int(state) for label, state in record.labels.items()}


def _plain_region(region: Region) -> dict[str, Any]:
    return {
        "name": region.name,
        "left": region.left,
        "top": region.top,
        "right": region.right,
        "bottom": region.bottom,
        "outline": region.outline,
    }


def _region(row: Mapping[str, Any]) -> Region:
    corners = tuple((x, y) for x, y in row["outline"])
    return Region(row["name"], row["left"], row["top"], row["right"], row["bottom"], corners)


def _record(row: Mapping[str, Any]) -> Record:
    return Record(
        dataset=row["dataset"],
        image=row["image"],
        patient=row["patient"],
        study=row["study"],
        view=ViewPosition(row["view"]),
        labels={label: State(row[label]) for label in LABELS if row[label] is not None},
        split=None if row["split"] is None else Split(row["split"]),
        sex=row["sex"],
        age_years=row["age_years"],
        boxes=tuple(_region(region) for region in row["boxes"]),
        masks=tuple(Mask(m["name"], m["rows"], m["columns"], tuple(m["counts"])) for m in row["masks"]),
        sections=dict(row["sections"]),
        language=row["language"],
        sentences=tuple(
            Sentence(
                text=dict(s["text"]),
                abnormal=s["abnormal"],
                regions=tuple(_region(region) for region in s["regions"]),
                progression=s["progression"],
                labels=tuple(s["labels"]),
                locations=tuple(s["locations"]),
            )
            for s in row["sentences"]
        ),
        labelled_by=row["labelled_by"],
        attributes=dict(row["attributes"]),
        votes=dict(row["votes"]),
    )
