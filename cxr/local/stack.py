"""What `cxr up`, `cxr down` and `cxr status` do to the processes.

`up` takes the lock of the home and hands it to the supervisor that it starts; it is free again when
the supervisor is gone, however it went.
"""

import fcntl
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import psutil
from pydantic import BaseModel, ValidationError

import cxr
from cxr.errors import StackError
from cxr.local.home import Home
from cxr.local.own_settings import asked_ports, not_obeyed, not_taken_up
from cxr.local.processes import kill_left_behind
from cxr.local.services import PARTS, all_parts
from cxr.local.state import LOOPBACK, State, choose_state, is_free, is_loopback, load_state, read_json

DEFAULT_PORT: Final = 8000
_POLL_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 60
_TAIL_LINES: Final = 20
_REFUSED: Final = '"migrations.refused"'
"""In the log of `python -m migrations`: the database is of no release."""


class PartStatus(BaseModel):
    """One line of `cxr status`."""

    name: str
    pid: int | None = None
    port: int | None = None
    state: Literal["starting", "running", "stopped", "failing"] = "stopped"


class StackStatus(BaseModel):
    """How the stack is, as its supervisor last said."""

    supervisor: int | None = None
    stopping: bool = False
    port: int | None = None
    parts: list[PartStatus] = []

    @property
    def is_up(self) -> bool:
        """Every part runs."""
        return bool(self.parts) and all(part.state == "running" for part in self.parts)

    @property
    def failing(self) -> PartStatus | None:
        """The first part that does not come up."""
        return next((part for part in self.parts if part.state == "failing"), None)

    def listed(self) -> list[PartStatus]:
        """Return the parts that people know, in their order; all stopped when nothing runs."""
        by_name = {part.name: part for part in self.parts}
        return [by_name.get(name, PartStatus(name=name)) for name in PARTS]


@dataclass(frozen=True, slots=True)
class Started:
    """What `up` found or did."""

    url: str
    already_up: bool
    admin_key: str | None = None
    """Opens the API, where keys are needed."""
    not_obeyed: Mapping[str, str] = field(default_factory=dict)
    """Settings of the caller's environment that have no effect, with the reason."""


@dataclass(frozen=True, slots=True)
class Listening:
    """How the caller wants the API to listen; what is None is not asked for."""

    port: int | None = None
    host: str | None = None
    auth: bool | None = None
    admin_key: str | None = None

    def differs_from(self, state: State) -> str | None:
        """Say in which way a running stack is not as this asks for, if it is not."""
        if self.port not in (None, state.ports.api):
            return f"it listens on port {state.ports.api}, not {self.port}"
        if self.host not in (None, state.host):
            return f"it listens on {state.host}, not {self.host}"
        if self.auth not in (None, state.admin_key is not None):
            return "it needs keys" if state.admin_key else "it needs no keys"
        return None


def up(home: Home, wanted: Listening, *, on_change: Callable[[StackStatus], None], timeout: float) -> Started:
    """Start the stack, or what is held of one that runs; return when every part is ready.

    Raises:
        StackError: the port is taken, a stack runs that listens otherwise, others would reach an API without
            keys, a part does not come up, or it takes longer than `timeout` seconds; what was started is
            stopped again.
    """
    port, host = wanted.port or DEFAULT_PORT, wanted.host or LOOPBACK
    if not wanted.auth and not is_loopback(host):
        message = (
            f"others could reach the API on {host}, and without keys it serves only the user who started it. "
            "Say --auth to have keys, or leave out --host."
        )
        raise StackError(message)
    home.make()
    lock = _take_lock(home)
    held = [mark for name in PARTS if (mark := home.held(name)).exists()]
    for mark in held:
        mark.unlink(missing_ok=True)
    if lock is None:
        if held:  # by `cxr stop`; a supervisor that only begins does not listen yet, and needs not
            look_again(home)
        return _join(home, wanted, on_change, timeout=timeout)
    try:
        kill_left_behind(home)
        if not is_free(port, host):
            raise StackError(_port_taken(port))
        admin_key = (wanted.admin_key or f"cxr_{secrets.token_urlsafe(32)}") if wanted.auth else None
        asked = asked_ports(os.environ)
        state = choose_state(home.state, api_port=port, host=host, admin_key=admin_key, asked=asked)
        all_parts(home, state)  # says here what is missing or broken
        home.parts.unlink(missing_ok=True)
        _start_supervisor(home, lock)
    finally:
        os.close(lock)
    try:
        _follow(home, on_change, timeout=timeout)
    except BaseException:  # also Ctrl-C: half a stack is of no use
        down(home)
        raise
    ignored = not_obeyed(os.environ, read_json(home.config))
    return Started(state.url, already_up=False, admin_key=state.admin_key, not_obeyed=ignored)


