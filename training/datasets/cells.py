"""What the cells of data sets' tables say: a view, a sex, an age, the state of a label.

    view_of      "PA", "LL", "XTABLE LATERAL" -> ViewPosition; UNKNOWN for what is neither frontal nor lateral
    sex_of       "Male", "F", "Unknown" -> "M", "F", ""
    age_of       "58", "058Y", "011M", "68.0" -> years; None when blank or not possible
    states_of    the columns 1, 0, -1, blank that CheXpert began -> State of each label that is spoken of

What a cell does not say clearly is not guessed.
"""

import re
from collections.abc import Mapping
from typing import Final

from shared.domain.findings import ViewPosition
from training.datasets.label_names import Spellings
from training.table import State

OLDEST: Final = 120.0
"""Years. NIH's first table has ages up to 414."""

_LATERAL: Final = ("LATERAL", "LL", "RL", "L", "XTABLE LATERAL", "LARGE LATERAL")
_VIEWS: Final = {"PA": ViewPosition.PA, "AP": ViewPosition.AP} | dict.fromkeys(_LATERAL, ViewPosition.LATERAL)
_YEARS: Final = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_STATES: Final = {"1": State.PRESENT, "0": State.ABSENT, "-1": State.UNCERTAIN}
_BLANK: Final = ("", "nan", "none")


def view_of(cell: str) -> ViewPosition:
    """Return a view as it is stated; decubitus, oblique and axial ones are UNKNOWN."""
    return _VIEWS.get(cell.strip().upper(), ViewPosition.UNKNOWN)


def sex_of(cell: str) -> str:
    """Return "F", "M", or "" for whatever else is written."""
    return {"m": "M", "male": "M", "f": "F", "female": "F"}.get(cell.strip().lower(), "")


def age_of(cell: str) -> float | None:
    """Return years; None when blank, unreadable or above `OLDEST`.

    A DICOM age string ends in Y, M, W or D (PS3.5, section 6.2).
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([YMWD]?)", cell.strip().upper())
    if match is None:
        return None
    years = float(match[1]) * _YEARS[match[2]]
    return years if years <= OLDEST else None


def states_of(cells: Mapping[str, object], names: Spellings) -> dict[str, State]:
    """Return what the columns of labels say; a label whose column is blank is not in the answer.

    Args:
        cells: 1, 0, -1 as text or number, "" or None; columns that are no labels do not matter.
        names: the data set's table of `training/datasets/label_names.py`.

    Raises:
        ValueError: a column holds something else; the message names it.
    """
    states = {}
    for name in [name for name in names if name in cells]:
        cell = "" if cells[name] is None else str(cells[name]).strip().lower()
        if cell in _BLANK:
            continue
        state = _STATES.get(cell.removesuffix(".0"))
        if state is None:
            message = f"{name} is {cells[name]!r}, not 1, 0, -1 or blank"
            raise ValueError(message)
        states.update(dict.fromkeys(names[name], state))
    return states
