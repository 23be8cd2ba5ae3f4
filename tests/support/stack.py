"""Real servers for tests: Postgres, broker and S3 (`InfraStack`), or everything (`FullStack`).

with InfraStack(folder) as infra:
    infra.database_url, infra.broker_url, infra.storage_endpoint, infra.environment()
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from cxr.client import Client
from cxr.local.broker import broker_part, queue_url
from cxr.local.home import Home
from cxr.local.part import Launch, Part
from cxr.local.postgres import database_url, postgres_part
from cxr.local.processes import exit_code, start, stop
from cxr.local.stack import PartStatus, hold, read_status, release
from cxr.local.state import State, choose_state, free_port, load_state
from cxr.local.storage import remove_sockets, storage_endpoint, storage_part

_CLIENT_PATIENCE: Final = 90.0
"""Seconds: an API that was killed needs some to start again, many when the machine is busy."""


class InfraStack:
    """Postgres, broker and S3 server on free ports, with their data in one folder.

    They die with the test process, even when that is killed.
    """

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder.resolve())
        self.home.make()
        self.state: State = choose_state(self.home.state, api_port=0)
        self._parts: dict[str, Part] = {
            part.name: part
            for part in (
                postgres_part(self.home, self.state),
                broker_part(self.home, self.state),
                storage_part(self.home, self.state),
            )
        }
        self._launches: dict[str, Launch] = {}

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of an empty database."""
        return database_url(self.state)

    @property
    def broker_url(self) -> str:
        """Redis URL with its password."""
        return queue_url(self.state)

    @property
    def storage_endpoint(self) -> str:
        """URL of the S3 server."""
        return storage_endpoint(self.state)

    @property
    def storage_access_key(self) -> str:
        """The access key that may do everything."""
        return self.state.credentials.storage_access_key

    @property
    def storage_secret_key(self) -> str:
        """Its secret."""
        return self.state.credentials.storage_secret_key

    def environment(self) -> dict[str, str]:
        """Return what shared/settings.py reads, for processes that a test starts."""
        return _settings(self.state)

    def pid(self, name: str) -> int:
        """Return the process of 'postgres', 'broker' or 'storage'."""
        return self._launches[name].pid

    def start(self, *names: str, timeout: float = 30) -> None:
        """Start these servers (all, when none is named) and wait until they answer."""
        for name in names or self._parts:
            self._launches[name] = start(self._parts[name], self.home)
        for name in names or self._parts:
            self._await(self._launches[name], timeout=timeout)

    def _await(self, launch: Launch, *, timeout: float) -> None:
        wait_until(
            lambda: launch.part.ready(launch),
            timeout=timeout,
            what=f"{launch.part.name} to answer; see {launch.part.log}",
        )

    def stop(self, *names: str) -> None:
        """Stop these servers (all, when none is named) in good order."""
        stop([self._launches.pop(name) for name in reversed(names or tuple(self._launches))])

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill a server without warning; `start` brings it back with its data."""
        launch = self._launches.pop(name)
        os.kill(launch.pid, number)
        wait_until(lambda: exit_code(launch) is not None, timeout=30, what=f"{name} to die")

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stop a server's processes where they stand: it accepts connections and answers nothing."""
        server = psutil.Process(self.pid(name))
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def remove(self) -> None:
        """Remove the data, once everything is stopped."""
        remove_home(self.home, self.state)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.remove()


