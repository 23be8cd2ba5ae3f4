"""Where the local stack keeps everything, and where the services' code lies.

CXR_HOME/
    state.json      ports and credentials, chosen once (0600)
    config.json     what `cxr models use` chose
    postgres/  broker/  storage/  models/
    logs/<name>.log
    run/            what the supervisor says of its parts; its lock; held parts
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

import cxr

ROOT_HOME: Final = Path("/var/lib/cxr-reporter")


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one local stack."""

    path: Path

    @property
    def state(self) -> Path:
        """The file of ports and credentials."""
        return self.path / "state.json"

    @property
    def config(self) -> Path:
        """The file of the chosen models."""
        return self.path / "config.json"

    @property
    def models(self) -> Path:
        """The folder of model bundles."""
        return self.path / "models"

    @property
    def parts(self) -> Path:
        """The file in which the supervisor says how its parts are."""
        return self.path / "run" / "parts.json"

    @property
    def lock(self) -> Path:
        """The file that is locked for as long as the supervisor lives."""
        return self.path / "run" / "supervisor.lock"

    def folder(self, name: str) -> Path:
        """Return the data folder of a part, made if it is missing, closed to other users."""
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def log(self, name: str) -> Path:
        """Return the log file of a part."""
        return self.folder("logs") / f"{name}.log"

    def held(self, name: str) -> Path:
        """Return the file whose presence tells the supervisor to leave a part stopped."""
        return self.path / "run" / f"{name}.held"

    def make(self) -> None:
        """Make the folder.

        Postgres runs as another user when we are root and must pass through; what is in the folder
        is closed one by one.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o711)
        if os.geteuid() == 0:
            self.path.chmod(0o711)
        self.folder("run")
        self.folder("logs")


def find_home() -> Home:
    """Return the home that CXR_HOME names, or the user's own.

    For root it is not under /root: that folder is closed, and Postgres, which refuses to run as
    root, could not reach its data there.
    """
    named = os.environ.get("CXR_HOME")
    if named:
        return Home(Path(named).expanduser().resolve())
    if sys.platform == "linux" and os.geteuid() == 0:
        return Home(ROOT_HOME.resolve())
    return Home(platformdirs.user_data_path("cxr-reporter", appauthor=False).resolve())


def services_root() -> Path:
    """Return the folder that holds api/, shared/ and the workers: in the wheel, or the checkout.

    Decided by where this package lies, not by sys.path: an editable install leaves a stale copy of
    the wheel's folder in site-packages.
    """
    package = Path(cxr.__file__).resolve().parent
    bundled = package / "_services"
    return bundled if bundled.is_dir() else package.parent
