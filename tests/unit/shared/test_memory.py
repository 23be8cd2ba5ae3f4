import os
from pathlib import Path

import pytest

from shared.machine.memory import memory_limit
from tests.support.groups import groups

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
MIB = 1024**2


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        pytest.param("0::/\n", {"memory.max": f"{64 * MIB}\n"}, 64 * MIB, id="a container's limit"),
        pytest.param("0::/\n", {"memory.max": "max\n"}, MACHINE, id="no limit"),
        pytest.param(
            "0::/a/b\n",
            {"a/b/memory.max": f"{64 * MIB}", "a/memory.max": f"{32 * MIB}"},
            32 * MIB,
            id="the least one, which is a group's above",
        ),
        pytest.param(
            "4:memory:/m\n3:cpu,cpuacct:/x\n0::/\n",
            {"memory/m/memory.limit_in_bytes": f"{64 * MIB}\n"},
            64 * MIB,
            id="version 1",
        ),
        pytest.param(
            "4:memory:/m\n",
            {"memory/memory.limit_in_bytes": "9223372036854771712\n"},
            MACHINE,
            id="version 1 without a limit",
        ),
        pytest.param("", {}, MACHINE, id="no control groups"),
    ],
)
def test_a_containers_limit_counts_as_its_memory(tmp_path: Path, own, limits, expected):
    assert memory_limit(**groups(tmp_path, own, limits)) == expected
