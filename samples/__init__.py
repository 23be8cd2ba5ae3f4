"""Synthetic chest radiographs for the demo and the tests; README.md says how they were made."""

from pathlib import Path


def path(name: str) -> Path:
    """Return where a sample lies, by its file name."""
    return Path(__file__).parent / name
