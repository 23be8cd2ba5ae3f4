"""Pictures for the trees: samples, and real radiographs where there are some."""

from pathlib import Path

import pytest

from tests.support.dataset_trees.pictures import Pictures


@pytest.fixture(scope="session")
def pictures(samples: Path, test_data: Path | None, real_chests: list[Path]) -> Pictures:
    real = sorted((test_data / "images" / "nih").glob("*.jpg"))[:6] if test_data else []
    return Pictures(samples, real, real_chests)
