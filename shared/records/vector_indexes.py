"""An index for each encoder's vectors (HNSW, by cosine), made where pgvector is; the sweeper asks for them.

Vectors of one encoder have one length, which an index needs, and mean nothing beside another's: so each
encoder has an index of its own. It is made while it has few vectors, and grows with them; where pgvector came
later, making one takes minutes, and nobody waits for it: studies are written and searched meanwhile.
"""

from typing import Final

import structlog
from sqlalchemy import Connection, text

from shared.records.database import Database
from shared.records.embeddings import as_vector, lacking

log = structlog.get_logger()

_MAKING: Final = 0x494E4458  # four letters: its own number among the advisory locks


def make_missing(database: Database) -> int:
    """Make the indexes that are missing, or were left half made, and return how many that were.

    Args:
        database: one that waits for a statement for as long as it takes.

    Raises:
        TryAgainError: Postgres is away.
        sqlalchemy.exc.ProgrammingError: our role may not make an index.
    """
    with database.session() as session:
        if lacking(session):
            return 0
        encoders = session.execute(text("SELECT digest, dimensions FROM encoders")).all()
        whole = set(session.scalars(text("SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid")))
    missing = {index_name(digest): (digest, dimensions) for digest, dimensions in encoders}
    made = 0
    for name, (digest, dimensions) in missing.items():
        if name not in whole:
            # No transaction, as CONCURRENTLY wants it: a table that is written to is locked for nobody.
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                made += _make(connection, name, digest, dimensions)
    return made


def index_name(digest: str) -> str:
    """Return the name of an encoder's index."""
    return f"ix_embeddings_vector_{digest[:16]}"


def _make(connection: Connection, name: str, digest: str, dimensions: int) -> bool:
    if not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": _MAKING}):
        return False
    try:
        # Workers would share memory of which a container has little.
        connection.execute(text("SET max_parallel_maintenance_workers = 0"))
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
        connection.execute(
            text(
                f"CREATE INDEX CONCURRENTLY {name} ON embeddings"
                f" USING hnsw ({as_vector('vector', dimensions)} halfvec_cosine_ops)"
                f" WHERE encoder_digest = '{digest}'"
            )
        )
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _MAKING})
    log.info("index.made", digest=digest)
    return True
