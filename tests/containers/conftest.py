"""A machine with an engine, on which somebody has cloned the project and built its images with Compose."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.containers import Engine, Service, check_out
from tests.support.images import BIN, services

STAND_INS: Final = {
    "postgres": "postgres",
    "broker": "valkey",
    "storage": "seaweedfs",
    "prometheus": "prometheus",
}
"""Compose's service -> what stands in for its image."""
BUILD_SECONDS: Final = 1200
"""All images, on two busy cores, with nothing in the engine's cache."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests in here the time for building, which counts to the first of them."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(2 * BUILD_SECONDS))


@dataclass(frozen=True, slots=True)
class Site:
    """The machine: its engine, and Compose on it.

    Attributes:
        project: this checkout, as a fresh clone of it would be, and a .env made as .env.example says.
        python: the image that all of ours are built from.
    """

    engine: Engine
    service: Service
    project: Path
    python: str

    def compose(self, *arguments: str, project: Path | None = None, seconds: float = 180) -> str:
        """Run the real Compose in a checkout's folder, and return what it prints.

        Raises:
            AssertionError: it ended with an error, or took longer.
        """
        done = subprocess.run(
            [BIN / "docker-compose", "--progress", "plain", *arguments],
            cwd=project or self.project,
            # The classic builder, which podman's API speaks; BuildKit is Docker's own.
            env={
                "PATH": os.environ["PATH"],
                "HOME": "/nonexistent",
                "DOCKER_HOST": self.service.address,
                "DOCKER_BUILDKIT": "0",
            },
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {(done.stdout + done.stderr)[-6000:]}"
        return done.stdout


def configure(project: Path, python: str, *lines: str) -> None:
    """Write .env as a person does: the example, and at its end what is different here."""
    example = (project / ".env.example").read_text(encoding="utf-8")
    (project / ".env").write_text("\n".join([example, f"PYTHON_IMAGE={python}", *lines, ""]))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the machine, with all images there: ours as `docker compose build` makes them."""
    folder = tmp_path_factory.mktemp("site")
    with Engine() as engine, Service(engine, folder) as service:
        upstream = services("monitoring")
        engine.make_stand_ins({kind: upstream[service]["image"] for service, kind in STAND_INS.items()})
        site = Site(engine, service, folder / "project", engine.python_image())
        check_out(site.project, authority=engine.authority())
        configure(site.project, site.python)
        site.compose("build", seconds=BUILD_SECONDS)
        yield site