def down(home: Home) -> bool:
    """Stop everything; return whether anything ran.

    Raises:
        StackError: the supervisor does not end.
    """
    if not home.path.is_dir():
        return False
    home.make()
    supervisor = _supervisor(home)
    if supervisor is not None:
        _ask_supervisor(supervisor, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while _is_locked(home):
            if time.monotonic() > deadline:
                message = (
                    f"the supervisor (process {supervisor.pid}) does not stop; see {home.log('supervisor')}"
                )
                raise StackError(message)
            time.sleep(_POLL_SECONDS)
    killed = kill_left_behind(home)
    home.parts.unlink(missing_ok=True)
    return supervisor is not None or killed > 0


def read_status(home: Home) -> StackStatus:
    """Return how the parts are."""
    supervisor = _supervisor(home)
    if supervisor is None:
        return StackStatus()
    try:
        return StackStatus.model_validate_json(home.parts.read_bytes())
    except (FileNotFoundError, ValidationError):
        state = load_state(home.state)
        parts = [PartStatus(name=name, state="starting") for name in PARTS]
        return StackStatus(supervisor=supervisor.pid, port=state.ports.api if state else None, parts=parts)


def look_again(home: Home) -> bool:
    """Have the supervisor take up new settings and held parts; return whether one runs."""
    supervisor = _supervisor(home)
    if supervisor is None:
        return False
    _ask_supervisor(supervisor, signal.SIGHUP)
    return True


def hold(home: Home, name: str) -> bool:
    """Stop one part and keep it stopped until `release`; return whether a supervisor runs."""
    home.make()
    home.held(name).touch()
    return look_again(home)


def release(home: Home, name: str) -> bool:
    """Start a held part again; return whether a supervisor runs."""
    home.held(name).unlink(missing_ok=True)
    return look_again(home)


def _join(
    home: Home, wanted: Listening, on_change: Callable[[StackStatus], None], *, timeout: float
) -> Started:
    """Wait for the stack that runs, if it is as the caller wants it."""
    _follow(home, on_change, timeout=timeout)
    state = load_state(home.state)
    if state is None:
        message = f"{home.state} is gone: stop the stack with `cxr down`, and start it anew"
        raise StackError(message)
    difference = wanted.differs_from(state)
    if difference:
        message = f"the stack is already up, and {difference}. Stop it first: `cxr down`"
        raise StackError(message)
    supervisor = _supervisor(home)
    ignored = not_taken_up(os.environ, supervisor.environ()) if supervisor else {}
    return Started(state.url, already_up=True, admin_key=state.admin_key, not_obeyed=ignored)


def _take_lock(home: Home) -> int | None:
    """Return the locked file, or None when a supervisor runs; wait for one that is stopping."""
    lock = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _STOP_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            status = read_status(home)
            # Between the lock and the supervisor's first word the other `up` is still at work.
            if (status.supervisor and not status.stopping) or time.monotonic() > deadline:
                os.close(lock)
                return None
            time.sleep(_POLL_SECONDS)
        else:
            os.truncate(lock, 0)  # whoever it names has gone
            return lock


def _start_supervisor(home: Home, lock: int) -> None:
    log = home.log("supervisor")
    log.touch(mode=0o600)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "cxr.local.supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home.path,
            env={
                **os.environ,
                "CXR_HOME": str(home.path),
                "PYTHONPATH": str(Path(cxr.__file__).resolve().parents[1]),
            },
            start_new_session=True,
            pass_fds=(lock,),
        )
    os.pwrite(lock, str(child.pid).encode(), 0)
    child.returncode = 0  # it outlives us


def _follow(home: Home, on_change: Callable[[StackStatus], None], *, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        status = read_status(home)
        on_change(status)
        if status.is_up:
            return
        if status.supervisor is None:
            message = f"the supervisor ended:\n{tail(home, 'supervisor')}"
            raise StackError(message)
        if status.failing is not None:
            name = status.failing.name
            if name == "migrations" and _REFUSED in tail(home, name):
                raise StackError(_foreign_data(home))
            message = f"{name} does not start; the end of {home.log(name)}:\n{tail(home, name)}"
            raise StackError(message)
        if time.monotonic() > deadline:
            waiting = [part.name for part in status.parts if part.state != "running"]
            logs = "\n".join(f"{home.log(name)}:\n{tail(home, name)}" for name in waiting)
            message = f"not ready after {timeout:.0f} s: {', '.join(waiting)}\n{logs}"
            raise StackError(message)
        time.sleep(_POLL_SECONDS)


def _foreign_data(home: Home) -> str:
    return (
        f"the data in {home.path} are of a version that was never released, and this one cannot read them. "
        f"Remove that folder, with all studies in it (rm -r {shlex.quote(str(home.path))}), or choose "
        f"another: CXR_HOME=FOLDER cxr up. What is missing stands in {home.log('migrations')}"
    )


def tail(home: Home, name: str, *, lines: int = _TAIL_LINES) -> str:
    """Return the last lines of a part's log."""
    try:
        text = home.log(name).read_text(errors="replace")
    except FileNotFoundError:
        return "(it has written nothing)"
    return "\n".join(text.splitlines()[-lines:])


def _supervisor(home: Home) -> psutil.Process | None:
    """Return the supervisor's process, if it lives: the lock says so, the file's content who it is."""
    if not _is_locked(home):
        return None
    try:
        return psutil.Process(int(home.lock.read_text()))
    except (ValueError, psutil.NoSuchProcess):
        return None  # another `up` has the lock and has not started it yet


def _is_locked(home: Home) -> bool:
    try:
        lock = os.open(home.lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def _ask_supervisor(supervisor: psutil.Process, number: signal.Signals) -> None:
    try:
        supervisor.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _port_taken(port: int) -> str:
    return (
        f"port {port} is taken by another program. Stop that program, or choose another port: "
        f"`cxr up --port {port + 1}`"
    )
