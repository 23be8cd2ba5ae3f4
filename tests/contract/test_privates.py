"""What is private may change without a test: none replaces a private name."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.services import ROOT


def replaced(file: Path) -> Iterator[tuple[str, int]]:
    """Return the names that a file sets by string, and their lines."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"setattr", "delattr"}:
            for argument in node.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value.rpartition(".")[2], node.lineno


def test_no_test_replaces_a_private_name():
    names = [
        (name, f"{file.relative_to(ROOT)}:{line}")
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for name, line in replaced(file)
    ]
    assert len(names) > 20
    assert [where for name, where in names if name.startswith("_")] == []
