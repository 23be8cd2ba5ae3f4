"""The real parts on free ports, as many as a benchmark needs, each seen by its CPU time and memory."""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil
from sqlalchemy import create_engine, func, select

from cxr.local.home import Home
from cxr.local.part import Launch, Part
from cxr.local.postgres import database_url
from cxr.local.processes import exit_code, start, stop
from cxr.local.services import all_parts
from cxr.local.state import choose_state, free_port
from cxr.local.storage import remove_sockets

SERVERS: Final = ("postgres", "broker", "storage")
WHOLE_LINE: Final = ("api", "worker-cnn", "worker-llm", "sweeper")
_SERVICES: Final = (*WHOLE_LINE, "gateway")
_START_SECONDS: Final = 300


class Stack:
    """Postgres, broker, S3 server and the services that are named, with their data in a folder of their own.

    with Stack(("api",), environment={"CXR_REPORT_WRITER": "template"}) as stack:
        stack.port, stack.cpu_seconds(), stack.memory("api")

    What the caller sets in the environment (CXR_MODEL_*, CXR_REPORT_*) holds here too, unless it is
    set again by `environment`. Make it in the main thread: the parts die with the thread that made them.
    """

    def __init__(self, services: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        self._home = Home(Path(tempfile.mkdtemp(prefix="cxr-bench-")).resolve())
        self._home.make()
        # Not those that an installation of this machine has.
        asked = {"dicom": free_port(), "hl7": free_port()}
        self._state = choose_state(self._home.state, api_port=free_port(), asked=asked)
        self.port, self.dicom_port = self._state.ports.api, self._state.ports.dicom
        self._parts = self._choose(services, environment or {})
        self._launches: dict[str, Launch] = {}

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU seconds that each part has used since its start, its children's with it."""
        return {name: cpu_seconds(launch.pid) for name, launch in self._launches.items()}

    def memory(self, name: str) -> int:
        """Return a part's resident bytes, without its children's."""
        return int(psutil.Process(self._launches[name].pid).memory_info().rss)

    def database_url(self) -> str:
        """Return the SQLAlchemy URL of the database."""
        return database_url(self._state)

    def database_bytes(self) -> int:
        """Return what the tables take on the disk: with indexes and dead rows, without the log."""
        engine = create_engine(database_url(self._state))
        try:
            with engine.connect() as connection:
                return int(connection.scalar(select(func.pg_database_size(func.current_database()))) or 0)
        finally:
            engine.dispose()

    def log(self, name: str) -> str:
        """Return what a part has logged."""
        return self._home.log(name).read_text(errors="replace")

    def _choose(self, services: Sequence[str], environment: Mapping[str, str]) -> list[Part]:
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            wanted = {*SERVERS, "migrations", *services}
            return [part for part in all_parts(self._home, self._state) if part.name in wanted]
        finally:
            os.environ.clear()
            os.environ.update(before)

    def __enter__(self) -> Self:
        """Start everything; return when all of it is ready."""
        try:
            for group in (SERVERS, ("migrations",), _SERVICES):
                self._start([part for part in self._parts if part.name in group])
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything and remove its data."""
        self._end()

    def _start(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._launches[part.name] = start(part, self._home)
        for part in parts:
            self._await(self._launches[part.name])

    def _await(self, launch: Launch) -> None:
        """Wait until a part is ready, or has done its work.

        Raises:
            RuntimeError: it ended badly, or takes too long.
        """
        part = launch.part
        deadline = time.monotonic() + _START_SECONDS
        while True:
            code = exit_code(launch)
            if code == 0 and part.once:
                del self._launches[part.name]
                return
            if code is not None or time.monotonic() > deadline:
                message = f"{part.name} does not come up (exit status {code}):\n{self.log(part.name)[-3000:]}"
                raise RuntimeError(message)
            if not part.once and part.ready(launch):
                return
            time.sleep(0.1)

    def _end(self) -> None:
        for servers in (False, True):
            stop(launch for name, launch in self._launches.items() if (name in SERVERS) is servers)
        self._launches.clear()
        remove_sockets(self._state)
        database = self._home.path / "postgres"
        if database.is_symlink():
            shutil.rmtree(database.resolve(), ignore_errors=True)
        shutil.rmtree(self._home.path, ignore_errors=True)


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and all its descendants, those that have ended too."""
    process = psutil.Process(pid)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue  # it ended just now: from the next look on it counts among its parent's
        total += times.user + times.system + times.children_user + times.children_system
    return total
