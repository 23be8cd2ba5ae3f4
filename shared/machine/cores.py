"""How many CPU cores this process may use, by its affinity and by the limits of its container."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from shared.machine.control_groups import MOUNTED, OWN, folders, read


def usable_cores(*, groups: Path = OWN, mounted: Path = MOUNTED) -> int:
    """Return how many cores this process may use, at least one.

    A container's CPU limit counts as its number of cores, rounded up: more threads than that are stopped by
    the kernel in the middle of their work.
    """
    quotas = [math.ceil(quota) for quota in _quotas(groups, mounted)]
    return max(1, min([len(os.sched_getaffinity(0)), *quotas]))


def _quotas(groups: Path, mounted: Path) -> Iterator[float]:
    """Yield every limit on the way up, in cores.

    Source: docs.kernel.org, cgroup-v2, and sched-bwc for version 1.
    """
    for version, folder in folders("cpu", groups=groups, mounted=mounted):
        if version == 1:
            limit = [read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        else:
            limit = read(folder / "cpu.max").split()
        if len(limit) == 2 and limit[0].isdigit() and limit[1].isdigit():
            yield int(limit[0]) / int(limit[1])
