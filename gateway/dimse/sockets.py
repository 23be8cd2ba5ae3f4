"""Sockets that hand pynetdicom one whole PDU at a time (PS3.8 9.3), of bounded length and in bounded time.

pynetdicom believes the 32 bits of a PDU's length and waits for so many bytes as long as they take to come.
Here a PDU is read to its end before any of it is handed on, or the connection is as good as broken.
"""

import socket
import ssl
import struct
import time
from typing import Any, Final

from typing_extensions import override

LONGEST_PDU: Final = 128 * 1024
"""Bytes of a P-DATA-TF that peers are told; dcmtk sends no longer ones either."""
LONGEST_REQUEST: Final = 128 * 1024
"""Bytes of an A-ASSOCIATE-RQ: 128 contexts, each with all that we read, are half of that."""
TO_BEGIN: Final = 15.0
"""Seconds from the connection to its whole A-ASSOCIATE-RQ; the same for a TLS handshake."""
TO_FINISH_A_PDU: Final = 30.0
"""Seconds from a PDU's first byte to its last, and for a peer to take one of ours."""

_HEADER: Final = struct.Struct(">BxL")
_TYPES: Final = range(1, 8)
_ASSOCIATE: Final = 1


class _Framed:
    """What both kinds of sockets do: `recv` hands on the bytes of one PDU, then waits for the next one."""

    # Values of the class, since ssl makes its sockets without calling __init__ of what is derived from them.
    _pdu: memoryview = memoryview(b"")
    _begins_until: float | None = None
    _has_begun = False

    def begin(self) -> None:
        """Give the peer from now on its time to ask for an association."""
        self._begins_until = time.monotonic() + TO_BEGIN

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Return bytes of the PDU under way; of none, once the peer has closed.

        Raises:
            OSError: it is too long, or took too long.
        """
        if not self._pdu:
            self._pdu = memoryview(self._read_pdu(flags))
        piece = bytes(self._pdu[:bufsize])
        self._pdu = self._pdu[len(piece) :]
        return piece

    def _read_pdu(self, flags: int) -> bytearray:
        until = time.monotonic() + TO_FINISH_A_PDU
        if not self._has_begun and self._begins_until is not None:
            until = self._begins_until
        pdu = bytearray()
        self._read_to(pdu, _HEADER.size, until, flags)
        if len(pdu) < _HEADER.size:
            return bytearray()
        kind, length = _HEADER.unpack(pdu)
        if kind not in _TYPES:
            # No DICOM: what else it may be is not waited for. pynetdicom ends the connection over it.
            return pdu
        if length > (LONGEST_REQUEST if kind == _ASSOCIATE else LONGEST_PDU):
            message = "the peer announced a PDU that is longer than was agreed on"
            raise OSError(message)
        self._read_to(pdu, _HEADER.size + length, until, flags)
        self._has_begun = True
        return pdu

    def _read_to(self, pdu: bytearray, size: int, until: float, flags: int) -> None:
        """Read until there are so many bytes, or the peer has closed."""
        plain: Any = super()
        while len(pdu) < size:
            left = until - time.monotonic()
            if left <= 0:
                message = "the peer takes too long over one PDU"
                raise TimeoutError(message)
            plain.settimeout(left)
            piece = plain.recv(size - len(pdu), flags)
            if not piece:
                return
            pdu += piece

    def send(self, content: bytes, flags: int = 0, /) -> int:
        """Send some of the bytes; raises TimeoutError where the peer takes none of them."""
        plain: Any = super()
        plain.settimeout(TO_FINISH_A_PDU)
        return int(plain.send(content, flags))


class FramedSocket(_Framed, socket.socket):  # type: ignore[misc]  # takes less than any buffer
    """A connection without TLS."""


class FramedTlsSocket(_Framed, ssl.SSLSocket):  # type: ignore[misc]  # its parameters have other names
    """A connection with TLS; an SSLContext makes it where it is its `sslsocket_class`."""

    @override
    def begin(self) -> None:
        """Shake hands, and give the peer its time to ask for an association.

        Raises:
            OSError: the peer has no certificate that we trust, speaks no TLS, or is too slow.
        """
        self.settimeout(TO_BEGIN)
        self.do_handshake()
        super().begin()


def framed(connection: socket.socket, context: ssl.SSLContext | None) -> FramedSocket | FramedTlsSocket:
    """Return an accepted connection as one that hands on whole PDUs; it has taken the connection over."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if context is None:
        return FramedSocket(connection.family, connection.type, connection.proto, connection.detach())
    context.sslsocket_class = FramedTlsSocket
    made = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    assert isinstance(made, FramedTlsSocket)  # noqa: S101  as the context was told
    return made
