"""A pytest plugin: which tests stay in one process, where several processes run them beside each other.

pytest -p tests.support.beside -n 3 --no-loadscope-reorder

Servers start once a process, so tests that share what is slow to start stay together. The rest goes file by
file, those that mostly wait and those that compute by turns, so that no core stands still.
"""

import gc
from collections.abc import Generator
from itertools import zip_longest
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

TOGETHER: Final = {
    "tests/end_to_end/": "the running product",
    "tests/containers/": "built images",
    "tests/chart/": "rendered charts",
}
"""Folders whose tests share what is slow to start. The first of them take longest, and are begun first."""
COMPUTING: Final = ("tests/chart/", "tests/contract/", "tests/images/", "tests/unit/")
"""Folders whose tests wait for nobody."""


def group(nodeid: str) -> str:
    """Return the folder or the file whose tests stay together."""
    file = nodeid.split("::", 1)[0]
    return next((shared for folder, shared in TOGETHER.items() if file.startswith(folder)), file)


class Beside(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Hands out group after group, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Beside:
    """Let pytest-xdist hand out groups."""
    return Beside(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let no garbage collection look through what was imported: millions of objects, which all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests: the longest groups, then one that waits, one that computes, and so on."""
    groups: dict[str, list[pytest.Item]] = {shared: [] for shared in TOGETHER.values()}
    for item in items:
        groups.setdefault(group(item.nodeid), []).append(item)
    computing = [
        name for name, members in groups.items() if members and members[0].nodeid.startswith(COMPUTING)
    ]
    waiting = [name for name in groups if name not in computing]
    turns = [name for pair in zip_longest(waiting, computing) for name in pair if name is not None]
    items[:] = [item for name in turns for item in groups[name]]
