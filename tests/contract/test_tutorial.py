"""What docs/tutorials/first-change.md lets a beginner do is so: its test fails, its change makes it pass."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_TEXT = (_ROOT / "docs" / "tutorials" / "first-change.md").read_text(encoding="utf-8")
_TESTS = "tests/unit/shared/rendering/test_rendering.py"


def written(language: str) -> str:
    """Return the one block of a language."""
    (block,) = re.findall(rf"^```{language}\n(.+?)^```$", _TEXT, re.MULTILINE | re.DOTALL)
    return block


def run_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", _TESTS, "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_change_of_the_tutorial_fails_first_and_then_passes(tmp_path: Path):
    for name in ("shared", "migrations", "tests/support"):
        shutil.copytree(_ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / _TESTS).parent.mkdir(parents=True)
    for name in ("pyproject.toml", "tests/__init__.py", "tests/conftest.py", _TESTS):
        shutil.copy(_ROOT / name, tmp_path / name)
    with (tmp_path / _TESTS).open("a", encoding="utf-8") as tests:
        tests.write(f"\n\n{written('python')}")
    before = run_tests(tmp_path)
    assert "\n1 failed, " in before.stdout
    subprocess.run(["git", "apply"], cwd=tmp_path, input=written("diff"), text=True, check=True)
    after = run_tests(tmp_path)
    assert after.returncode == 0, after.stdout
