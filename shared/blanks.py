"""What a label is that a data set leaves blank, as a classifier's card says of its training and figures."""

from enum import StrEnum


class Blank(StrEnum):
    """What a label is that CheXpert, CheXpert Plus, MIMIC-CXR or BRAX leave blank: no report mentions it.

    `training/truth.py` says on whose word.
    """

    IGNORE = "ignore"
    """Not known."""
    ZEROS = "zeros"
    """Absent."""
