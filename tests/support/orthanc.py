"""Orthanc, the PACS of Debian, as a real peer: it stores, routes, renders, and speaks DIMSE and DICOMweb.

with orthanc(folder, settings={"DicomModalities": {"cxr": ["CXR", "127.0.0.1", port]}}) as pacs:
    instance = pacs.keep(content)                               # over its own REST API
    pacs.client.get(f"/instances/{instance}/preview").content
    pacs.dicom_port, pacs.aet, pacs.web                         # for storescu, a rule, or a DICOMweb client
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cxr.local.state import free_port
from shared.machine.orphans import die_with_parent

AET = "ORTHANC"
_DICOMWEB = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


class Orthanc:
    """A running Orthanc, empty at its start."""

    def __init__(self, port: int, dicom_port: int, log: Path) -> None:
        self.aet, self.port, self.dicom_port, self.log = AET, port, dicom_port, log
        self.url = f"http://127.0.0.1:{port}"
        self.web = f"{self.url}/dicom-web"
        # It closes a connection that is idle for a second: a request must not come at that moment.
        limits = httpx.Limits(keepalive_expiry=0.3)
        self.client = httpx.Client(base_url=self.url, timeout=60, limits=limits)

    def keep(self, content: bytes) -> str:
        """Store a DICOM file; return Orthanc's id of the instance."""
        answer = self.client.post("/instances", content=content)
        assert answer.status_code == 200, answer.text
        instance: str = answer.json()["ID"]
        return instance


@contextmanager
def orthanc(folder: Path, *, settings: Mapping[str, Any] | None = None) -> Iterator[Orthanc]:
    """Run Orthanc, with its DICOMweb plugin, until the block ends.

    It binds its ports on all addresses (1.10.1 knows no other way), and answers HTTP to this machine only.

    Args:
        folder: where its settings, database, files and log go.
        settings: of orthanc.json, in addition to or instead of those below.
    """
    port = free_port()
    pacs = Orthanc(port, free_port(frozenset({port})), folder / "orthanc.log")
    said = {
        "StorageDirectory": str(folder / "orthanc-files"),
        "IndexDirectory": str(folder / "orthanc-index"),
        "Plugins": [_DICOMWEB],
        "HttpPort": pacs.port,
        "DicomPort": pacs.dicom_port,
        "DicomAet": pacs.aet,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StableAge": 2,  # seconds of quiet after which a study is complete
        "JobsHistorySize": 1000,
        "SaveJobs": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **(settings or {}),
    }
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(said), encoding="utf-8")
    program = shutil.which("Orthanc", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "tests/support/debian_packages.sh has not been run"
    with pacs.log.open("wb") as log:
        process = subprocess.Popen(
            [program, str(configuration)],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it makes one system call
        )
    try:
        _wait(pacs, process)
        yield pacs
    finally:
        pacs.client.close()
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(pacs: Orthanc, process: subprocess.Popen[bytes], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            pacs.client.get("/system").raise_for_status()
        except httpx.HTTPError:
            said = pacs.log.read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, said
            assert time.monotonic() < deadline, f"Orthanc does not answer: {said}"
            time.sleep(0.05)
        else:
            return
