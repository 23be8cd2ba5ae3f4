"""Bring the schema to the newest version: `python -m migrations`; wait for somebody else to: `... wait`.

Safe to run twice and from several pods at once: they take turns under an advisory lock. Services of
the release before go on working while it runs: a migration only adds (tests/service/test_additive.py),
and where a table is in use it steps back and tries again, since whoever comes after it would have to wait.
A schema that lacks what this release needs, and that no migration of ours leads on from, is refused.
"""

import argparse
import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
    wait_fixed,
)

import shared.records.tables  # noqa: F401  its classes fill the metadata
from shared.errors import TryAgainError
from shared.operations.telemetry import configure
from shared.records.database import Base, Database
from shared.settings import DatabaseSettings, TelemetrySettings

_LOCK: Final = 0x435852  # "CXR": any number will do, as long as no other lock uses it
_LOCK_SECONDS: Final = 1
"""Most that a migration waits for a table. A backup holds every table for as long as it takes, and all
queries of the services queue up behind a migration that waits for one."""
_LONGEST_PAUSE_SECONDS: Final = 15
_PATIENCE_SECONDS: Final = 120
_MOST_NAMED: Final = 5
_WAIT_SECONDS: Final = 900
"""Of a pod for the schema: a bundled Postgres is pulled, started and migrated meanwhile."""

log = structlog.get_logger()


class ForeignSchemaError(Exception):
    """The database's schema is of no release: a version made it that was never released, or another program.

    There is no way on from it: the database is emptied, or another one is named.
    """


def main() -> int:
    """Upgrade the schema, or wait for it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m migrations", description=__doc__)
    parser.add_argument("verb", nargs="?", choices=["upgrade", "wait"], default="upgrade")
    verb = parser.parse_args().verb
    configure("migrations", TelemetrySettings())
    database = Database(DatabaseSettings(), pool_size=1, longest_statement=None)
    try:
        return _upgrade_when_it_is_there(database) if verb == "upgrade" else _wait_until_current(database)
    except ForeignSchemaError as error:
        log.error("migrations.refused")  # noqa: TRY400  a traceback would hide what to do
        sys.exit(str(error))  # names columns of ours alone


def _upgrade_when_it_is_there(database: Database) -> int:
    retrying = Retrying(
        retry=retry_if_exception_type(TryAgainError),
        wait=wait_exponential(max=_LONGEST_PAUSE_SECONDS),
        stop=stop_after_delay(_PATIENCE_SECONDS),
        before_sleep=_tell_of("migrations.postponed"),
        reraise=True,
    )
    try:
        for attempt in retrying:
            with attempt, database.session() as session:
                upgrade(session.connection())
    except TryAgainError as error:
        log.exception("migrations.failed", error=type(error).__name__)
        return 1
    log.info("migrations.done")
    return 0


def _wait_until_current(database: Database) -> int:
    retrying = Retrying(
        retry=retry_if_exception_type(TryAgainError) | retry_if_result(operator.not_),
        wait=wait_fixed(1),
        stop=stop_after_delay(_WAIT_SECONDS),
        before_sleep=_tell_of("migrations.awaited"),
    )
    try:
        retrying(_is_current, database)
    except RetryError:
        log.error("migrations.missing")  # noqa: TRY400  what went wrong each time is in the log already
        return 1
    return 0


def _is_current(database: Database) -> bool:
    with database.session() as session:
        return is_current(session.connection())


def _tell_of(event: str) -> Callable[[RetryCallState], None]:
    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.info(event, error=type(error.__cause__ or error).__name__ if error else None)

    return tell


def upgrade(connection: Connection, *, revision: str = "head") -> None:
    """Upgrade to `revision` in the connection's transaction, under the lock that others wait for.

    A schema of a later release is left alone: that is a rollback of the services, and it serves them too.

    Raises:
        ForeignSchemaError: the schema is of no release.
        sqlalchemy.exc.OperationalError: a table was in use for too long; nothing is changed.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if is_current(connection):
        return
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
    command.upgrade(alembic_config(connection), revision)


def is_current(connection: Connection) -> bool:
    """Return whether the schema is this release's, or that of a later one (which serves this one too).

    Raises:
        ForeignSchemaError: it is neither, nor an earlier release's.
    """
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    revision = MigrationContext.configure(connection).get_current_revision()
    earlier = {script.revision for script in scripts.walk_revisions()} - {scripts.get_current_head()}
    if revision is None or revision in earlier:
        return False
    missing = _missing(connection)
    if missing:
        message = (
            f"the schema {revision!r} lacks {', '.join(missing[:_MOST_NAMED])}: a version that was never "
            "released made it, and it cannot be upgraded. Empty the database (DROP SCHEMA public CASCADE; "
            "CREATE SCHEMA public), or name another one in CXR_DATABASE_URL; its studies are lost."
        )
        raise ForeignSchemaError(message)
    return True


def _missing(connection: Connection) -> list[str]:
    """Return what our code uses and the schema lacks: nothing, where a later release made it."""
    present = {
        (table, column["name"])
        for (_, table), columns in inspect(connection).get_multi_columns().items()
        for column in columns
    }
    return [
        str(column)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if (table.name, column.name) not in present
    ]


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration, bound to a connection."""
    config = Config(str(Path(__file__).with_name("alembic.ini")))
    config.attributes["connection"] = connection
    return config


if __name__ == "__main__":
    sys.exit(main())
