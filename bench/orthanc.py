"""Debian's Orthanc with its DICOMweb plugin, as a reference: a PACS that stores what it is sent."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from cxr.local.state import free_port
from shared.machine.orphans import die_with_parent

AET: Final = "ORTHANC"
_PLUGIN: Final = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
_START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Pacs:
    """A running one.

    Attributes:
        web: the address of its STOW-RS.
        statistics: that of how much it keeps.
    """

    dicom_port: int
    web: str
    statistics: str
    pid: int


@contextmanager
def orthanc() -> Iterator[Pacs]:
    """Run it as Debian configures it, with its data where those of our stacks lie; they go with the block.

    Raises:
        RuntimeError: it is not installed, or does not come up.
    """
    program = shutil.which("Orthanc", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or not Path(_PLUGIN).exists():
        message = "Orthanc is missing: apt-get install orthanc orthanc-dicomweb"
        raise RuntimeError(message)
    port = free_port()
    dicom_port = free_port(frozenset({port}))
    with tempfile.TemporaryDirectory(prefix="cxr-bench-orthanc-") as name:
        folder = Path(name)
        configuration = folder / "orthanc.json"
        said = {
            "StorageDirectory": str(folder / "files"),
            "IndexDirectory": str(folder / "index"),
            "Plugins": [_PLUGIN],
            "HttpPort": port,
            "DicomPort": dicom_port,
            "DicomAet": AET,
            "AuthenticationEnabled": False,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        configuration.write_text(json.dumps(said), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [program, str(configuration)],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                preexec_fn=die_with_parent,  # noqa: PLW1509  it makes one system call
            )
        try:
            here = f"http://127.0.0.1:{port}"
            _wait(f"{here}/system", server, folder / "log")
            yield Pacs(dicom_port, f"{here}/dicom-web/studies", f"{here}/statistics", server.pid)
        finally:
            server.terminate()
            server.wait()


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            httpx.get(url, trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                message = f"Orthanc does not come up:\n{log.read_text(errors='replace')[-3000:]}"
                raise RuntimeError(message) from error
            time.sleep(0.1)
        else:
            return
