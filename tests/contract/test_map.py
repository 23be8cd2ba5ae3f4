"""README and docs/architecture.md show the code as it is: a study's way, its states, rooms and walls."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from shared.domain.studies import TRANSITIONS, Stage

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

_ARCHITECTURE = (_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
_STEP = re.compile(r"^\| `([a-z_/]+\.py)` \| (?:(HTTP|hint), )?(?:`([a-z_/]+\.py)`)? ?\|", re.MULTILINE)
_WAY = _STEP.findall(_ARCHITECTURE)


def imports_of(file: str) -> set[str]:
    """Return the project's files that one file imports."""
    names = set()
    for node in ast.walk(ast.parse(source_of(file))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {name.replace(".", "/") + ".py" for name in names}
    return {name for name in files if (_ROOT / name).is_file()}


def source_of(file: str) -> str:
    return (_ROOT / file).read_text(encoding="utf-8")


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


def test_the_way_of_a_study_goes_from_the_client_to_a_written_report():
    files = [file for file, _, _ in _WAY]
    assert files[0].startswith("cxr/")
    assert files[-1].startswith("shared/rendering/")
    assert len(files) == len(set(files)) >= len(_LINE)
    assert set(_LINE) <= set(files)


@pytest.mark.parametrize("number", range(1, len(_WAY)), ids=lambda number: _WAY[number][0])
def test_each_step_of_the_way_hands_the_study_on(number: int):
    file, by, caller = _WAY[number]
    assert caller in [earlier for earlier, _, _ in _WAY[:number]]
    if by == "HTTP":
        assert file in imports_of("api/main.py")
        (prefix,) = re.findall(r'APIRouter\(prefix="(.+?)"', source_of(file))
        assert prefix in source_of(caller)
    elif by == "hint":
        stage = Stage(file.split("/", maxsplit=1)[0].removeprefix("worker_"))
        assert f"@app.task(name=queue.TASKS[Stage.{stage.name}])" in source_of(file)
        assert f"Stage.{stage.name}: " in source_of(caller)
    else:
        assert file in imports_of(caller)


def test_the_states_are_those_of_the_table():
    drawn = re.findall(r"^    (\w+) --> (\w+): ([\w-]+)$", _ARCHITECTURE, re.MULTILINE)
    assert sorted(drawn) == sorted((old, new, event) for (old, event), new in TRANSITIONS.items())


def test_every_room_and_every_wall_is_named():
    rooms = [
        f"{room.parent.relative_to(_ROOT)}/" for room in _ROOT.glob("shared/*/__init__.py") if room.is_file()
    ]
    walls = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    names = [f"*{wall['name']}*" for wall in walls["contracts"]]
    assert not [name for name in (*rooms, *names) if name not in _ARCHITECTURE]
