"""A multipart/related answer (PS3.18 8.6.1): each part is ready before its first byte is sent.

The status is that of the first part. What goes wrong with a later one cuts the connection off, so that the
client does not take what it has for all.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import structlog
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.backend import Backend
from api.originals import PIECE, seconds_to_send

log = structlog.get_logger()

_SANDBOX: Final = "default-src 'none'; sandbox"
"""A file from outside may be anything to a browser."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an answer.

    Attributes:
        content: at its start; it is closed once it is sent.
        place: the address of just this.
    """

    media_type: str
    content: BinaryIO
    place: str | None = None

    @property
    def size(self) -> int:
        """Of the content, in bytes."""
        size = self.content.seek(0, 2)
        self.content.seek(0)
        return size


class RelatedResponse(Response):
    """Parts, one after the other, at the client's own pace; or the only one of them as it is."""

    def __init__(self, backend: Backend, who: str, parts: AsyncIterator[Part], *, within: str | None) -> None:
        """Take what the parts are of; None for a single part, which is the answer itself."""
        self._boundary = secrets.token_hex(16)
        kind = within and f'multipart/related; type="{within}"; boundary={self._boundary}'
        headers = {"Content-Security-Policy": _SANDBOX, "Vary": "Accept"}
        super().__init__(headers=headers, media_type=kind or "application/octet-stream")
        # The length is not known before all of it is read.
        del self.headers["content-length"]
        self._backend, self._who, self._parts, self._multiple = backend, who, parts, within is not None

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._backend.originals.place_of(self._who):
            first = True
            async for part in self._parts:
                with part.content:
                    if first and not self._multiple:
                        self.headers["content-type"] = part.media_type
                        self.headers["content-length"] = str(part.size)
                    if first:
                        await self._begin(send)
                    first = False
                    await self._send(part, send)
            end = f"\r\n--{self._boundary}--\r\n".encode() if self._multiple else b""
            await send({"type": "http.response.body", "body": end, "more_body": False})

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _send(self, part: Part, send: Send) -> None:
        try:
            async with asyncio.timeout(seconds_to_send(part.size)):
                if self._multiple:
                    await send({"type": "http.response.body", "body": self._head(part), "more_body": True})
                while piece := await run_in_threadpool(part.content.read, PIECE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            log.warning("instance.cut", size=part.size)
            raise

    def _head(self, part: Part) -> bytes:
        lines = [
            f"\r\n--{self._boundary}",
            f"Content-Type: {part.media_type}",
            f"Content-Length: {part.size}",
        ]
        if part.place is not None:
            lines.append(f"Content-Location: {part.place}")
        return "\r\n".join([*lines, "", ""]).encode()
