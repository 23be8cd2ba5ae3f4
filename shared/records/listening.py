"""What changed, told by Postgres: one connection that listens (LISTEN).

Who relies on hearing of every change sends a pulse the way that changes come: one that is heard says that all
which was committed before it was heard too.
"""

from dataclasses import dataclass
from typing import Final

import psycopg2
from sqlalchemy import func, make_url, select
from sqlalchemy.orm import Session

from shared.errors import TryAgainError
from shared.records.patience import patient
from shared.settings import DatabaseSettings

PULSES: Final = "pulses"
"""Postgres NOTIFY channel; the payload says whose pulse it is."""


def send_pulse(session: Session, whose: str) -> None:
    """Send one through the server that changes are written to; one that takes no writes refuses it."""
    session.execute(select(func.pg_notify(PULSES, whose)))


@dataclass(frozen=True, slots=True)
class Notification:
    """One change.

    Attributes:
        channel: `events.CHANNEL`, `keys.CHANNEL`, `outbox.CHANNEL` or `PULSES`.
        payload: the study's id, whose pulse it is, or nothing.
    """

    channel: str
    payload: str


class Listener:
    """The connection; `lost` once it broke."""

    def __init__(self, settings: DatabaseSettings, *channels: str, name: str) -> None:
        """Connect. Blocks.

        Args:
            name: what the server's operators see the connection by.

        Raises:
            TryAgainError: Postgres cannot be reached.
        """
        url = make_url(settings.url.get_secret_value()).set(drivername="postgresql")
        self.lost = False
        try:
            # The keep-alives find a server that vanished without a word within half a minute.
            self._connection = psycopg2.connect(
                url.render_as_string(hide_password=False),
                connection_factory=patient(settings.connect_timeout),
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
                application_name=name,
            )
            self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute("; ".join(f"LISTEN {channel}" for channel in channels))
        except psycopg2.Error as error:
            message = "the database cannot be reached"
            raise TryAgainError(message) from error

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when something came."""
        return self._connection.fileno()

    def receive(self) -> list[Notification]:
        """Return what came since the last time, without waiting."""
        try:
            self._connection.poll()
        except psycopg2.Error:
            self.lost = True
        came, self._connection.notifies[:] = list(self._connection.notifies), []
        return [Notification(one.channel, one.payload) for one in came]

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
