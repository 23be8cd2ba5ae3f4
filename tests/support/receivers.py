"""What receives results in tests: HTTP servers, an HL7 listener and dcmtk's storescp."""

import asyncio
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import hl7
from hl7.mllp import start_hl7_server
from typing_extensions import override

from cxr.local.state import free_port
from tests.support.services import wait_for


@dataclass
class Request:
    """One that came."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes


@dataclass
class Receiver:
    """An HTTP server: what came to it, and what it answers."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], tuple[int, dict[str, str], bytes]] = lambda _: (204, {}, b"")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def http_receiver() -> Iterator[Receiver]:
    """Run an HTTP server until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            came = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, content)
            receiver.requests.append(came)
            status, headers, body = receiver.answer(came)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST  # noqa: N815 - the names that http.server calls

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Listener:
    """An HL7 listener of the package hl7: what came to it, and how it acknowledges."""

    port: int
    messages: list[hl7.Message] = field(default_factory=list)
    code: str = "AA"


@contextmanager
def hl7_listener() -> Iterator[Listener]:
    """Run an HL7 listener until the block ends."""
    listener = Listener(free_port())
    loop = asyncio.new_event_loop()

    async def converse(reader, writer) -> None:
        try:
            while not reader.at_eof():
                message = await reader.readmessage()
                listener.messages.append(message)
                writer.writemessage(message.create_ack(ack_code=listener.code))
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def serve() -> None:
        # A message carries the report as a PDF.
        server = await start_hl7_server(
            converse, "127.0.0.1", listener.port, encoding="utf-8", limit=50_000_000
        )
        started.set()
        async with server:
            await stopped.wait()

    started, stopped = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(30)
    try:
        yield listener
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(30)
        loop.close()


@dataclass
class StoreScp:
    """dcmtk's storescp: where it listens, and what it has stored."""

    port: int
    folder: Path

    def files(self) -> list[Path]:
        return sorted(one for one in self.folder.iterdir() if one.is_file())


@contextmanager
def storescp(folder: Path, *options: str, port: int | None = None) -> Iterator[StoreScp]:
    """Run storescp until the block ends."""
    scp = StoreScp(port or free_port(), folder / "stored")
    scp.folder.mkdir(exist_ok=True)
    with (folder / "storescp.log").open("wb") as log:
        process = subprocess.Popen(
            ["storescp", "-v", "-od", str(scp.folder), *options, str(scp.port)],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        echo = ["echoscu", "127.0.0.1", str(scp.port)]
        wait_for(
            lambda: subprocess.run(echo, capture_output=True, check=False).returncode == 0, 60, "storescp"
        )
        yield scp
    finally:
        process.terminate()
        process.wait(30)
