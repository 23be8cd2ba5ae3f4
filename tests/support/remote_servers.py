"""A server on a port of its own that answers as a test says, and keeps what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override


@dataclass
class Reply:
    """What is answered: JSON of an object, or bytes as they are."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    """Seconds before the first byte."""


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: Any


Answer = Reply | Callable[[Asked], Reply]


@dataclass
class RemoteServer:
    """Gives its replies one after the other, the last one for ever; or what a function makes of a request."""

    replies: list[Answer]
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    port: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, *replies: Answer) -> None:
        """Forget what was, and answer so from now on."""
        with self.lock:
            self.replies[:] = replies
            self.asked.clear()
            self.most_at_once = 0

    def next_reply(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
            self.now += 1
            self.most_at_once = max(self.most_at_once, self.now)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(asked) if callable(reply) else reply

    def answered(self) -> None:
        with self.lock:
            self.now -= 1


@contextmanager
def remote_server(replies: Sequence[Answer] = (Reply({}),)) -> Iterator[RemoteServer]:
    """Run one until the block ends."""
    state = RemoteServer(list(replies))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: object) -> None:
            reply = state.next_reply(Asked(self.path, dict(self.headers), body))
            time.sleep(reply.after)
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            state.answered()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except ConnectionError:
                self.close_connection = True  # whoever asked did not wait

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield state
        finally:
            server.shutdown()
