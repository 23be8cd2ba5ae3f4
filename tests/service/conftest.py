"""What several of the tests on real servers use."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from shared.database import Database
from shared.settings import DatabaseSettings
from tests.support.stack import InfraStack


@pytest.fixture
def empty(infra: InfraStack, migrated: Database) -> Iterator[Database]:
    """Return a database of its own, without a table in it."""
    with migrated.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS empty WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE empty"))
    url = make_url(infra.database_url).set(database="empty").render_as_string(hide_password=False)
    database = Database(DatabaseSettings(url=url))
    yield database
    database.close()
