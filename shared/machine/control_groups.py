"""Where the kernel says what this process's container may use: its control groups, of either version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

OWN: Final = Path("/proc/self/cgroup")
"""The kernel's list of this process's control groups."""
MOUNTED: Final = Path("/sys/fs/cgroup")
"""Where the control groups are mounted."""


def folders(controller: str, *, groups: Path = OWN, mounted: Path = MOUNTED) -> Iterator[tuple[int, Path]]:
    """Yield every group on the way up: the version of its interface, and its folder.

    Args:
        controller: "cpu" or "memory".

    Source: docs.kernel.org, cgroup-v1 and cgroup-v2.
    """
    for line in read(groups).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = mounted / controller if controllers else mounted
        # In a container its own group is mounted at the root, whatever the path says.
        here = root / path.lstrip("/")
        for folder in {root, here, *(parent for parent in here.parents if parent.is_relative_to(root))}:
            yield (1 if controllers else 2), folder


def read(file: Path) -> str:
    """Return a file's text; nothing where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
