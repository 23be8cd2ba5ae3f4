"""A gateway process of ours, and those who send to it: dcmtk's programs, and pynetdicom for single answers.

with gateway(infra.environment(), folder) as running:
    storescu(running.port, folder_or_file)                # CompletedProcess
    with association(running.port) as peer:
        stored(peer, content).Status
"""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from cxr.local.state import free_port
from shared.dicom.files import TRANSFER_SYNTAXES
from tests.support.services import Service, services

AE_TITLE = "CXR"


@dataclass
class Gateway:
    """A running gateway, and where it listens."""

    service: Service
    port: int
    tls_port: int


@contextmanager
def gateway(environment: Mapping[str, str], folder: Path, **settings: str) -> Iterator[Gateway]:
    """Run a gateway until the block ends; `settings` without their CXR_GATEWAY_, in small letters."""
    ports = {name: free_port() for name in ("dicom_port", "tls_port", "hl7_port")}
    named = {f"CXR_GATEWAY_{name.upper()}": str(value) for name, value in {**ports, **settings}.items()}
    with services({"CXR_API_AUTH": "off", **environment, **named}, folder, "gateway") as (service,):
        yield Gateway(service, ports["dicom_port"], ports["tls_port"])


def storescu(
    port: int,
    *paths: Path,
    calling: str = "SENDER",
    called: str = AE_TITLE,
    options: Sequence[str] = (),
    seconds: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Send files and folders with dcmtk; its exit status is the caller's to check."""
    who = ["-aet", calling, "-aec", called]
    how = ["-v", *options, *(["+sd", "+r"] if any(path.is_dir() for path in paths) else [])]
    command = ["storescu", *who, *how, "127.0.0.1", str(port), *map(str, paths)]
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, timeout=seconds
    )


def answered_with_success(done: subprocess.CompletedProcess[str]) -> set[Path]:
    """Return the files that storescu was told are taken."""
    taken, under_way = set(), None
    for line in (done.stdout + done.stderr).splitlines():
        if "Sending file: " in line:
            under_way = Path(line.partition("Sending file: ")[2].strip())
        elif "Received Store Response (Success)" in line and under_way is not None:
            taken.add(under_way)
    return taken


@contextmanager
def association(
    port: int, *classes: UID, calling: str = "SENDER", called: str = AE_TITLE, timeout: float = 60
) -> Iterator[Association]:
    """Open an association in which these SOP classes may be used; it may be one that was rejected."""
    ae = AE(calling)
    ae.requested_contexts = [
        build_context(uid, [syntax]) for uid in classes for syntax in sorted(TRANSFER_SYNTAXES)
    ]
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = timeout
    peer = ae.associate("127.0.0.1", port, ae_title=called)
    try:
        yield peer
    finally:
        if peer.is_established:
            peer.release()


def stored(peer: Association, content: bytes) -> Dataset:
    """Send a DICOM file; return what was answered: a Status, and a comment where there is one."""
    answer: Dataset = peer.send_c_store(pydicom.dcmread(BytesIO(content)))
    return answer
