"""How the local stack does its work: what `cxr status` tells beside its parts."""

import shutil
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel

from cxr.client import Client
from cxr.errors import CxrError
from cxr.local.home import Home
from cxr.local.stack import PartStatus, StackStatus
from cxr.local.state import load_state
from cxr.models import Info, Work

_PATIENCE_SECONDS: Final = 1.0
_GIGABYTE: Final = 1e9


class Operation(BaseModel):
    """What can be said of a local stack; None for what nobody answers."""

    home: str
    disk_free_bytes: int | None = None
    disk_total_bytes: int | None = None
    address: str | None = None
    auth: str | None = None
    version: str | None = None
    hl7_port: int | None = None
    """The gateway's other one."""
    work: Work | None = None
    trouble: str | None = None
    """Why the API does not say what it should."""


def look(home: Home, now: StackStatus) -> Operation:
    """Ask the API, if it should run, and look at the disk."""
    told = Operation(home=str(home.path))
    if home.path.is_dir():
        disk = shutil.disk_usage(home.path)
        told = told.model_copy(update={"disk_free_bytes": disk.free, "disk_total_bytes": disk.total})
    state = load_state(home.state) if now.supervisor is not None else None
    if state is None:
        return told
    auth = "required" if state.admin_key else "off"
    told = told.model_copy(update={"address": state.url, "auth": auth, "hl7_port": state.ports.hl7})
    try:
        with Client(state.url, key=state.admin_key, patience=_PATIENCE_SECONDS) as client:
            info: Info = client.info()
    except CxrError as error:
        return told.model_copy(update={"trouble": str(error)})
    return told.model_copy(update={"version": info.version, "work": info.work})


def describe(told: Operation) -> Iterator[tuple[str, str]]:
    """Say it to a person, line by line."""
    if told.address:
        whose = "keys are needed" if told.auth == "required" else "no keys: for the user who started it"
        yield "address", f"{told.address} ({whose})"
    if told.hl7_port:
        yield "hl7", f"port {told.hl7_port} of the gateway, by MLLP; its port above is for DICOM"
    if told.version:
        yield "version", told.version
    if told.work:
        stages = ", ".join(f"{stage} {number}" for stage, number in told.work.waiting.items())
        running = sum(told.work.running.values())
        yield "queue", f"{sum(told.work.waiting.values())} waiting ({stages}), {running} running"
        yield "oldest", f"{told.work.oldest_seconds:.0f} s" if told.work.oldest_seconds else "none waits"
        yield "rate", f"{told.work.studies_per_hour:.0f} studies an hour"
    if told.trouble:
        yield "trouble", told.trouble
    disk = ""
    if told.disk_free_bytes is not None and told.disk_total_bytes is not None:
        free, total = told.disk_free_bytes / _GIGABYTE, told.disk_total_bytes / _GIGABYTE
        disk = f"{free:.1f} GB free of {total:.1f} GB, "
    yield "disk", f"{disk}CXR_HOME {told.home}"


def with_parts(parts: Sequence[PartStatus], told: Operation) -> list[dict[str, Any]]:
    """Return the list of parts, with what the API told, how full the disk is and where HL7 comes in."""
    listed = [part.model_dump(mode="json") for part in parts]
    said = told.model_dump(mode="json")
    for part in listed:
        if part["name"] == "api":
            part |= {name: said[name] for name in ("address", "auth", "version", "work")}
        elif part["name"] == "storage":
            part |= {name: said[name] for name in ("disk_free_bytes", "disk_total_bytes")}
        elif part["name"] == "gateway":
            part["hl7_port"] = said["hl7_port"]
    return listed
