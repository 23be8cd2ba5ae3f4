"""Erasing: what the database says of a patient at once, what lies in the object store for certain.

    erase     in one transaction: what is marked as patient data (marks.py) goes, and notes of the study's
              pictures and originals stay
    intend    before an upload stores an original: a note, should no study come of it
    collect   again and again: what the notes name and no study needs is erased, then the note

The object store knows no transactions, so a note is what survives a crash, or a store that is away.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.studies import Actor, StudyEvent, StudyId
from shared.records import events, expected, studies
from shared.records.database import Base, Database
from shared.records.marks import blanked_in, erased_with
from shared.records.tables import (
    DiscardedOriginalRow,
    DiscardedStudyRow,
    ImageRow,
    StudyEventRow,
    StudyRow,
)
from shared.storage import Storage

log = structlog.get_logger()

PICTURES_MAY_FOLLOW: Final = timedelta(minutes=10)
"""A worker may store pictures until it hears of the erasure; longer than it may work on a study."""
UPLOAD_MAY_TAKE: Final = timedelta(hours=1)
"""How long an original may lie in the store before the study that names it."""


def erase(session: Session, study_id: StudyId, *, actor: Actor) -> bool:
    """Cancel a study that still runs, and erase its patient data; its status and its timeline stay.

    Its pictures may be erased after the commit (`Storage.delete_derived`); the collector does it in any
    case, and knows whether another study names its originals too.

    Returns:
        Whether there was anything to erase: False when there is no such study, or no longer.
    """
    study = session.get(StudyRow, study_id, with_for_update=True)
    if study is None or study.erased_at is not None:
        return False
    studies.cancel(session, study_id, actor=actor)
    digests = sorted(set(session.scalars(select(ImageRow.sha256).where(ImageRow.study_id == study_id))))
    for digest in digests:
        # Or the collector, which still saw our image, could drop the note that we find.
        lock_digest(session, digest, shared=True)
    _note_originals(session, digests, collect_from=timedelta(0))
    note = {"study_id": study_id, "collect_from": func.now() + PICTURES_MAY_FOLLOW}
    session.execute(insert(DiscardedStudyRow).values(note))
    expected.erase_of_study(session, study_id)
    for table in erased_with(Base.metadata):
        session.execute(delete(table).where(table.c.study_id == study_id))
    blank_events = update(StudyEventRow).where(StudyEventRow.study_id == study_id)
    session.execute(blank_events.values(blanked_in(Base.metadata.tables["study_events"])))
    session.execute(
        update(StudyRow)
        .where(StudyRow.id == study_id)
        .values(erased_at=func.now(), report_status=None, **blanked_in(Base.metadata.tables["studies"]))
    )
    events.add(session, study_id, StudyEvent.ERASED, actor=actor)
    return True


def intend(session: Session, digests: Iterable[str]) -> None:
    """Note originals that are about to be stored; `keep` takes the note back."""
    _note_originals(session, sorted(set(digests)), collect_from=UPLOAD_MAY_TAKE)


def keep(session: Session, digests: Iterable[str]) -> set[str]:
    """Take the notes back, in the transaction of the study that names the originals.

    Returns:
        The digests that had one. Under the digest's lock that means that nobody has erased the original since
        `intend`: the collector takes the lock too, and takes the note away with the original.
    """
    notes = delete(DiscardedOriginalRow).where(DiscardedOriginalRow.sha256.in_(list(digests)))
    return set(session.scalars(notes.returning(DiscardedOriginalRow.sha256)))


def lock_digest(session: Session, digest: str, *, shared: bool) -> None:
    """Lock an original until the end of the transaction: shared to name it, alone to erase it.

    An upload that finds its original stored, and a collector that is about to erase it, would
    otherwise pass each other, and the upload's study would name nothing.
    """
    # 60 bits of the digest: two originals that share them only wait for each other.
    number = int(digest[:15], 16)
    lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
    session.execute(select(lock(number)))


def collect(database: Database, storage: Storage, *, limit: int = 1000) -> int:
    """Erase what the notes name and no study needs; return how many originals that were.

    Raises:
        TryAgainError: the database or the object store is away; the notes stay.
    """
    _collect_pictures(database, storage, limit)
    with database.session() as session:
        due = select(DiscardedOriginalRow.sha256).where(DiscardedOriginalRow.collect_from <= func.now())
        digests = session.scalars(due.limit(limit)).all()
    erased = 0
    for digest in digests:
        with database.session() as session:
            lock_digest(session, digest, shared=False)
            # Somebody may have noted it again meanwhile, and be storing it now; the next note waits for us.
            note = due.where(DiscardedOriginalRow.sha256 == digest).with_for_update()
            if session.scalar(note) is None:
                continue
            if not session.scalar(select(exists().where(ImageRow.sha256 == digest))):
                storage.delete_original(digest)
                erased += 1
            keep(session, [digest])
    if erased:
        log.info("originals.erased", count=erased)
    return erased


def _collect_pictures(database: Database, storage: Storage, limit: int) -> None:
    with database.session() as session:
        due = select(DiscardedStudyRow.study_id).where(DiscardedStudyRow.collect_from <= func.now())
        ids = session.scalars(due.limit(limit)).all()
    for study_id in ids:
        storage.delete_derived(StudyId(study_id))
        with database.session() as session:
            session.execute(delete(DiscardedStudyRow).where(DiscardedStudyRow.study_id == study_id))


def _note_originals(session: Session, digests: Iterable[str], *, collect_from: timedelta) -> None:
    notes = [{"sha256": digest, "collect_from": func.now() + collect_from} for digest in digests]
    if not notes:
        return
    statement = insert(DiscardedOriginalRow).values(notes)
    later = func.greatest(DiscardedOriginalRow.collect_from, statement.excluded.collect_from)
    session.execute(statement.on_conflict_do_update(index_elements=["sha256"], set_={"collect_from": later}))
