"""Starts the project's own processes for a test: real processes, real signals.

A worker can be made to stop at a chosen point of its work (`shared.work.faults`): it says so in a file and
then hangs, its heartbeat going on, until the test kills it or lets it go on.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.work.faults import Point

ROOT: Final = Path(__file__).resolve().parents[2]


class Service:
    """One process of ours."""

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str],
        folder: Path,
        *,
        arguments: Sequence[str] = (),
        stop_at: Point | None = None,
    ):
        self.module = module
        self.log = folder / f"{module}-{time.monotonic_ns()}.log"
        self.reached = self.log.with_suffix(".reached")
        command = [sys.executable, "-m", module, *arguments]
        if stop_at is not None:
            command = [sys.executable, "-m", "tests.support.stopping", stop_at, str(self.reached), module]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CXR_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**inherited, **environment, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self, seconds: float = 90) -> "Service":
        """Wait for the line that says so."""
        wait_for(lambda: "worker.ready" in self.text() or self._died(), seconds, f"{self.module} to be ready")
        return self

    def wait_until_stopped_at_its_point(self, seconds: float = 60) -> None:
        """Wait until the worker hangs where it was told to."""
        wait_for(lambda: self.reached.exists() or self._died(), seconds, f"{self.module} to reach its point")

    def go_on(self) -> None:
        """Let a worker that hangs at its point go on."""
        self.reached.with_suffix(".go").touch()

    def kill(self) -> None:
        """kill -9, its children too."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self, seconds: float = 60) -> int:
        """SIGTERM, and wait for a warm stop."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def text(self) -> str:
        """Return all that the process has logged."""
        return self.log.read_text(errors="replace")

    def _died(self) -> bool:
        if self.process.poll() is None:
            return False
        message = f"{self.module} ended with {self.process.returncode}:\n{self.text()[-4000:]}"
        raise AssertionError(message)


@contextmanager
def services(
    environment: Mapping[str, str], folder: Path, *modules: str, stop_at: Point | None = None
) -> Iterator[list[Service]]:
    """Run modules until the block ends; whatever still lives then is killed."""
    started: list[Service] = []
    try:
        started.extend(Service(module, environment, folder, stop_at=stop_at) for module in modules)
        for service in started:
            service.wait_until_ready()
        yield started
    finally:
        for service in started:
            if service.process.poll() is None:
                service.kill()


def wait_for(condition, seconds: float, what: str) -> None:
    """Wait until a condition holds, or fail saying what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = f"waited {seconds:.0f} s for {what}"
            raise AssertionError(message)
        time.sleep(0.05)
