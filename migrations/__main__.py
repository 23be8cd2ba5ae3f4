"""Bring the schema to the newest version: `python -m migrations`.

Safe to run twice and from several pods at once: they take turns under an advisory lock. Services of
the release before go on working while it runs.
"""

import sys
import time
from pathlib import Path
from typing import Final

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from shared.database import Database
from shared.errors import TryAgainError
from shared.settings import DatabaseSettings, TelemetrySettings
from shared.telemetry import configure

_LOCK: Final = 0x435852  # "CXR": any number will do, as long as no other lock uses it
_PATIENCE_SECONDS: Final = 120

log = structlog.get_logger()


def main() -> int:
    """Wait for Postgres, take the lock, upgrade."""
    configure("migrations", TelemetrySettings())
    database = Database(DatabaseSettings(), pool_size=1)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with database.session() as session:
                upgrade(session.connection())
        except TryAgainError as error:
            if time.monotonic() > deadline:
                log.exception("migrations.failed", error=type(error).__name__)
                return 1
            time.sleep(1)
        else:
            log.info("migrations.done")
            return 0


def upgrade(connection: Connection, *, revision: str = "head") -> None:
    """Upgrade to `revision` in the connection's transaction, under the lock that others wait for."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    command.upgrade(alembic_config(connection), revision)


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration, bound to a connection."""
    config = Config(str(Path(__file__).with_name("alembic.ini")))
    config.attributes["connection"] = connection
    return config


if __name__ == "__main__":
    sys.exit(main())
