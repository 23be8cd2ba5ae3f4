"""An index for each encoder's vectors (HNSW, by cosine), made where pgvector is; the sweeper asks for them.

    make_missing    an index for each encoder that has none, of all its vectors so far
    take_in         the vectors that came since, a few at a time

Vectors of one encoder have one length, which an index needs, and mean nothing beside another's: so each
encoder has an index of its own. A vector's way into it takes longer than all else that is written of a study,
so no study waits for it; what is not in it yet is searched all the same. Where pgvector came late, making an
index takes minutes, and again nobody waits.
"""

from typing import Final

import structlog
from sqlalchemy import Connection, text

from shared.records.database import Database
from shared.records.embeddings import as_vector, lacking

log = structlog.get_logger()

_NAME: Final = "ix_embeddings_vector_"
_AT_ONCE: Final = 50
"""Vectors of one transaction, so that what is erased meanwhile waits for a moment only."""
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


def take_in(database: Database) -> int:
    """Put vectors that wait into the indexes there are, the next few, and return how many that were.

    Raises:
        TryAgainError: Postgres is away.
    """
    with database.session() as session:
        if lacking(session):
            return 0
        there = session.scalars(
            text("SELECT relname FROM pg_class WHERE relname LIKE :name"), {"name": f"{_NAME}%"}
        ).all()
        digests = [
            digest
            for digest in session.scalars(text("SELECT digest FROM encoders"))
            if index_name(digest) in there
        ]
        taken = session.execute(
            text("""
                UPDATE embeddings SET indexed = true WHERE (study_id, image_index, encoder_digest) IN (
                    SELECT study_id, image_index, encoder_digest FROM embeddings
                    WHERE NOT indexed AND encoder_digest = ANY(:digests)
                    LIMIT :most FOR UPDATE SKIP LOCKED)
                RETURNING 1
            """),
            {"digests": digests, "most": _AT_ONCE},
        ).all()
        return len(taken)


def index_name(digest: str) -> str:
    """Return the name of an encoder's index."""
    return f"{_NAME}{digest[:16]}"


def _make(connection: Connection, name: str, digest: str, dimensions: int) -> bool:
    if not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": _MAKING}):
        return False
    try:
        # Workers would share memory of which a container has little.
        connection.execute(text("SET max_parallel_maintenance_workers = 0"))
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
        # All that are there go into it at once, which takes a tenth of what one after the other does.
        connection.execute(
            text("UPDATE embeddings SET indexed = true WHERE encoder_digest = :digest AND NOT indexed"),
            {"digest": digest},
        )
        connection.execute(
            text(
                f"CREATE INDEX CONCURRENTLY {name} ON embeddings"
                f" USING hnsw ({as_vector('vector', dimensions)} halfvec_cosine_ops)"
                f" WHERE encoder_digest = '{digest}' AND indexed"
            )
        )
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _MAKING})
    log.info("index.made", digest=digest)
    return True
