"""Databases of a test's own, on the servers of the session."""

from sqlalchemy import text
from sqlalchemy.engine import make_url

from shared.records.database import Database
from shared.settings import DatabaseSettings
from tests.support.stack import InfraStack


def new_database(infra: InfraStack, name: str) -> Database:
    """Make a database without a table in it; one of that name is dropped before."""
    # Dropping waits for a checkpoint of the whole server: however long the disk takes, it is not hung.
    server = Database(DatabaseSettings(url=infra.database_url), longest_statement=None)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    server.close()
    url = make_url(infra.database_url).set(database=name).render_as_string(hide_password=False)
    return Database(DatabaseSettings(url=url))
