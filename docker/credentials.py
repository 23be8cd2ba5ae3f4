"""Makes the passwords of a compose installation, once: `python docker/credentials.py [FOLDER]`.

The folder is a volume that every container reads as /run/secrets. What is there stays as it is, so the
passwords outlive containers and upgrades, and go when the volume does. What people need is printed, each
time. On Kubernetes the chart's Secrets do this.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path("/run/secrets")
_BYTES: Final = 32
_ACTIONS: Final = ("Admin", "Read", "Write", "List", "Tagging")


def main(folder: Path = FOLDER, *, given_key: str = "") -> int:
    """Make what is missing, and say what to open the page with.

    Args:
        folder: where the passwords are kept.
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
    admin = _kept(folder / "CXR_API_ADMIN_KEY", prefix="cxr_")
    grafana = _kept(folder / "grafana-password")
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
