"""What PS3.15 says of each attribute: table E.1-1, edition 2026c, with the options that are claimed here.

`table_e1_1.csv` has a line for each attribute: its tag, its keyword, the basic profile's action in the
standard's letters, and the options under which it is treated otherwise: `dates` (Retain Longitudinal Temporal
Information with Modified Dates), `device` (Retain Device Identity), `patient` (Retain Patient
Characteristics), `text` (Clean Descriptors). Private attributes, curves and overlays are whole groups and
stand in `header`. tests/unit/shared/test_deidentify_table.py holds it against dicom-anonymizer's copy.
"""

import csv
from enum import StrEnum
from importlib.resources import files
from typing import Final


class Action(StrEnum):
    """What is done to an attribute."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    UID = "U"
    KEEP = "K"
    SHIFT = "dates"
    DESCRIBE = "text"


def _of(letters: str, options: str) -> Action:
    """Choose where the standard leaves a choice: what keeps the object valid, as we know no IOD's types."""
    if Action.SHIFT in options:
        return Action.SHIFT
    if options in {"device", "patient"} or "device" in options.split():
        return Action.KEEP
    if Action.DESCRIBE in options:
        return Action.DESCRIBE
    # X/Z/U* are sequences of references: they stay, and the UIDs in them are replaced.
    return Action.KEEP if letters == "X/Z/U*" else basic_of(letters)


def basic_of(letters: str) -> Action:
    """Return the basic profile's action: of several the one that suits an attribute of every type."""
    return Action(letters.rsplit("/", maxsplit=1)[-1])


def _read() -> tuple[dict[int, Action], dict[int, Action]]:
    table = files("shared.dicom.deidentify").joinpath("table_e1_1.csv").read_text(encoding="ascii")
    rows = list(csv.DictReader(table.splitlines()))
    tags = [int(row["tag"], 16) for row in rows]
    chosen = {tag: _of(row["basic"], row["options"]) for tag, row in zip(tags, rows, strict=True)}
    basic = {
        tag: basic_of(row["basic"])
        for tag, row in zip(tags, rows, strict=True)
        if chosen[tag] in {Action.SHIFT, Action.DESCRIBE}
    }
    return chosen, basic


_READ: Final = _read()
ACTIONS: Final = _READ[0]
"""By tag; an attribute that the standard does not list is not in it."""
BASIC: Final = _READ[1]
"""Of what is shifted or described: what is done to it where nothing sound is left of its value."""

OPTIONS: Final = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113101", "Clean Pixel Data Option"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    ("113108", "Retain Patient Characteristics Option"),
    ("113109", "Retain Device Identity Option"),
)
"""What is claimed, by the codes of PS3.16 CID 7050."""
