"""Which release of the product this is."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

SOFTWARE: Final = "CXR Reporter"
"""What the product calls itself in what it writes."""


def product_version() -> str:
    """Return the installed version; a bare checkout has none."""
    try:
        return version("cxr-reporter")
    except PackageNotFoundError:
        return "unknown"
