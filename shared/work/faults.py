"""Named points of a study's way, at which a test may make a worker hang, burn or die.

Map: `Point` -> `at` registers a fault, `passing` is called where the work goes by.
"""

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """Where a fault may be; each name says whose work it is and what was done last."""

    CNN_AFTER_CLAIM = "cnn-after-claim"
    CNN_DECODING = "cnn-decoding"
    """In the decoder's own process; its detail is the file's name."""
    CNN_AFTER_STORAGE_WRITE = "cnn-after-storage-write"
    CNN_BEFORE_COMMIT = "cnn-before-commit"
    """Everything is written, and no one else sees it yet."""
    LLM_AFTER_CLAIM = "llm-after-claim"
    LLM_BEFORE_WRITE = "llm-before-write"
    LLM_BEFORE_COMMIT = "llm-before-commit"


_faults: dict[Point, Callable[[str], None]] = {}


def at(point: Point, fault: Callable[[str], None]) -> None:
    """Register what happens in this process at a point; called with the point's detail."""
    _faults[point] = fault


def passing(point: Point, detail: str = "") -> None:
    """Do what was registered for a point; nothing in a process in which no test did so."""
    if fault := _faults.get(point):
        fault(detail)
