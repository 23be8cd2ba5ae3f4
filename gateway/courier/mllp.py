"""One HL7 message over MLLP: its frame, and the acknowledgement that fits it.

Source: HL7 v2.5.1 chapter 2 (MSA), Transport Specification: MLLP, Release 1.
"""

import re
import socket
import ssl
import time
from typing import Final

from gateway.courier.addresses import addresses_of
from gateway.courier.outcomes import AwayError, RefusedError
from shared.records.destinations import Target
from shared.rendering.hl7_encoding import components

_START, _END = b"\x0b", b"\x1c\r"
_MOST_READ: Final = 65_536
_MOST_SAID: Final = 500
_TAKEN: Final = frozenset({"AA", "CA"})


def send(target: Target, message: bytes, *, seconds: float) -> str:
    """Send a message, and return what its acknowledgement says.

    Raises:
        AwayError: nobody answers, or what answers is no acknowledgement of this message.
        RefusedError: it was answered with an error (AE) or a rejection (AR): the receiver's state may be to
            blame, so it may be sent again.
    """
    addressed = _to(target, message)
    until = time.monotonic() + seconds
    with _connect(target, seconds) as connection:
        try:
            connection.sendall(_START + addressed + _END)
            answer = _read(connection, until)
        except TimeoutError as error:
            message_ = f"no acknowledgement within {seconds:g} s"
            raise AwayError(message_) from error
        except OSError as error:
            message_ = f"the connection broke: {type(error).__name__}"
            raise AwayError(message_) from error
    return _judged(answer, _field(addressed.decode(), "MSH", 10))


def probe(target: Target, *, seconds: float) -> str:
    """Connect, and send nothing: every message would be filed.

    Raises:
        AwayError: nobody is there.
    """
    with _connect(target, seconds):
        return "a connection is taken; no message was sent"


def _connect(target: Target, seconds: float) -> socket.socket:
    assert target.host is not None and target.port is not None  # noqa: S101, PT018  the table holds it
    failure: OSError | None = None
    for address in addresses_of(target.host, target.port, private=True):
        try:
            connection = socket.create_connection((address, target.port), timeout=seconds)
        except OSError as error:
            failure = error
            continue
        if not target.tls:
            return connection
        try:
            return ssl.create_default_context().wrap_socket(connection, server_hostname=target.host)
        except OSError as error:
            connection.close()
            failure = error
    message = f"it cannot be reached: {type(failure).__name__}"
    raise AwayError(message) from failure


def _to(target: Target, message: bytes) -> bytes:
    """Fill in who receives it (MSH-5 and MSH-6)."""
    header, rest = message.split(b"\r", 1)
    fields = header.decode().split("|")
    # MSH-1 is the separator itself, so that MSH-5 stands at index 4.
    fields[4:6] = components(target.application), components(target.facility)
    return "|".join(fields).encode() + b"\r" + rest


def _read(connection: socket.socket, until: float) -> bytes:
    """Return the content of one frame.

    Raises:
        AwayError: it is none, or does not end.
    """
    read = bytearray()
    while _END not in read:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(4096)
        if not chunk:
            message = "the connection was closed before the acknowledgement was whole"
            raise AwayError(message)
        read += chunk
        if not read.startswith(_START) or len(read) > _MOST_READ:
            message = "the answer is no MLLP frame"
            raise AwayError(message)
    return bytes(read[1 : read.index(_END)])


def _judged(answer: bytes, control_id: str) -> str:
    text = answer.decode(errors="replace")
    code, about = _field(text, "MSA", 1), _field(text, "MSA", 2)
    if not code:
        message = "the answer has no MSA segment"
        raise AwayError(message)
    if about != control_id:
        message = "the acknowledgement is of another message"
        raise AwayError(message)
    said = [part for part in (_field(text, "MSA", 3), _field(text, "ERR", 8), _field(text, "ERR", 7)) if part]
    whole = f"{code}: {'; '.join(said)}"[:_MOST_SAID] if said else code
    if code in _TAKEN:
        return whole
    raise RefusedError(whole, for_good=False)


def _field(message: str, segment: str, number: int) -> str:
    """Return a field of the first segment of a name; nothing where there is none."""
    for line in re.split(r"[\r\n]+", message):
        if line.startswith(f"{segment}|"):
            fields = line.split("|")
            place = number - 1 if segment == "MSH" else number
            return fields[place].strip() if place < len(fields) else ""
    return ""
