"""The part of the gateway that speaks DIMSE: its ports, opened with the process and drained at its end."""

import logging
import ssl
import threading
import time
from typing import Final

import structlog
from pynetdicom import AE, _config, evt

from gateway.backend import Backend
from gateway.dimse import tls
from gateway.dimse.commitment import Commitment
from gateway.dimse.contexts import offered
from gateway.dimse.door import Door
from gateway.dimse.messages import Messages
from gateway.dimse.procedure_steps import ProcedureSteps
from gateway.dimse.server import Server, drained
from gateway.dimse.sockets import LONGEST_PDU, TO_BEGIN
from gateway.dimse.store import storing
from gateway.dimse.worklist import Worklist
from shared.rendering.identity import product_uid
from shared.version import product_version

log = structlog.get_logger()

_IDLE: Final = 120.0
"""Seconds after which an association is ended over which nothing comes."""
_DRAIN: Final = 5.0
"""Seconds that associations have at our end to come to theirs; the object under way is finished anyhow."""
_CONNECTIONS_PER_ASSOCIATION: Final = 4

# Of pynetdicom: what it logs holds UIDs and identifiers, and what goes wrong is logged here.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False


class Dimse:
    """Listens for associations."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._door = Door(backend)
        self._commitment = Commitment(backend, self._door)
        self._steps = ProcedureSteps(backend, self._door)
        self._worklist = Worklist(backend, self._door)
        self._servers: list[Server] = []

    def start(self) -> None:
        """Open the port, and the one for TLS where there is a certificate.

        Raises:
            OSError: a port is taken, or a file of TLS cannot be used.
        """
        settings = self._backend.settings
        self._listen(settings.dicom_port, None)
        if (context := tls.for_those_who_call(settings)) is not None:
            self._listen(settings.tls_port, context)

    def stop(self) -> None:
        """Take no more associations, let those that are there end, and end those that do not."""
        for server in self._servers:
            server.shutdown()
        if not drained(self._servers, seconds=_DRAIN):
            for server in self._servers:
                for association in server.active_associations:
                    association.abort()
        drained(self._servers, seconds=_DRAIN)
        self._commitment.stop()

    def _listen(self, port: int, context: ssl.SSLContext | None) -> None:
        settings = self._backend.settings
        ae = AE(settings.ae_title)
        ae.implementation_class_uid = product_uid("implementation")
        ae.implementation_version_name = f"CXR_{product_version()}"[:16]
        ae.maximum_pdu_size = LONGEST_PDU
        ae.maximum_associations = settings.max_associations * _CONNECTIONS_PER_ASSOCIATION
        ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = TO_BEGIN, _IDLE, _IDLE
        server = ae.make_server(
            (settings.host, port),
            ae_title=settings.ae_title,
            contexts=offered(),
            ssl_context=context,
            evt_handlers=[
                (evt.EVT_CONN_OPEN, self._take_over),
                (evt.EVT_REQUESTED, self._door.ask),
                (evt.EVT_C_FIND, self._worklist.find),
                (evt.EVT_N_CREATE, self._steps.create),
                (evt.EVT_N_SET, self._steps.set),
                (evt.EVT_N_ACTION, self._commitment.ask),
                (evt.EVT_C_STORE, storing(self._backend, self._door)),
            ],
            server_class=Server,
        )
        self._servers.append(server)
        ae._servers.append(server)  # noqa: SLF001  as `start_server` does, which makes none but its own
        threading.Thread(target=server.serve_forever, name="dimse", daemon=True).start()
        log.info("dimse.listening", port=server.server_address[1], device="tls" if context else "tcp")

    def _take_over(self, event: evt.Event) -> None:
        event.assoc.dimse = Messages(
            event.assoc, most_bytes=self._backend.limits.file_bytes, clock=time.monotonic
        )
