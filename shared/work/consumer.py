"""Celery's consumer, which asks for a broker that is away every second second.

Celery itself waits longer after each attempt, up to half a minute, and has no setting for it: after an outage
workers would stand idle beside a broker that is back.
"""

from functools import partial

from celery.worker.consumer import Consumer
from kombu import Connection
from typing_extensions import override


def persistent(connection: Connection) -> Connection:
    """Let a connection be asked for every second second for as long as the broker is away; return it."""
    connection.ensure_connection = partial(connection.ensure_connection, interval_step=0)  # type: ignore[method-assign]  # it is called by name
    return connection


class PersistentConsumer(Consumer):
    """Takes messages."""

    @override
    def ensure_connected(self, conn: Connection) -> Connection:
        """Connect, however long it takes; called at the start and after each loss."""
        return super().ensure_connected(persistent(conn))
