"""Starting a part so that nothing leaks into it, stopping it, and finding what was left behind.

Each part leads a process group of its own, so that its children go with it; it asks the kernel for
its stop signal should the supervisor die; and it carries CXR_PART in its environment, by which the
next `cxr up` or `cxr down` knows it.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final

import psutil

from cxr.local.home import Home
from cxr.local.part import Launch, Part

MARK: Final = "CXR_PART"
_PR_SET_PDEATHSIG: Final = 1
# What the three servers see of the environment of `cxr up`; our own services see more (services.py).
_PASSED_ON: Final = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME")


def start(part: Part, home: Home) -> Launch:
    """Start a part; it holds no file of ours but its log.

    Raises:
        StackError: what it needs before its start could not be made.
        OSError: its program cannot be run.
    """
    part.before()
    home.log(part.name).touch(mode=0o600)
    offset = part.log.stat().st_size
    account = part.account
    with part.log.open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - our own command, with paths that we made
            part.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=part.folder or "/",
            env={
                **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                **part.environment,
                "CXR_HOME": str(home.path),
                MARK: part.name,
            },
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_dies_with(os.getpid(), part.stop_signal),  # noqa: PLW1509 - one thread only
        )
    child.returncode = 0  # we wait for it ourselves (see `exit_code`); Popen must not warn or wait
    return Launch(part=part, pid=child.pid, log_offset=offset)


def _dies_with(parent: int, stop_signal: signal.Signals) -> Callable[[], None]:
    """Return what the child does between fork and exec: ask to be told when its parent dies."""
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask


def exit_code(launch: Launch) -> int | None:
    """Return how a part has ended, or None while it runs; what is left of its group is killed.

    The group goes before the dead leader is reaped, while it still holds its number: after that the
    number could be somebody else's.
    """
    try:
        ended = os.waitid(os.P_PID, launch.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return -1
    if ended is None:
        return None
    signal_group(launch, signal.SIGKILL)
    _, status = os.waitpid(launch.pid, 0)
    return os.waitstatus_to_exitcode(status)


def signal_group(launch: Launch, number: signal.Signals) -> None:
    """Send a signal to a part and its children."""
    try:
        os.killpg(launch.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def ask_to_stop(launch: Launch) -> None:
    """Send a part its stop signal; its children are its own business."""
    try:
        os.kill(launch.pid, launch.part.stop_signal)
    except ProcessLookupError:
        return


def stop(launches: Iterable[Launch]) -> None:
    """Stop parts, all at once, each within its time and by force after that."""
    remaining = list(launches)
    for launch in remaining:
        ask_to_stop(launch)
    begun = time.monotonic()
    while remaining := [launch for launch in remaining if exit_code(launch) is None]:
        for launch in remaining:
            if time.monotonic() - begun > launch.part.stop_seconds:
                signal_group(launch, signal.SIGKILL)
        time.sleep(0.02)


def has_environment(pid: int, wanted: dict[str, str]) -> bool:
    """Tell whether a process was started with these variables."""
    try:
        return wanted.items() <= psutil.Process(pid).environ().items()
    except psutil.Error:
        return False


def left_behind(home: Home) -> list[psutil.Process]:
    """Return the processes of this home's parts, whoever started them."""
    return [process for process in psutil.process_iter() if _belongs_to(process, home)]


def kill_left_behind(home: Home) -> int:
    """End the parts that an earlier supervisor did not get to stop; return how many there were.

    They are asked first, the workers before the servers that they need.
    """
    found = left_behind(home)
    for process in found:
        _send(process, signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(found, timeout=10)
    for process in alive:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=5)
    return len(found)


def _belongs_to(process: psutil.Process, home: Home) -> bool:
    try:
        environment = process.environ()
    except (psutil.Error, OSError):
        return False
    return MARK in environment and environment.get("CXR_HOME") == str(home.path)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
