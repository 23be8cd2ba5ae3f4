"""Which addresses may be called: by what an address is, not by how it is written."""

import ipaddress
import socket
from typing import Final

from gateway.courier.outcomes import AwayError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
"""Prefixes behind which a translator calls the IPv4 address in the last 32 bits (RFC 6052, RFC 8215)."""


def addresses_of(host: str, port: int, *, private: bool) -> list[str]:
    """Resolve a name once, and return what it stands for, to be called as it is.

    Args:
        private: whether addresses of private networks and of this machine may be called. Link-local ones,
            where clouds keep their credentials, never may.

    Raises:
        AwayError: the name stands for nothing, or for any address that may not be called.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        message = "its name cannot be resolved"
        raise AwayError(message) from error
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    for address in addresses:
        if not may_be_called(address, private=private):
            message = "it is at an address that may not be called: a private one, or one of this machine"
            raise AwayError(message)
    return addresses


def may_be_called(address: str, *, private: bool) -> bool:
    """Tell whether a numeric address may be called."""
    ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return False
    if private:
        return True
    return ip.is_global and not ip.is_reserved and not getattr(ip, "is_site_local", False)


def _inner(ip: _Address) -> _Address:
    """Return the IPv4 address that an IPv6 address leads to, where it leads to one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if any(ip in network for network in _NAT64):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
