"""The Makefile: what the documents name is there, and what is lacking is said before any install."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted(ROOT.glob("[a-z]*/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def targets() -> list[str]:
    line = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line
    return line[1].split()


@pytest.mark.parametrize("target", targets())
def test_every_target_has_a_rule(target):
    done = make("--dry-run", target, "VENV=.no-environment")  # in ours there may be nothing left to do
    assert done.returncode == 0
    assert "Nothing to be done" not in done.stdout


def test_what_the_documents_tell_people_to_make_is_there():
    named = {
        (document.name, target)
        for document in DOCUMENTS
        for target in re.findall(
            r"(?:^|`)make ([a-z][a-z-]*)", document.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert {"demo", "test", "bench", "train-bundled"} <= {target for _, target in named}
    assert {(document, target) for document, target in named if target not in targets()} == set()


@pytest.mark.parametrize("target", ["train-bundled", "train-writer"])
def test_training_without_a_folder_says_so_before_anything_is_installed(target):
    done = make(target, "VENV=.no-environment")
    assert done.returncode == 2
    assert f"make {target} DATA=folder" in done.stderr
    assert not (ROOT / ".no-environment").exists()


def test_every_pinned_package_has_hashes_but_those_that_pytorch_s_index_has_too():
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pin = r"^([\w.-]+)==\S+((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$"
    pins = re.findall(pin, constraints, re.MULTILINE)
    lines = [line for line in constraints.splitlines() if line[0] not in " #"]
    assert len(pins) == len(lines)
    without = {name for name, hashes in pins if not hashes}
    assert {"torch", "torchvision"} <= without
    assert all(re.match(r"torch|torchvision|triton|nvidia-|cuda-", name) for name in without)
