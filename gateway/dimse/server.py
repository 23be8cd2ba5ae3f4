"""Connections: how many there may be, TLS, and what becomes of those that nothing useful comes from."""

import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import structlog
from pynetdicom import AE
from pynetdicom.events import EventHandlerType
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import ThreadedAssociationServer
from typing_extensions import override

from gateway.dimse.messages import Messages
from gateway.dimse.sockets import framed

log = structlog.get_logger()

TO_FINISH_A_MESSAGE: Final = 600.0
"""Seconds from a message's first byte to its last: 300 MB at 4 Mbit/s."""
_MOST_HANDSHAKES: Final = 100
"""Connections that are no associations yet; each has a thread."""


class Server(ThreadedAssociationServer):  # type: ignore[misc]  # untyped
    """Accepts connections on one port."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        ae: AE,
        address: tuple[str, int],
        ae_title: str,
        contexts: list[PresentationContext],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: list[EventHandlerType] | None = None,
    ) -> None:
        """As pynetdicom's own, of which `ssl_context` says whether this is the port for TLS."""
        super().__init__(ae, address, ae_title, contexts, ssl_context, evt_handlers)
        self._shaking_hands = threading.Semaphore(_MOST_HANDSHAKES)

    @override
    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection; hands are shaken in its own thread, or one peer would hold up all others."""
        assert self.socket is not None  # noqa: S101  it is bound while it serves
        connection, address = self.socket.accept()
        return connection, address

    @override
    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Tell whether there is room for another connection; without it is closed at once."""
        room: bool = len(self.active_associations) < self.ae.maximum_associations
        if not room:
            log.warning("connection.refused", count=self.ae.maximum_associations)
        return room

    @override
    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Begin TLS where it is wanted, and hand the connection to an association."""
        if not self._shaking_hands.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            connection = framed(request, self.ssl_context)
            connection.begin()
        except OSError as error:
            # Without its text, which may hold what is in a certificate.
            log.warning("connection.refused", error=type(error).__name__)
            self.shutdown_request(request)
            return
        finally:
            self._shaking_hands.release()
        super().process_request_thread(connection, client_address)

    @override
    def service_actions(self) -> None:
        """Twice a second: end what takes too long."""
        super().service_actions()
        for association in self.active_associations:
            messages = association.dimse
            since = messages.under_way_since if isinstance(messages, Messages) else None
            if since is not None and time.monotonic() - since > TO_FINISH_A_MESSAGE:
                log.warning("association.slow")
                association.abort(block=False)


def drained(servers: Sequence[Server], *, seconds: float) -> bool:
    """Wait until no association is left; return whether so."""
    until = time.monotonic() + seconds
    while any(server.active_associations for server in servers):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
