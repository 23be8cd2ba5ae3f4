"""One engine for all tests in here, with the images of this checkout and stand-ins for those of others."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.containers import Engine, Service, check_out
from tests.support.images import services


@dataclass(frozen=True, slots=True)
class Site:
    """A machine with an engine: what a person has who has just cloned the project there."""

    engine: Engine
    service: Service
    project: Path
    python: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the site; upstream images are there, ours are not yet built."""
    folder = tmp_path_factory.mktemp("site")
    with Engine() as engine, Service(engine, folder) as service:
        upstream = services()
        engine.make_stand_ins(*(upstream[name]["image"] for name in ("postgres", "broker", "storage")))
        check_out(folder / "project")
        yield Site(engine, service, folder / "project", engine.python_image())
