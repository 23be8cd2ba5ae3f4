"""Whose program a connection of this machine comes from: the kernel's list of connections tells.

While keys are off, every user of the machine reaches the loopback address. Whoever started the server, or
root, is at the other end of a connection that is served.
"""

import os
import sys
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ORPHAN: Final = "0"
"""Inode of a connection that no program holds any more: it is listed as root's, whoever it was."""
_ROOT: Final = 0

Address = tuple[str, int]


def own_users() -> frozenset[int] | None:
    """Return the users whose connections are this server's user's own; None where the system has no list."""
    return frozenset({_ROOT, os.getuid()}) if _TABLES[0].exists() else None


def user_of(client: Address, server: Address) -> int | None:
    """Return the user id of the program that connected; None when no program holds the connection."""
    ends = {(_written(form(client[0]), client[1]), _written(form(server[0]), server[1])) for form in _FORMS}
    for line in _lines():
        fields = line.split()
        if (fields[1], fields[2]) in ends and fields[9] != _ORPHAN:
            return int(fields[7])
    return None


def _lines() -> Iterator[str]:
    for table in _TABLES:
        if table.exists():
            yield from table.read_text(encoding="ascii").splitlines()[1:]


def _plain(host: str) -> bytes:
    return ip_address(host).packed


def _mapped(host: str) -> bytes:
    # How an IPv4 connection is listed whose program asked for an IPv6 socket.
    address = ip_address(host)
    return address.packed if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{host}").packed


_FORMS: Final = (_plain, _mapped)


def _written(packed: bytes, port: int) -> str:
    """Write an address as the kernel does: each four bytes as a number of this machine's byte order."""
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    host = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    return f"{host}:{port:04X}"
