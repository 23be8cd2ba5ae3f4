"""Labels of either form, and the rows of a split.

read_labels   a unified Parquet table (`training/table.py`), else a CSV -> `LabelTable`
split_of_row  as the table says it, else by the hash that our own pool is split by
rows_of       the rows of one split
"""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from shared.blanks import Blank
from shared.labels import NO_FINDING
from training.scoring.label_table import Labelled, LabelTable, LabelTableError, Meaning, known, read_table
from training.splits import split_of
from training.table import Record, Split, read
from training.truth import told

_PARQUET: Final = b"PAR1"
_OUR_POOL: Final = "nih-"
"""How the patients are called that the bundled classifier was made from (`training/bundled/pool.py`)."""


def read_labels(path: Path, *, blank: Blank = Blank.IGNORE, views: Collection[str] = ()) -> LabelTable:
    """Read a table of labels, Parquet by its content: what a pipeline hands over has no ending.

    Args:
        blank: what a blank label of CheXpert and its kin is.
        views: of a Parquet table, the ones that are read; all where none is named.

    Raises:
        LabelTableError: it cannot be read, or means no image for sure.
    """
    try:
        with path.open("rb") as file:
            unified = file.read(len(_PARQUET)) == _PARQUET
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise LabelTableError(message) from error
    if not unified:
        return read_table(path, blank=blank)
    try:
        records = read(path)
    except ValueError as error:
        raise LabelTableError(str(error)) from error
    return labels_of(records, where=str(path), blank=blank, views=views)


def labels_of(
    records: Sequence[Record], *, where: str, blank: Blank = Blank.IGNORE, views: Collection[str] = ()
) -> LabelTable:
    """Return the records that a training takes from the same table, with the same split and truth.

    Raises:
        LabelTableError: there is no record, or two data sets have an image of the same name.
    """
    twice = [image for image, times in Counter(record.image for record in records).items() if times > 1]
    if twice:
        message = f"{where} has {len(twice)} images twice, as {twice[0]}; give a table of one data set"
        raise LabelTableError(message)
    used = told(records, blank=blank, views=views)
    names = sorted({label for record in used for label in record.labels} - {NO_FINDING})
    if not names:
        some = f"image of the views {', '.join(views)}" if views else "image"
        message = f"{where} holds no {some} with a label; write it anew: python -m training.data table"
        raise LabelTableError(message)
    rows = tuple(
        Labelled(
            file=record.image,
            patient=record.patient,
            view=record.view.value,
            labels=known(record.labels),
            sex=record.sex,
            age_years=record.age_years,
            source=record.dataset,
            split=record.split,
            study=record.study,
        )
        for record in used
    )
    return LabelTable(rows, {name: Meaning((name,)) for name in names})


def split_of_row(row: Labelled) -> Split | None:
    """Return the split that the table states, else that of our own pool's patients, else None."""
    if row.split is None and row.patient.startswith(_OUR_POOL):
        return split_of(row.patient)
    return row.split


def rows_of(rows: Sequence[Labelled], split: Split) -> list[Labelled]:
    """Return the rows of a split.

    Raises:
        LabelTableError: there is none.
    """
    chosen = [row for row in rows if split_of_row(row) is split]
    if not chosen:
        message = f"no row is of a {split} patient of our pool, nor says that it is: leave out --split"
        raise LabelTableError(message)
    return chosen
