"""Any CSV of labels, whatever its columns are called: what it says of each file, in the project's own labels.

    names_of        a name, as any data set spells it -> the labels it says, or may say, are there
    read_table      CSV -> `LabelTable`: one `Labelled` a row, and the names that it uses
      one column for all labels    "Effusion|Mass", "No Finding"; cut at `;` or `|`
      else one column a label      1, 0, blank (not labelled), -1 (uncertain)

What follows from a row's words for labels that it leaves blank is made where it is made for every table
(`training/truth.py`). A label is in `Labelled.labels` only when it is then known whether it is there: what is
uncertain or not labelled is left out, and counts in no figure. `merged` makes one of all rows that speak of
one file.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from shared.blanks import Blank
from shared.labels import LABELS, NO_FINDING
from training.datasets.cells import age_of, sex_of
from training.datasets.label_names import EITHER, NAMES
from training.table import Split, State
from training.truth import MARKS_MENTIONS, completed

_FILE: Final = (
    "file", "filename", "filepath", "image", "imagename", "imagefile", "imagefilename", "imagepath", "path",
    "imageindex", "imageid", "dicomid", "imgid", "img", "fileid", "id",
)  # fmt: skip
_LABELS: Final = (
    "labels", "label", "findinglabels", "findinglabel", "findings", "finding", "pathologies", "pathology",
    "diagnoses", "diagnosis", "classname",
)  # fmt: skip
_PATIENT: Final = ("patientid", "patient", "subjectid", "subject")
_STUDY: Final = ("studyid", "study", "studyinstanceuid", "accessionnumber")
_VIEW: Final = ("view", "viewposition", "projection")
_SEX: Final = ("sex", "patientsex", "gender", "patientgender")
_AGE: Final = ("age", "patientage", "ageyears")
_SPLIT: Final = ("split",)
_SOURCE: Final = ("dataset", "source")
"""Column names as `_plain` leaves them; of several in one table the first named here is taken."""

_STATES: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("1", "1.0", "true", "yes"), True),
    **dict.fromkeys(("0", "0.0", "false", "no"), False),
    **dict.fromkeys(("-1", "-1.0"), None),
}
"""What stands in the column of one label; None is uncertain."""
_BLANK: Final = frozenset({"", "nan", "na", "none"})
"""What stands there when the label was not asked for, or not spoken of."""
_STATE_OF: Final = {True: State.PRESENT, False: State.ABSENT, None: State.UNCERTAIN}
_SPLITS: Final[Mapping[str, Split]] = {
    "train": Split.TRAIN,
    **dict.fromkeys(("validation", "validate", "valid", "val"), Split.VALIDATION),
    "test": Split.TEST,
}


class LabelTableError(ValueError):
    """A table of labels cannot be read; the message says what to change, in one line."""


class Meaning(NamedTuple):
    """What a name says when it is positive: each of `shown`, and at least one of `either`."""

    shown: tuple[str, ...]
    either: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Labelled:
    """One row.

    Attributes:
        file: as the table writes it.
        patient: the file, where the table names no patients: each image is then a patient of its own.
        view: "unknown" where the table does not say.
        labels: id -> whether it is there.
        sex: "F", "M" or "".
        age_years: None where the table does not say, or says what no age is.
        source: the data set, or where else it comes from; "" where the table does not say.
        split: None where the table does not say.
        study: the file, where the table names no studies.
    """

    file: str
    patient: str
    view: str
    labels: Mapping[str, bool]
    sex: str = ""
    age_years: float | None = None
    source: str = ""
    split: Split | None = None
    study: str = ""


@dataclass(frozen=True, slots=True)
class LabelTable:
    """A whole table.

    Attributes:
        names: every name of a label that it uses, with what the name means.
    """

    rows: tuple[Labelled, ...]
    names: Mapping[str, Meaning]

    @property
    def labels(self) -> frozenset[str]:
        """Return the ids of all labels that it speaks of, `NO_FINDING` aside."""
        said = {label for meaning in self.names.values() for label in (*meaning.shown, *meaning.either)}
        return frozenset(said - {NO_FINDING})


def names_of(name: str) -> Meaning:
    """Return what a name means in the first data set that has it, letter by letter; else whatever its case.

    A name that a data set has on purpose without a label (PadChest's bare "mass") has none here either.
    """
    exact = [spellings[name] for spellings in NAMES.values() if name in spellings]
    shown = next(filter(None, exact), () if exact else _ANY_CASE.get(_plain(name), ()))
    either = next((spellings[name] for spellings in EITHER.values() if name in spellings), ())
    return Meaning(shown, either)


def read_table(path: Path, *, blank: Blank = Blank.IGNORE) -> LabelTable:
    """Read a CSV (with commas, semicolons or tabs; in UTF-8, with or without a byte order mark).

    Args:
        blank: of a label in a row whose source is CheXpert or of its kin, by the id that the unified tables
            use; elsewhere a blank is not known, unless "No Finding" denies it.

    Raises:
        LabelTableError: it cannot be read, or has no column of files or none of labels.
    """
    rows = _rows(path)
    columns = [name for name in rows[0] if name]
    file = _column(columns, _FILE)
    if file is None:
        message = f"{path}: no column names the files; call it `file` (there are: {', '.join(columns)})"
        raise LabelTableError(message)
    all_labels = _column([name for name in columns if name != file], _LABELS)
    names = _listed(rows, all_labels) if all_labels else _headed(rows, columns, file)
    if not names:
        message = (
            f"{path}: no column holds labels; write `labels` (cut at ;) or one column a label, with 1 and 0 "
            f"(there are: {', '.join(columns)})"
        )
        raise LabelTableError(message)
    meanings = {name: names_of(name) for name in names}
    others = (_PATIENT, _VIEW, _SEX, _AGE, _SOURCE, _SPLIT, _STUDY)
    patient, view, sex, age, source, split, study = (_column(columns, names) for names in others)
    annotated = {label for meaning in meanings.values() for label in (*meaning.shown, *meaning.either)}
    read = []
    for number, row in enumerate(rows, start=2):
        where = f"{path}, row {number}"
        stated = _from_list(row[all_labels], names) if all_labels else _from_columns(row, names, where)
        origin = row[source] if source else ""
        said = combined(stated, meanings)
        deny = blank is Blank.ZEROS and origin in MARKS_MENTIONS and bool(stated)
        read.append(
            Labelled(
                file=row[file],
                patient=(row[patient] if patient else "") or row[file],
                view=(row[view] if view else "") or "unknown",
                labels=known(completed(said, annotated=annotated, blanks_deny=deny)),
                sex=sex_of(row[sex]) if sex else "",
                age_years=age_of(row[age]) if age else None,
                source=origin,
                split=_SPLITS.get(row[split].casefold()) if split else None,
                study=(row[study] if study else "") or row[file],
            )
        )
    return LabelTable(tuple(one for one in read if one.file), meanings)


def merged(rows: Iterable[Labelled], files: Mapping[str, Path]) -> dict[Path, Labelled]:
    """Return one row a file, without those of no file: a label is there when any row of the file says so.

    Some tables have a row for each box that is drawn, or for each reader.
    """
    found: dict[Path, Labelled] = {}
    for row in rows:
        path = files.get(row.file)
        if path is None:
            continue
        labels = dict(found[path].labels) if path in found else {}
        for label, there in row.labels.items():
            labels[label] = there or labels.get(label, False)
        found[path] = replace(found.get(path, row), labels=labels)
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    """Read all rows, stripped; a row that is cut short has blanks."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, restval="", delimiter=max(",;\t", key=header.count))
            rows = [_stripped(row) for row in reader]
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise LabelTableError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8; save it as UTF-8"
        raise LabelTableError(message) from error
    except csv.Error as error:
        message = f"{path} is no CSV ({error}); save it as CSV, with commas"
        raise LabelTableError(message) from error
    if not rows:
        message = f"{path} has no row; it needs a header and a row an image"
        raise LabelTableError(message)
    return rows


def _stripped(row: Mapping[str | Any, str | Any]) -> dict[str, str]:
    """Strip names and cells; cells beyond the header have no name and are left out."""
    return {name.strip(): cell.strip() for name, cell in row.items() if isinstance(cell, str)}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _column(columns: Iterable[str], known: Sequence[str]) -> str | None:
    """Return the column whose name stands first in `known`."""
    plain = {_plain(name): name for name in reversed(list(columns))}
    return next((plain[name] for name in known if name in plain), None)


def _listed(rows: Sequence[dict[str, str]], column: str) -> tuple[str, ...]:
    """Return the names in the one column of labels, in order of appearance."""
    return tuple(dict.fromkeys(name for row in rows for name in _cut(row[column])))


def _cut(cell: str) -> list[str]:
    if cell.startswith("[") and cell.endswith("]"):  # PadChest: ['pleural effusion', ' nodule']
        cell = re.sub(r"['\"]\s*,\s*['\"]", "|", cell[1:-1]).strip("'\"")
    return [name.strip() for name in re.split(r"[;|]", cell) if name.strip()]


def _headed(rows: Sequence[dict[str, str]], columns: Sequence[str], file: str) -> tuple[str, ...]:
    """Return the columns that are labels: those with a label's name, and others that hold states alone."""
    others = [name for name in columns if name != file and _plain(name) not in {*_PATIENT, *_VIEW, *_STUDY}]
    named = [name for name in others if any(names_of(name))]
    states = [name for name in others if all(row[name].casefold() in {*_STATES, *_BLANK} for row in rows)]
    if not named:
        return ()
    # A column that is always blank annotates nothing, whatever its name.
    blank = {name for name in others if all(row[name].casefold() in _BLANK for row in rows)}
    return tuple(name for name in others if name in {*named, *states} - blank)


def _from_list(cell: str, names: Iterable[str]) -> dict[str, bool | None]:
    """Return what a list says: names on it are there, the table's others are not; blank says nothing."""
    told = _cut(cell)
    return {name: name in told for name in names} if told else {}


def _from_columns(row: dict[str, str], names: Iterable[str], where: str) -> dict[str, bool | None]:
    stated = {}
    for name in names:
        cell = row[name].casefold()
        if cell in _BLANK:
            continue
        if cell not in _STATES:
            message = f"{where}, column {name}: write 1, 0, -1 (uncertain) or nothing, not {row[name]!r}"
            raise LabelTableError(message)
        stated[name] = _STATES[cell]
    return stated


def combined(stated: Mapping[str, bool | None], meanings: Mapping[str, Meaning]) -> dict[str, State]:
    """Turn what a row says of names (None is uncertain) into what it says of labels.

    A label is present when any of its names is, and absent when all of them are said to be; uncertain when
    one is and none is present.
    """
    votes: dict[str, list[State | None]] = {}
    for name, meaning in meanings.items():
        on = stated.get(name)
        state = _STATE_OF[on] if name in stated else None
        for label in meaning.shown:
            votes.setdefault(label, []).append(state)
        for label in meaning.either:
            votes.setdefault(label, []).append(State.UNCERTAIN if on else state)
    said = {}
    for label, states in votes.items():
        for state in (State.PRESENT, State.UNCERTAIN):
            if state in states:
                said[label] = state
                break
        else:
            if None not in states:
                said[label] = State.ABSENT
    return said


def known(said: Mapping[str, State]) -> dict[str, bool]:
    """Return whether each label is there of which that is known, `NO_FINDING` aside."""
    return {
        label: state is State.PRESENT
        for label, state in said.items()
        if label != NO_FINDING and state is not State.UNCERTAIN
    }


def _any_case() -> dict[str, tuple[str, ...]]:
    """Return the ids of every name that means one thing in all sets once case and signs are gone."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for label in LABELS.values():
        for name in (label.id, label.name_en):
            found.setdefault(_plain(name), set()).add((label.id,))
    for spellings in NAMES.values():
        for name, ids in spellings.items():
            if ids:
                found.setdefault(_plain(name), set()).add(ids)
    return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}


_ANY_CASE: Final = _any_case()
