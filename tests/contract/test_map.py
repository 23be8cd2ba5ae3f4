"""README's line of files is the way that a study takes, by the imports themselves."""

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| \[([a-z_/]+\.py)\]\(\1\) \|", re.MULTILINE)
_LINE = _ROW.findall((_ROOT / "README.md").read_text(encoding="utf-8"))
_START = {
    "api": "api/main.py",
    "shared": "api/routes/studies.py",
    "worker_cnn": "worker_cnn/main.py",
    "worker_llm": "worker_llm/main.py",
}
"""Whence a folder's files are reached: what the API needs of shared/, from the route that takes a study."""


def imports_of(file: str) -> set[str]:
    """Return the project's files that one file imports."""
    names = set()
    for node in ast.walk(ast.parse((_ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {name.replace(".", "/") + ".py" for name in names}
    return {name for name in files if (_ROOT / name).is_file()}


def reached_from(file: str) -> set[str]:
    """Return all files that are imported once this one is."""
    reached: set[str] = set()
    waiting = [file]
    while waiting:
        found = imports_of(waiting.pop()) - reached
        reached |= found
        waiting += found
    return reached


def test_the_line_goes_from_the_upload_to_the_report():
    assert _LINE[0] == "api/routes/studies.py"
    assert _LINE[-1] == "api/routes/reports.py"
    assert len(_LINE) == len(set(_LINE)) >= 10


@pytest.mark.parametrize("file", _LINE)
def test_each_file_is_reached_where_readme_says_that_a_study_is(file: str):
    start = _START[file.split("/", maxsplit=1)[0]]
    assert file == start or file in reached_from(start)
