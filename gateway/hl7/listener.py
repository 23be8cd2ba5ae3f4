"""The port for HL7: a thread a connection, and no connection that could hold up the others.

A message that has begun must end soon, a connection on which nothing comes is closed, and past a number of
connections the next is closed at once. Where a message could not be written down the connection is closed
without an answer: its sender then sends it again.
"""

import ipaddress
import socket
import socketserver
import threading
import time
from typing import Final

import structlog
from typing_extensions import override

from gateway.backend import Backend
from gateway.hl7.frames import Frames, framed
from gateway.hl7.receiving import Receiver
from shared.errors import TooLargeError, TryAgainError

log = structlog.get_logger()

_MOST_CONNECTIONS: Final = 64
"""A hospital's engine has a few; each is a thread."""
_IDLE_SECONDS: Final = 3600.0
"""Engines keep a connection open between orders."""
_FRAME_SECONDS: Final = 30.0
_PIECE: Final = 1 << 16
_STOP_SECONDS: Final = 10.0


class Hl7Listener:
    """The part of the gateway that takes HL7 messages."""

    def __init__(self, backend: Backend) -> None:
        settings = backend.settings
        self._address = (settings.host, settings.hl7_port)
        self._receiver = Receiver(
            backend.database, backend.hints.send, settings.keep_orders, _is_loopback(settings.host)
        )
        self._server: _Server | None = None

    def start(self) -> None:
        """Listen, and serve in threads."""
        self._server = _Server(self._address, self._receiver)
        threading.Thread(target=self._server.serve_forever, name="hl7", daemon=True).start()
        log.info("hl7.listening", port=self._server.server_address[1])

    def stop(self) -> None:
        """Take no more connections, and wait for what is being written down."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        deadline = time.monotonic() + _STOP_SECONDS
        while self._server.busy and time.monotonic() < deadline:
            time.sleep(0.05)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = _MOST_CONNECTIONS

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.receiver = receiver
        self.busy = 0
        """Messages that are being written down."""
        self._places = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._lock = threading.Lock()
        super().__init__(address, _Connection)

    @override
    def verify_request(self, request: object, client_address: object) -> bool:
        if self._places.acquire(blocking=False):
            return True
        log.warning("hl7.too_many_connections", count=_MOST_CONNECTIONS)
        return False

    @override
    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._places.release()

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        log.exception("hl7.connection_failed")  # noqa: LOG004 - socketserver calls it in one

    def take(self, message: bytes) -> bytes:
        with self._lock:
            self.busy += 1
        try:
            return self.receiver.receive(message)
        finally:
            with self._lock:
                self.busy -= 1


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    @override
    def handle(self) -> None:
        frames = Frames()
        begun: float | None = None
        try:
            while content := self._next(begun):
                for message in frames.take(content):
                    self.request.sendall(framed(self.server.take(message)))
                begun = (begun or time.monotonic()) if frames.is_inside else None
        except TimeoutError:
            log.info("hl7.connection_idle")
        except (TooLargeError, TryAgainError) as error:
            log.warning("hl7.connection_closed", error=type(error).__name__)
        except OSError:
            log.info("hl7.connection_lost")

    def _next(self, begun: float | None) -> bytes:
        left = _IDLE_SECONDS if begun is None else begun + _FRAME_SECONDS - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.request.settimeout(left)
        received: bytes = self.request.recv(_PIECE)
        return received


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
