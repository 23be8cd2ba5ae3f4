"""A client that says just what it is told to, over a bare socket, and reads what comes back.

Wire(port).say("GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n").answer().status
"""

import json
import re
import select
import socket
from dataclasses import dataclass

SOON = 15
"""Seconds: far more than any deadline of a test, far less than for ever."""
SWALLOWED = 16 << 20
"""Bytes: more than all buffers and what is read of a refused body; attacks send four times as much."""


@dataclass(slots=True)
class Answer:
    """One answer."""

    status: int
    headers: str
    body: bytes

    @property
    def code(self) -> str:
        """Which problem it is."""
        assert "application/problem+json" in self.headers, self
        kind: str = json.loads(self.body)["type"]
        return kind.removeprefix("/problems/")


class Wire:
    """A connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SOON)
        self.sent = 0
        self._received = b""

    def say(self, text: str | bytes) -> "Wire":
        """Send it."""
        data = text.encode() if isinstance(text, str) else text
        self.socket.sendall(data)
        self.sent += len(data)
        return self

    def keep_saying(self, text: bytes, *, most: int = 4 * SWALLOWED, every: float = 0) -> None:
        """Say it until the server has had enough, or we have."""
        try:
            while self.sent < most:
                self.say(text)
                if every and self.hears_something(every):
                    return
        except OSError:
            pass

    def hears_something(self, seconds: float = 0) -> bool:
        """Tell whether the server says something, or hangs up."""
        return bool(select.select([self.socket], [], [], seconds)[0])

    def answer(self) -> Answer:
        """Read one answer with a Content-Length."""
        while b"\r\n\r\n" not in self._received:
            self._read()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        headers = head.decode()
        length = int(re.findall(r"(?i)content-length: (\d+)", headers)[0])
        while len(self._received) < length:
            self._read()
        body, self._received = self._received[:length], self._received[length:]
        return Answer(int(headers.split()[1]), headers, body)

    def read_some(self, size: int) -> None:
        """Take at most so much."""
        self._received += self.socket.recv(size)

    def is_closed(self) -> bool:
        """Read to the end, which has to come."""
        try:
            while True:
                self._read()
        except TimeoutError:
            return False
        except (ConnectionError, EOFError):
            return True

    def _read(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self._received += data
