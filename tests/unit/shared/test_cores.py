import os
from pathlib import Path

import pytest

from shared.machine.cores import usable_cores
from tests.support.groups import groups


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(64)))


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        pytest.param("0::/\n", {"cpu.max": "200000 100000\n"}, 2, id="a container's limit"),
        pytest.param("0::/\n", {"cpu.max": "250000 100000\n"}, 3, id="a part of a core"),
        pytest.param("0::/\n", {"cpu.max": "max 100000\n"}, 64, id="no limit"),
        pytest.param("0::/a/b\n", {"a/cpu.max": "400000 100000"}, 4, id="the limit of a group above"),
        pytest.param(
            "0::/a/b\n", {"a/b/cpu.max": "50000 100000", "a/cpu.max": "400000 100000"}, 1, id="the least one"
        ),
        pytest.param(
            "4:memory:/m\n3:cpu,cpuacct:/x\n0::/\n",
            {"cpu/x/cpu.cfs_quota_us": "300000\n", "cpu/x/cpu.cfs_period_us": "100000\n"},
            3,
            id="version 1",
        ),
        pytest.param(
            "3:cpu,cpuacct:/docker/1f\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            64,
            id="version 1 without a limit",
        ),
        pytest.param("", {}, 64, id="no control groups"),
    ],
)
def test_a_containers_limit_counts_as_its_cores(tmp_path: Path, many_cores, own, limits, expected):
    assert usable_cores(**groups(tmp_path, own, limits)) == expected


def test_a_process_that_may_use_few_cores_has_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {3})
    assert usable_cores(**groups(tmp_path, "0::/\n", {"cpu.max": "800000 100000"})) == 1
