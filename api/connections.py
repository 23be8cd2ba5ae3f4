"""What a connection may cost before anybody knows who is at its other end: bytes and seconds.

    waiting (for a whole head) -> body (arriving) -> answering -> waiting ... -> hung up -> lost

Uvicorn bounds none of the first two, and lets a client that never reads hold its answer for ever. Here
each step has its limit: bytes are counted where they arrive, seconds when the `Door` looks.
"""

import asyncio
from enum import Enum, auto
from typing import Any, Final

import httptools
import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api import metrics
from api.door import Door
from api.neighbours import user_of
from api.problem_kinds import Code
from api.problems import ProblemError
from api.refusals import CROWDED, FOREIGN_USER, refusing, written

MOST_HEADERS: Final = 100
MOST_PIPELINED: Final = 16
"""Requests that a client may send before it has read the answer of the first; none that we know sends two."""
FRAMING_SHARE: Final = 8
"""Bytes of chunk sizes, extensions and trailers for one byte of a body: a chunk of one byte has five."""
LINGER_BYTES: Final = 4 << 20
LINGER_SECONDS: Final = 2.0
"""How much, and how long, is read of a body that was refused: closed at once, the answer would be lost."""


class _Step(Enum):
    WAITING = auto()
    BODY = auto()
    ANSWERING = auto()


