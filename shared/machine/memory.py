"""How much memory this process and its children may use, by its container's limits and by the machine."""

import os
from pathlib import Path

from shared.machine.control_groups import MOUNTED, OWN, folders, read


def memory_limit(*, groups: Path = OWN, mounted: Path = MOUNTED) -> int:
    """Return the bytes that everything in this container may hold together: the machine's, where less.

    Above the container's limit the kernel kills whatever it chooses, the worker included.

    Source: docs.kernel.org, cgroup-v2 (memory.max) and memory for version 1 (memory.limit_in_bytes).
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    names = {1: "memory.limit_in_bytes", 2: "memory.max"}
    texts = [
        read(folder / names[version]).strip()
        for version, folder in folders("memory", groups=groups, mounted=mounted)
    ]
    return min([machine, *(int(limit) for limit in texts if limit.isdigit())])
