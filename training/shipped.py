"""Where torchxrayvision's wheel has the tables that it ships: NIH's boxes, lung masks and others."""

from importlib.util import find_spec
from pathlib import Path


def shipped_tables() -> Path:
    """Return their folder; importing the package would take seconds."""
    found = find_spec("torchxrayvision")
    assert found is not None  # the environment of `training` has it
    assert found.origin is not None
    return Path(found.origin).parent / "data"
