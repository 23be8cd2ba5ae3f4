"""An HTTP client that costs almost nothing, so that on few cores we measure the server and not the client.

It keeps its connections, sends bytes that were made before, and reads answers that have a length: all
that our API and FastAPI send to these calls. For anything else use httpx.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

_BOUNDARY: Final = "bench-boundary"
_LENGTH: Final = b"\r\ncontent-length:"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `head` is the status line and the headers."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value.

        Raises:
            KeyError: the answer has no such header.
        """
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.lower().encode():
                return value.strip().decode()
        raise KeyError(name)


def get(path: str, **headers: str) -> bytes:
    """Make a GET request; a header's name is written with underscores."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()


def post_file(path: str, name: str, content: bytes) -> bytes:
    """Make a POST of one file in the multipart field `files`."""
    start = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    body = start + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One connection with one request under way at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            ConnectionError: the server hung up.
        """
        assert self._transport is not None, "not connected"
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._answer is None:
            return
        head = bytes(self._received[:end])
        length = _length(head.lower())
        if len(self._received) < end + 4 + length:
            return
        body = bytes(self._received[end + 4 : end + 4 + length])
        self._received.clear()
        waiting, self._answer = self._answer, None
        waiting.set_result(Answer(int(head[9:12]), head, body))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            message = "the server hung up"
            self._answer.set_exception(ConnectionError(message))


def _length(head: bytes) -> int:
    start = head.find(_LENGTH)
    if start < 0:
        return 0  # 304 and 204 have no body
    stop = head.find(b"\r\n", start + len(_LENGTH))
    return int(head[start + len(_LENGTH) : stop if stop >= 0 else len(head)])


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Connect so many times to a port of this machine."""
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield made
    finally:
        for connection in made:
            connection.close()


async def ask_all(port: int, requests: Sequence[bytes], *, width: int) -> list[Answer]:
    """Send all requests over `width` connections, in order; return their answers in the same order."""
    answers: list[Answer | None] = [None] * len(requests)
    waiting = iter(enumerate(requests))

    async def work(connection: Connection, todo: Iterator[tuple[int, bytes]]) -> None:
        for index, request in todo:
            answers[index] = await connection.ask(request)

    async with connections(port, width) as made:
        await asyncio.gather(*(work(connection, waiting) for connection in made))
    return [answer for answer in answers if answer is not None]


@dataclass(frozen=True, slots=True)
class Count:
    """How many answers came in how many seconds."""

    answers: int
    seconds: float


async def ask_again(port: int, request: bytes, *, width: int, seconds: float, status: int) -> Count:
    """Send one request again and again over `width` connections.

    Args:
        status: that every answer must have.

    Raises:
        RuntimeError: an answer had another.
    """

    async def work(connection: Connection, until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            answer = await connection.ask(request)
            if answer.status != status:
                message = f"expected {status}, got {answer.status}: {answer.body[:300]!r}"
                raise RuntimeError(message)
            count += 1
        return count

    async with connections(port, width) as made:
        begun = time.perf_counter()
        counts = await asyncio.gather(*(work(connection, begun + seconds) for connection in made))
        return Count(sum(counts), time.perf_counter() - begun)
