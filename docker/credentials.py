"""Makes the passwords of a compose installation, once: `python docker/credentials.py [FOLDER [CONSUMERS]]`.

FOLDER is a volume that no other container has. What is there stays as it is, so the passwords outlive
containers and upgrades, and go when the volume does. CONSUMERS has a volume for each service, which that one
alone reads as /run/secrets: it gets what it needs and nothing else. What people need is printed, each time.
On Kubernetes the chart's Secrets do this.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Final

from shared import storage_doors

FOLDER: Final = Path("/run/secrets")
CONSUMERS: Final = Path("/consumers")
_BYTES: Final = 32
_ACTIONS: Final = ("Admin", "Read", "Write", "List", "Tagging")
_DATABASE: Final = ("CXR_DATABASE_URL",)
_WORK: Final = (*_DATABASE, "CXR_QUEUE_URL")
_STORAGE: Final = ("CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY")
NEEDS: Final = {
    "postgres": ("postgres-password",),
    "broker": ("broker-password", "valkey.conf"),
    "storage": ("s3-identities.json", storage_doors.CERTIFICATE, storage_doors.CONFIGURATION),
    "migrations": _DATABASE,
    "api": (*_WORK, *_STORAGE, "CXR_API_ADMIN_KEY"),
    "worker-cnn": (*_WORK, *_STORAGE),
    "worker-llm": (*_WORK, *_STORAGE),
    "sweeper": (*_WORK, *_STORAGE),
    "gateway": (*_WORK, *_STORAGE),
    "grafana": ("grafana-password",),
}
"""Service -> the files that it reads."""


def main(folder: Path = FOLDER, consumers: Path = CONSUMERS, *, given_key: str = "") -> int:
    """Make what is missing, hand it out, and say what to open the page with.

    Args:
        folder: where the passwords are kept.
        consumers: where each service's folder is.
        given_key: the key that .env sets, which the API takes in place of the one that is made.
    """
    passwords = {name: _kept(folder / name) for name in ("postgres-password", "broker-password")}
    access, secret = _kept(folder / "CXR_STORAGE_ACCESS_KEY"), _kept(folder / "CXR_STORAGE_SECRET_KEY")
    _write(
        folder / "CXR_DATABASE_URL",
        f"postgresql+psycopg2://cxr:{passwords['postgres-password']}@postgres:5432/cxr",
    )
    _write(folder / "CXR_QUEUE_URL", f"redis://:{passwords['broker-password']}@broker:6379/0")
    # Valkey and SeaweedFS take theirs in files of their own.
    _write(folder / "valkey.conf", f"requirepass {passwords['broker-password']}\n")
    _write(folder / "s3-identities.json", _identities(access, secret))
    certificate = folder / storage_doors.CERTIFICATE
    if not certificate.exists():
        _write(certificate, storage_doors.certificate().decode())
    _write(folder / storage_doors.CONFIGURATION, storage_doors.configuration(FOLDER))
    admin = _kept(folder / "CXR_API_ADMIN_KEY", prefix="cxr_")
    grafana = _kept(folder / "grafana-password")
    for service, names in NEEDS.items():
        for name in names:
            _write(consumers / service / name, (folder / name).read_text(encoding="ascii"))
    print(f"The page's and the API's key: {given_key or admin}")
    print(f"Grafana's password, for the user admin (profile monitoring): {grafana}")
    return 0


def _kept(file: Path, *, prefix: str = "") -> str:
    """Return the password in the file, made first where there is none."""
    if not file.exists():
        _write(file, prefix + secrets.token_urlsafe(_BYTES))
    return file.read_text(encoding="ascii")


def _write(file: Path, content: str) -> None:
    """Write a file whole or not at all: half a password would lock its owner out for good."""
    file.parent.mkdir(parents=True, exist_ok=True)
    making = file.with_name(f".{file.name}")
    making.unlink(missing_ok=True)  # of a start that was cut off; it may be read-only already
    with making.open("x", encoding="ascii") as output:
        output.write(content)
        output.flush()
        os.fsync(output.fileno())
    # The servers run as users of their own; only containers that mount the volume see it.
    making.chmod(0o444)
    making.replace(file)


def _identities(access: str, secret: str) -> str:
    credential = {"accessKey": access, "secretKey": secret}
    return json.dumps({"identities": [{"name": "cxr", "credentials": [credential], "actions": _ACTIONS}]})


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:]), given_key=os.environ.get("CXR_API_ADMIN_KEY", "")))  # noqa: TID251 - runs by itself
