"""Erases originals that no study names any more. Nothing else in the project erases an original."""

from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from shared.database import Database
from shared.storage import Storage
from shared.tables import DiscardedOriginalRow, IdempotencyRow, ImageRow

log = structlog.get_logger()

IDEMPOTENCY_KEPT: Final = timedelta(hours=24)


def lock_digest(session: Session, digest: str, *, shared: bool) -> None:
    """Lock an original until the end of the transaction: shared to name it, alone to erase it.

    An upload that finds its original stored, and a collector that is about to erase it, would
    otherwise pass each other, and the upload's study would name nothing.
    """
    # 60 bits of the digest: two originals that share them only wait for each other.
    number = int(digest[:15], 16)
    lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
    session.execute(select(lock(number)))


def collect(database: Database, storage: Storage, *, limit: int = 100) -> int:
    """Look at discarded originals, erase those that no image names, and return how many that were."""
    with database.session() as session:
        digests = session.scalars(select(DiscardedOriginalRow.sha256).limit(limit)).all()
    erased = 0
    for digest in digests:
        with database.session() as session:
            lock_digest(session, digest, shared=False)
            if not session.scalar(select(exists().where(ImageRow.sha256 == digest))):
                storage.delete_original(digest)
                erased += 1
            session.execute(delete(DiscardedOriginalRow).where(DiscardedOriginalRow.sha256 == digest))
    if erased:
        log.info("originals.erased", count=erased)
    return erased


def forget_idempotency_keys(database: Database) -> None:
    """Drop keys after a day; those of a batch's items stay as long as the batch."""
    with database.session() as session:
        old = func.now() - IDEMPOTENCY_KEPT
        session.execute(
            delete(IdempotencyRow).where(IdempotencyRow.created_at < old, IdempotencyRow.scope == "")
        )