class FullStack:
    """Everything, as `cxr up` starts it, on free ports with its data in one folder.

    with FullStack(folder, environment={"CXR_REPORT_WRITER": "template"}) as stack:
        stack.client().submit([path], wait=60)
        stack.kill("worker-cnn")
    """

    def __init__(self, folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self.home = Home(folder.resolve())
        self.port = free_port()
        self.dicom_port = free_port(frozenset({self.port}))
        self.hl7_port = free_port(frozenset({self.port, self.dicom_port}))
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            # Not those that every installation looks for first: stacks of tests run beside each other.
            "CXR_GATEWAY_DICOM_PORT": str(self.dicom_port),
            "CXR_GATEWAY_HL7_PORT": str(self.hl7_port),
            **(environment or {}),
            "CXR_HOME": str(self.home.path),
        }

    def run(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the `cxr` command against this stack; its exit status is the caller's to check."""
        return subprocess.run(
            self.command(*arguments),
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `cxr` with these arguments, for a Popen of one's own."""
        return [sys.executable, "-m", "cxr.cli", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which `command` means this stack."""
        return dict(self._environment)

    def start(self, *, timeout: float = 300) -> None:
        """Start everything and return when all of it is ready."""
        done = self.run("up", "--detach", "--port", str(self.port), timeout=timeout)
        if done.returncode:
            message = f"cxr up: exit status {done.returncode}\n{done.stdout}{done.stderr}"
            raise RuntimeError(message)

    def stop(self) -> None:
        """Stop everything; the data stay."""
        self.run("down")

    def infra_environment(self) -> dict[str, str]:
        """Return what shared/settings.py reads, to look at the database, broker and storage directly."""
        return _settings(self._state())

    def client(self) -> Client:
        """Return a new client, which outlives a killed API on a busy machine; the caller closes it."""
        return Client(self.url, patience=_CLIENT_PATIENCE)

    def part(self, name: str) -> PartStatus:
        """Return how a part is, as `cxr status --json` says."""
        return next(part for part in read_status(self.home).listed() if part.name == name)

    def pid(self, name: str) -> int:
        """Return the process of a part that runs."""
        pid = self.part(name).pid
        assert pid is not None, f"{name} does not run"
        return pid

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Kill a part without warning; the supervisor brings it back. Return the pid that it had."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def hold(self, name: str, *, timeout: float = 30) -> None:
        """Stop a part and keep it stopped until `release`."""
        hold(self.home, name)
        wait_until(lambda: self.part(name).state == "stopped", timeout=timeout, what=f"{name} to stop")

    def release(self, name: str, *, timeout: float = 60) -> None:
        """Start a part that was held, and wait until it is ready."""
        release(self.home, name)
        self.wait_running(name, timeout=timeout)

    def wait_running(self, name: str, *, other_than: int | None = None, timeout: float = 60) -> int:
        """Wait until a part is ready, in another process than that, and return its pid."""

        def is_ready() -> bool:
            part = self.part(name)
            return part.state == "running" and part.pid not in (None, other_than)

        wait_until(is_ready, timeout=timeout, what=f"{name} to run; see {self.home.log(name)}")
        return self.pid(name)

    def _state(self) -> State:
        state = load_state(self.home.state)
        assert state is not None, "the stack was never started"
        return state

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.remove()

    def remove(self) -> None:
        """Remove the data of a stack that is stopped, also what lies outside its folder."""
        state = load_state(self.home.state)
        if state is not None:
            remove_home(self.home, state)


def _settings(state: State) -> dict[str, str]:
    return {
        "CXR_DATABASE_URL": database_url(state),
        "CXR_QUEUE_URL": queue_url(state),
        "CXR_STORAGE_ENDPOINT": storage_endpoint(state),
        "CXR_STORAGE_ACCESS_KEY": state.credentials.storage_access_key,
        "CXR_STORAGE_SECRET_KEY": state.credentials.storage_secret_key,
    }


def remove_home(home: Home, state: State) -> None:
    """Remove a stack's data, and what lies outside its folder."""
    remove_sockets(state)
    postgres = home.path / "postgres"
    if postgres.is_symlink():
        shutil.rmtree(postgres.resolve(), ignore_errors=True)
    shutil.rmtree(home.path, ignore_errors=True)


def wait_until(condition: Callable[[], bool], *, timeout: float, what: str) -> None:
    """Ask again and again until it is so.

    Raises:
        TimeoutError: it did not become so in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            message = f"waited {timeout} s in vain for {what}"
            raise TimeoutError(message)
        time.sleep(0.02)
