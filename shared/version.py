"""Which release of the product this is."""

from importlib.metadata import PackageNotFoundError, version


def product_version() -> str:
    """Return the installed version; a bare checkout has none."""
    try:
        return version("cxr-reporter")
    except PackageNotFoundError:
        return "unknown"
