"""The gateway's process: open the doors, start what sends and fetches, say ready, go on until SIGTERM."""

import signal
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol

import structlog

from gateway.backend import Backend, open_backend
from gateway.courier.delivery import Deliverer
from gateway.courier.part import Courier
from gateway.courier.senders import manner_of
from gateway.dimse.part import Dimse
from gateway.hl7.listener import Hl7Listener
from gateway.pull.puller import Puller
from shared.gateway_settings import DeliverySettings
from shared.operations import telemetry
from shared.settings import DatabaseSettings, TelemetrySettings

log = structlog.get_logger()


class Part(Protocol):
    """Something of the gateway that runs in threads of its own."""

    def start(self) -> None:
        """Begin; what it needs and is away does not keep it from beginning."""

    def stop(self) -> None:
        """Take nothing more, finish what is begun within seconds, and end."""


def main() -> int:
    """Run until SIGTERM; return the exit code."""
    telemetry.configure("gateway", TelemetrySettings())
    # Shown from the start, or a gateway that nobody sends to would look like none.
    telemetry.INSTANCES.labels("taken")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    backend = open_backend()
    with ExitStack() as running:
        running.callback(backend.close)
        for part in parts_of(backend):
            part.start()
            running.callback(part.stop)
        log.info("worker.ready")
        stopped.wait()
        log.info("worker.stopping")
    return 0


def parts_of(backend: Backend) -> Sequence[Part]:
    """Return all that the gateway does, in the order in which it starts."""
    manner = manner_of(DeliverySettings(), ae_title=backend.settings.ae_title)
    return (
        Dimse(backend),
        Hl7Listener(backend),
        Puller(backend),
        Courier(Deliverer(backend.database, backend.storage, manner), DatabaseSettings()),
    )
