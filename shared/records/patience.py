"""How long psycopg2 waits for Postgres: libpq itself waits without end once it is connected.

psycopg2 does all its waiting in one callback, meant for coroutine libraries. Ours waits as psycopg2 would,
and gives up on a server that says nothing for too long: one that was stopped where it stands, one whose
disk hangs, one behind a network that swallows packets. The connection is closed; SQLAlchemy drops it.
"""

import select
from datetime import timedelta

import psycopg2
import psycopg2.extensions


class NoAnswerError(psycopg2.OperationalError):
    """Postgres said nothing for too long; whether it did what it was asked to is not known."""


class PatientConnection(psycopg2.extensions.connection):
    """A connection that knows how long to wait for the next sign of the server."""

    patience: float | None
    """Seconds; None waits without end."""


def patient(seconds: timedelta) -> type[PatientConnection]:
    """Return the class of connections that wait so long while they are made, and until they are told more."""

    class Connection(PatientConnection):
        patience = seconds.total_seconds()

    # Of the process, since psycopg2 has no other; connections of another class wait as they always do.
    psycopg2.extensions.set_wait_callback(wait)
    return Connection


def wait(connection: psycopg2.extensions.connection) -> None:
    """Wait until the connection has done what it was asked to.

    Raises:
        NoAnswerError: the server gave no sign for as long as the connection has patience.
    """
    patience = getattr(connection, "patience", None)
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        # A poll of its own each time: while connecting, the next of a name's addresses is another socket.
        sign = select.poll()
        writes = state == psycopg2.extensions.POLL_WRITE
        sign.register(connection.fileno(), select.POLLOUT if writes else select.POLLIN)
        if not sign.poll(None if patience is None else patience * 1000):
            message = f"the server said nothing for {patience:g} seconds"
            raise NoAnswerError(message)
