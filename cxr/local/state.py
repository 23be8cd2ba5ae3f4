"""What a local stack chooses once and keeps: its ports and its credentials."""

import errno
import ipaddress
import os
import secrets
import socket
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, TypeAdapter

from cxr.errors import StackError

# Below the range from which Linux takes ports for outgoing connections (32768 and up): a client that
# connects while a server is down could otherwise be given that very port, and keep it.
_LOWEST, _HIGHEST = 10_240, 22_000
LOOPBACK: Final = "127.0.0.1"
_GRPC_OFFSET: Final = 10_000
"""SeaweedFS listens on a second port this far above each of its ports."""
STANDARD: Final = {"dicom": 11112, "hl7": 2575}
"""Where hospital systems look for DICOM and HL7: taken at the first start, where they are free."""


_STRINGS: Final = TypeAdapter(dict[str, str])


class Ports(BaseModel):
    """The port of each server. Those of the storage stand for themselves and their gRPC twin."""

    postgres: int
    broker: int
    storage: int
    storage_master: int
    storage_volume: int
    storage_filer: int
    storage_admin: int
    api: int
    dicom: int = 0
    """Of the gateway, as the next; 0 until they are first chosen."""
    hl7: int = 0


class Credentials(BaseModel):
    """Made once; without them every user of the machine could read the studies."""

    postgres: str = Field(default_factory=lambda: secrets.token_urlsafe(24))
    broker: str = Field(default_factory=lambda: secrets.token_urlsafe(24))
    storage_access_key: str = Field(default_factory=lambda: secrets.token_hex(10))
    storage_secret_key: str = Field(default_factory=lambda: secrets.token_hex(20))


class State(BaseModel):
    """All that is kept between two runs, apart from the data; host and admin_key are of the last one."""

    ports: Ports
    credentials: Credentials = Field(default_factory=Credentials)
    host: str = LOOPBACK
    admin_key: str | None = None
    """Opens the API of a stack that needs keys; None where it needs none."""

    @property
    def url(self) -> str:
        """The address of the API and the page, as this machine reaches it."""
        name = "localhost" if is_loopback(self.host) or self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{f'[{name}]' if ':' in name else name}:{self.ports.api}"


def load_state(path: Path) -> State | None:
    """Read the state, or return None when this home has never been used.

    Raises:
        StackError: it is broken.
    """
    try:
        return State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        message = f"{path} is broken; the passwords of the data are in it: put it back from a backup"
        raise StackError(message) from error


def choose_state(
    path: Path,
    *,
    api_port: int,
    host: str = LOOPBACK,
    admin_key: str | None = None,
    asked: Mapping[str, int] | None = None,
) -> State:
    """Return the state for a stack that is about to start; write it.

    A port that some other program has taken since the last run is chosen anew.

    Args:
        asked: the gateway's ports that the caller wants, whether they are free or not.
    """
    before = load_state(path)
    kept = before.ports.model_dump() if before else {}
    taken = _with_twin(api_port)
    ports = {"api": api_port}
    for name, standard in STANDARD.items():
        wanted = [port for port in (kept.get(name), standard) if port and port not in taken]
        free = (asked or {}).get(name) or next(filter(is_free, wanted), None)
        ports[name] = free or free_port(taken)
        taken |= {ports[name]}
    for name in Ports.model_fields:
        if name in ports:
            continue
        port = kept.get(name, 0)
        if not (port and _is_usable(port, taken)):
            port = free_port(taken)
        taken |= _with_twin(port)
        ports[name] = port
    state = State(
        ports=Ports(**ports),
        credentials=before.credentials if before is not None else Credentials(),
        host=host,
        admin_key=admin_key,
    )
    write_private(path, state.model_dump_json(indent=2))
    return state


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def read_json(path: Path) -> dict[str, str]:
    """Read a flat JSON object of strings; a missing file is an empty one.

    Raises:
        StackError: it is something else.
    """
    try:
        return _STRINGS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        message = f"{path} is no JSON object of strings: mend it, or remove it"
        raise StackError(message) from error


def is_loopback(host: str) -> bool:
    """Tell whether only programs on this machine reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on a port of an address of this machine.

    Raises:
        StackError: this machine has no such address.
    """
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        message = f"{host} is no address of this machine; 0.0.0.0 means all that it has"
        raise StackError(message) from error
    with socket.socket(family, kind) as probe:
        # As servers do: a port whose last connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                message = f"{host} is no address of this machine; 0.0.0.0 means all that it has"
                raise StackError(message) from error
            return False
    return True


def free_port(taken: AbstractSet[int] = frozenset()) -> int:
    """Choose a port that is free now, as is its gRPC twin."""
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if _is_usable(port, taken):
            return port


def _is_usable(port: int, taken: AbstractSet[int]) -> bool:
    both = _with_twin(port)
    return both.isdisjoint(taken) and all(is_free(one) for one in both)


def _with_twin(port: int) -> set[int]:
    return {port, port + _GRPC_OFFSET}
