"""The tables of docs/reference/dicom-pixels.md: by how many gray levels readers differ, of which files."""

import re

from tests.support.services import ROOT

PAGE = ROOT / "docs" / "reference" / "dicom-pixels.md"
_ROW = re.compile(r"^\| `(?P<what>[^`]+)` \| (?P<reader>[^|]+) \| (?P<most>\d+) \|", re.MULTILINE)


def documented(reader: str) -> dict[str, int]:
    """Return by how many levels of 0 to 255 a reader's pictures and ours differ: by kind, or by file."""
    return {
        row["what"]: int(row["most"])
        for row in _ROW.finditer(PAGE.read_text(encoding="utf-8"))
        if row["reader"].strip() == reader
    }


def unexplained(found: dict[str, int], explained: dict[str, int]) -> list[str]:
    """Say what differs more than the page has it, and what it has and does not differ."""
    more = [
        f"{what} differs by {levels}, and the page says {explained.get(what, 0)}"
        for what, levels in found.items()
        if levels > explained.get(what, 0)
    ]
    gone = [f"{what} is on the page, and does not differ" for what in explained if not found.get(what)]
    return more + gone