class Connection(HttpToolsProtocol):
    """Uvicorn's connection, counted and timed."""

    def __init__(
        self,
        door: Door,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._door = door
        self._limits = door.limits
        self.is_spare = False
        """Let in past the limit, for a probe alone."""
        self._step = _Step.WAITING
        self._since = 0.0
        """When the step began, or the window of a rate."""
        self._hung_up = False
        self._deaf = False
        """Whatever else arrives is thrown away."""
        self._refusal: ProblemError | None = None
        self._lingering: asyncio.TimerHandle | None = None
        # What is counted, since the head, the body or the window began.
        self._chunk = self._head = self._framed = self._body = self._body_before = 0
        self._has_begun = self._began_in_chunk = False
        self._sent_before, self._sent_since = 0, 0.0

    # What uvicorn and the event loop call.

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        self._raw = transport
        self._since = self._sent_since = self.loop.time()
        self._counted = _Transport(self, transport)
        super().connection_made(self._counted)
        if self._door.users is not None:
            client, server = (transport.get_extra_info(end)[:2] for end in ("peername", "sockname"))
            if user_of(client, server) not in self._door.users:
                self.app = refusing(self.app, FOREIGN_USER)
        self._door.admit(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._hung_up = True
        self._door.waits_no_more(self)
        self._door.let_go(self)
        if self._lingering is not None:
            self._lingering.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        self._chunk = len(data)
        if self._deaf:
            self._head += self._chunk
            if self._head > LINGER_BYTES:
                self.abort()
            return
        self._began_in_chunk = False
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
            self._count()
        except httptools.HttpParserUpgrade:
            # We speak no other protocol: the request is answered as it is, and is the last.
            self._deaf, self.cycle.keep_alive = True, False
        except (httptools.HttpParserError, _RefusedError):
            message = "the request is not HTTP/1.1 as it should be"
            self._refuse(self._refusal or ProblemError(Code.BAD_REQUEST, message))

    @override
    def on_message_begin(self) -> None:
        self._has_begun = self._began_in_chunk = True
        self._step = _Step.WAITING
        super().on_message_begin()

    @override
    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._limits.url_bytes:
            raise self._refused(
                Code.URI_TOO_LONG, f"the address has more than {self._limits.url_bytes} bytes"
            )

    @override
    def on_headers_complete(self) -> None:
        self._check_head()
        if len(self.pipeline) >= MOST_PIPELINED:
            raise self._refused(Code.BAD_REQUEST, f"more than {MOST_PIPELINED} requests wait for an answer")
        self._door.waits_no_more(self)
        self._step, self._since, self._has_begun = _Step.BODY, self.loop.time(), False
        self._head = self._framed = self._body = self._body_before = 0
        if self.is_spare and self._door.is_full:
            self.app = refusing(self.app, CROWDED)
        super().on_headers_complete()
        if self.is_spare:
            self.cycle.keep_alive = False
        # Trailers, which come after the body, must not pass for headers.
        self.headers = []

    @override
    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._step = _Step.ANSWERING
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._hung_up or not self.cycle.response_complete:
            return  # closed, or a pipelined request comes next
        if self._step is _Step.BODY:
            self.transport.close()  # answered before its body was here: nobody wants the rest
        else:
            self._step, self._since = _Step.WAITING, self.loop.time()
            self._door.starts_to_wait(self)

    # What the door and the transport call.

    @property
    def unsent(self) -> int:
        """Bytes of answers that the client has not taken yet."""
        return self._raw.get_write_buffer_size()

    def abort(self) -> None:
        """Close, whatever has not been sent."""
        self._hung_up = True
        self._door.waits_no_more(self)
        self._raw.abort()

    def hang_up(self) -> None:
        """Close once all is sent; where the client still sends, let it see the answer first."""
        if self._hung_up:
            return
        self._hung_up = True
        self._door.waits_no_more(self)
        if self._refusal is None and self._step is not _Step.BODY:
            self._raw.close()
            return
        metrics.REFUSED.labels("unread-body" if self._refusal is None else self._refusal.code).inc()
        self._deaf, self._head = True, 0
        self._raw.write_eof()
        self.flow.resume_reading()
        self._lingering = self.loop.call_later(LINGER_SECONDS, self._raw.abort)

    @property
    def is_hung_up(self) -> bool:
        """Whether nothing more is sent."""
        return self._hung_up or self._raw.is_closing()

    def restart_clock(self, now: float) -> None:
        """Begin the step, or the window, anew."""
        self._since = self._sent_since = now
        self._body_before, self._sent_before = self._body, self._counted.written - self.unsent

    def look(self, now: float) -> None:
        """Close what takes too long."""
        self._look_at_reader(now)
        if self.is_hung_up:
            return
        if self._step is _Step.BODY:
            self._look_at_body(now)
        elif self._owes_a_head and now - self._since > self._limits.head_seconds:
            if self._has_begun:
                seconds = self._limits.head_seconds
                self._refuse(ProblemError(Code.REQUEST_TIMEOUT, f"no whole head came within {seconds:g} s"))
            else:
                # A browser opens connections ahead of use: nothing was asked, so nothing is answered.
                self.hang_up()

    @property
    def _owes_a_head(self) -> bool:
        return self._step is _Step.WAITING and (self.cycle is None or self.cycle.response_complete)

    def _look_at_body(self, now: float) -> None:
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:
            self._since, self._body_before = now, self._body  # it is us who are slow
        elif now - self._since >= self._limits.window_seconds:
            rate = (self._body - self._body_before) / (now - self._since)
            self._since, self._body_before = now, self._body
            if rate < self._limits.least_rate:
                least = f"{self._limits.least_rate:g} bytes a second"
                self._refuse(ProblemError(Code.REQUEST_TIMEOUT, f"the body came at less than {least}"))

    def _look_at_reader(self, now: float) -> None:
        unsent = self.unsent
        sent = self._counted.written - unsent
        if unsent == 0:
            self._sent_since, self._sent_before = now, sent
        elif now - self._sent_since >= self._limits.window_seconds:
            rate = (sent - self._sent_before) / (now - self._sent_since)
            self._sent_since, self._sent_before = now, sent
            if rate < self._limits.least_rate:
                metrics.REFUSED.labels("unread").inc()
                self.abort()

    # Counting and refusing.

    def _count(self) -> None:
        """Stop what grows without an end; of a request that began in this very chunk the next one tells."""
        if self._began_in_chunk:
            return
        if self._step is _Step.BODY:
            self._framed += self._chunk
            framing = self._framed - self._body
            if framing > self._limits.head_bytes + FRAMING_SHARE * self._body:
                raise self._refused(Code.BAD_REQUEST, "the body is chunk headers and trailers, not content")
        elif self._step is _Step.WAITING:
            self._head += self._chunk
            if self._head > self._limits.head_bytes:
                raise self._head_too_large()

    def _check_head(self) -> None:
        if len(self.headers) > MOST_HEADERS:
            raise self._refused(Code.HEADERS_TOO_LARGE, f"the request has more than {MOST_HEADERS} headers")
        if self._began_in_chunk and self._chunk <= self._limits.head_bytes:
            return  # as nearly always: it came in one piece, and the piece is small
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self._limits.head_bytes:
            raise self._head_too_large()

    def _head_too_large(self) -> Exception:
        return self._refused(
            Code.HEADERS_TOO_LARGE, f"the headers have more than {self._limits.head_bytes} bytes"
        )

    def _refused(self, code: Code, detail: str) -> Exception:
        # The parser wraps what is raised in its callbacks, so what was meant is kept here.
        self._refusal = ProblemError(code, detail)
        return _RefusedError()

    def _refuse(self, problem: ProblemError) -> None:
        """Answer with the problem and close, or just close where an answer is under way already."""
        self._deaf, self._refusal = True, problem
        running = self.cycle
        if running is not None and not running.response_complete:
            if self._step is not _Step.BODY:
                running.keep_alive = False  # the request before this one: it ends in good order
                return
            if running.response_started or self.pipeline:
                metrics.REFUSED.labels(problem.code).inc()
                self.abort()
                return
            running.disconnected = True
            running.message_event.set()
        self.transport.write(written(problem))
        self.hang_up()


class _RefusedError(Exception):
    """Stops the parser; the connection knows why."""


class _Transport(asyncio.Transport):
    """The transport as uvicorn sees it: it counts what is written, and closes as the connection wants."""

    def __init__(self, connection: Connection, raw: asyncio.Transport) -> None:
        super().__init__()
        self._connection = connection
        self._raw = raw
        self.written = 0
        self.pause_reading = raw.pause_reading  # type: ignore[method-assign]  # what is passed on as it is
        self.resume_reading = raw.resume_reading  # type: ignore[method-assign]
        self.get_extra_info = raw.get_extra_info  # type: ignore[method-assign]

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._connection.is_hung_up:
            self.written += len(data)
            self._raw.write(data)

    @override
    def is_closing(self) -> bool:
        return self._connection.is_hung_up

    @override
    def close(self) -> None:
        self._connection.hang_up()
