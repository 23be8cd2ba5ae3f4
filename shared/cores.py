"""How many CPU cores this process may use, by its affinity and by the limits of its container.

Map: `usable_cores` -> `_quotas`.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_OWN_GROUPS: Final = Path("/proc/self/cgroup")
_MOUNTED: Final = Path("/sys/fs/cgroup")


def usable_cores(*, groups: Path = _OWN_GROUPS, mounted: Path = _MOUNTED) -> int:
    """Return how many cores this process may use, at least one.

    A container's CPU limit counts as its number of cores, rounded up: more threads than that are stopped by
    the kernel in the middle of their work.

    Args:
        groups: the kernel's list of this process's control groups.
        mounted: where the control groups are mounted.
    """
    quotas = [math.ceil(quota) for quota in _quotas(groups, mounted)]
    return max(1, min([len(os.sched_getaffinity(0)), *quotas]))


def _quotas(groups: Path, mounted: Path) -> Iterator[float]:
    """Yield every limit on the way up, in cores.

    Source: docs.kernel.org, cgroup-v2, and sched-bwc for version 1.
    """
    for line in _read(groups).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = mounted / "cpu" if controllers else mounted
        # In a container its own group is mounted at the root, whatever the path says.
        here = root / path.lstrip("/")
        for folder in {root, here, *(parent for parent in here.parents if parent.is_relative_to(root))}:
            if controllers:
                limit = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
            else:
                limit = _read(folder / "cpu.max").split()
            if len(limit) == 2 and limit[0].isdigit() and limit[1].isdigit():
                yield int(limit[0]) / int(limit[1])


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
