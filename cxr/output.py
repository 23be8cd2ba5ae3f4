"""What the command prints: results on stdout, everything else on stderr."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cxr.models import Finding, Findings, Place, Study

out: Final = Console(highlight=False, soft_wrap=True)
notes: Final = Console(stderr=True, highlight=False, soft_wrap=True)

_BAR_CELLS: Final = 30
_ORDER: Final = {"present": 0, "uncertain": 1, "absent": 2}
_STYLES: Final = {"present": "bold red", "uncertain": "yellow", "absent": "dim"}
_MARKS: Final = {"present": "+", "uncertain": "?", "absent": "-"}


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
"""The option that every command has."""


def typed() -> str:
    """Return the command as the reader can type it where they stand."""
    if shutil.which("cxr") or not sys.argv[0].endswith("cxr"):
        return "cxr"
    program = Path(sys.argv[0]).absolute()
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)


def as_typed(text: str) -> str:
    """Return a text whose `cxr …` in backquotes can be typed where the reader stands."""
    return text.replace("`cxr ", f"`{typed()} ")


def print_json(value: BaseModel | Sequence[BaseModel] | Sequence[dict[str, Any]] | dict[str, Any]) -> None:
    """Print one JSON document and nothing else."""
    if isinstance(value, BaseModel):
        content: Any = value.model_dump(mode="json")
    elif isinstance(value, dict):
        content = value
    else:
        content = [item.model_dump(mode="json") if isinstance(item, BaseModel) else item for item in value]
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be written; it is there whole or as it was before."""
    if path.exists() and not path.is_file():  # /dev/stdout, a named pipe: nothing to put in its place
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()
    draft = path.with_name(f".cxr-{os.getpid()}")
    opened = _open_draft(draft, path)
    try:
        with opened as file:
            if path.exists():
                shutil.copymode(path, draft)
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _open_draft(draft: Path, path: Path) -> BinaryIO:
    try:
        return draft.open("wb")
    except OSError as error:
        error.filename = str(path)  # the name that the caller knows
        raise


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; in a pipe as wide as it is, with a tab between the columns."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=heading in {"id", "name"})
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    out.print(table)


def print_findings(findings: Findings) -> None:
    """Print every finding as a bar with its threshold, the present ones first."""
    table = Table(box=None, pad_edge=False, show_header=False)
    ordered = sorted(findings.findings, key=lambda one: (_ORDER.get(one.status, 3), -one.probability))
    for finding in ordered:
        table.add_row(
            f"{_MARKS.get(finding.status, ' ')} {finding.name or finding.label}",
            f"{finding.probability:.2f}",
            bar(finding, cells=_BAR_CELLS, plain=not _draws_blocks()),
            finding.status,
            place_words(finding.place) if finding.place else "",
            style=_STYLES.get(finding.status, ""),
        )
    out.print(table)
    out.print(
        f"| is the label's threshold. Classifier {findings.model.id} {findings.model.version}.", style="dim"
    )


def place_words(place: Place) -> str:
    """Say where a finding is in a few words: "right as displayed, lower"."""
    sides = "both sides" if place.side == "both" else place.side
    if place.as_displayed and place.side in {"left", "right"}:
        sides = f"{sides} as displayed"
    return ", ".join(filter(None, (sides, place.zone)))


def bar(finding: Finding, *, cells: int, plain: bool) -> str:
    """Draw a probability as a bar of so many cells, its threshold as an upright line in it."""
    full, empty = ("#", ".") if plain else ("█", "░")
    filled = round(finding.probability * cells)
    drawn = [full if cell < filled else empty for cell in range(cells)]
    drawn[min(int(finding.threshold * cells), cells - 1)] = "|"
    return "".join(drawn)


def describe(study: Study) -> str:
    """Say in one line where a study stands."""
    line = f"study {study.id}: {study.status}"
    if study.error:
        where = f" ({study.error.file})" if study.error.file else ""
        line += f": {study.error.detail}{where}"
    return line


def print_critical(study: Study) -> None:
    """Print the study's critical findings, if it has any, so that nobody overlooks them."""
    if study.critical:
        out.print(f"!! CRITICAL: {', '.join(study.critical)}", style="bold white on red", markup=False)


def _draws_blocks() -> bool:
    return (out.encoding or "").lower().startswith("utf")
