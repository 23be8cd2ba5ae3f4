"""Drawn data sets, and the train command with what a test wants of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.support.devices import DEVICE
from tests.support.trained import draw_dataset
from training.train import main


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of 120 pictures, their table in it."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_dataset(folder, 120, uncertain=True)
    return folder


@pytest.fixture(scope="session")
def words(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Return what makes the train command's arguments for the drawn pictures."""
    cache = tmp_path_factory.mktemp("cache")

    def arguments(recipe: Path, out: Path, *more: str) -> list[str]:
        given = ["--table", drawn / "table.parquet", "--images", drawn, "--out", out, "--cache", cache]
        return [str(recipe), *map(str, given), "--device", DEVICE, "--workers", "0", *more]

    return arguments


@pytest.fixture(scope="session")
def train(words: Callable[..., list[str]]) -> Callable[..., Path]:
    """Return the train command on the drawn pictures; it gives RUN_DIR."""

    def run(recipe: Path, out: Path, *more: str) -> Path:
        main(words(recipe, out, *more))
        return out

    return run
