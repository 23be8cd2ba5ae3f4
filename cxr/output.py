"""What the command prints: results on stdout, everything else on stderr."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from cxr.models import Finding, Findings, Study

out: Final = Console(highlight=False, soft_wrap=True)
notes: Final = Console(stderr=True, highlight=False, soft_wrap=True)

_BAR_CELLS: Final = 30
_ORDER: Final = {"present": 0, "uncertain": 1, "absent": 2}
_STYLES: Final = {"present": "bold red", "uncertain": "yellow", "absent": "dim"}
_MARKS: Final = {"present": "+", "uncertain": "?", "absent": "-"}


def print_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print one JSON document and nothing else."""
    if isinstance(value, BaseModel):
        content: Any = value.model_dump(mode="json")
    elif isinstance(value, dict):
        content = value
    else:
        content = [item.model_dump(mode="json") for item in value]
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
    try:
        with draft.open("wb") as file:
            if path.exists():
                shutil.copymode(path, draft)
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


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
            style=_STYLES.get(finding.status, ""),
        )
    out.print(table)
    out.print(
        f"| is the label's threshold. Classifier {findings.model.id} {findings.model.version}.", style="dim"
    )


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


def _draws_blocks() -> bool:
    return (out.encoding or "").lower().startswith("utf")
