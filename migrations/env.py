"""How Alembic reaches the database: on the connection that `__main__.py` hands it."""

from alembic import context

import shared.records.tables  # noqa: F401  its classes fill the metadata
from shared.records.database import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
