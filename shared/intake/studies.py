"""Taking a study in, once: the key, originals before the row, the hint after it.

    begin the key -> originals into S3 -> one transaction: study, images, answer of the key -> hint

A crash between any two of these leaves nothing that the sender's next try does not mend. The API is one
door; a C-STORE provider, STOW or a folder is another: each makes a `Submission` and reads the outcome.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from shared.domain.studies import Stage, StudyId, StudyStatus, new_id
from shared.errors import LeaseLostError
from shared.intake import orders, patients
from shared.intake.files import CheckedFile
from shared.intake.orders import Said
from shared.intake.submission import (
    BatchClosed,
    Erased,
    NoBatch,
    Outcome,
    Refusal,
    Refused,
    Replayed,
    Submission,
    Taken,
)
from shared.operations import telemetry, tracing
from shared.records import batches, erasure, idempotency, open_studies, reading, studies
from shared.records.batches import BatchRecord
from shared.records.database import Database, Session
from shared.records.idempotency import Begun, InUse, RequestKey, Reused
from shared.records.moves import Hint
from shared.records.reading import StudyView
from shared.records.studies import NewStudy, StoredImage
from shared.storage import Storage

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Intake:
    """What a door stands on.

    Attributes:
        send_hint: is called after the commit; it may lose the hint, which the sweeper makes up for.
    """

    database: Database
    storage: Storage
    send_hint: Callable[[Hint], object]


Answer = Callable[[StudyView], Mapping[str, Any]]
"""What a door answers for a study that is in, as JSON: kept with the key, and given again; of an item of a
batch it is not kept, but asked for anew."""


def take(intake: Intake, submission: Submission, *, answer: Answer) -> Outcome:
    """Take the study in, or say why not. Blocks.

    Raises:
        TryAgainError: the database or the object store is away; nothing was taken in.
    """
    request = submission.request_key
    if request is None:
        return _take_fresh(intake, submission, None, answer)
    with intake.database.session() as session:
        begun = idempotency.begin(session, request, fingerprint=submission.fingerprint)
    match begun:
        case idempotency.Replayed(body, study_id):
            return _replay_of_item(intake, study_id, answer) if body is None else Replayed(study_id, body)
        case InUse() | Reused():
            return begun
        case Begun() as held:
            return _take_held(intake, submission, request, held, answer)


def _replay_of_item(intake: Intake, study_id: StudyId, answer: Answer) -> Outcome:
    view = reading.poll(intake.database, study_id)
    if view is None or view.study.erased_at is not None:
        return Erased()
    return Replayed(study_id, answer(view))


def _take_held(
    intake: Intake, submission: Submission, request: RequestKey, held: Begun, answer: Answer
) -> Outcome:
    taken = False
    try:
        outcome = _take_fresh(intake, submission, held, answer)
        taken = isinstance(outcome, Taken)
    except LeaseLostError:
        taken = True  # by another request with this key
        return InUse()
    finally:
        # Nothing was taken in, so the key is free again. When the database is what failed, the
        # key's own lock runs out instead.
        if not taken:
            with intake.database.session() as session:
                idempotency.release(session, request, held.token)
    return outcome


def _take_fresh(intake: Intake, submission: Submission, held: Begun | None, answer: Answer) -> Outcome:
    started = time.time()
    checked = submission.checked
    if checked.refusal is not None and submission.batch_id is None:
        return Refused(checked.refusal, checked.set_aside)
    files = [] if checked.refusal else checked.files
    meant = submission.mixed and submission.opening is None
    if not meant and (contradiction := patients.contradiction(files, typed=submission.typed)):
        return contradiction
    if submission.opening is not None:
        files = new_files(files)
    digests = sorted({file.sha256 for file in files})
    with intake.database.session() as session:
        if refusal := _check_batch(batches.find, session, submission):
            return refusal
        erasure.intend(session, digests)
    for _ in store_originals(intake, files):
        if submission.request_key is not None and held is not None:
            with intake.database.session() as session:
                idempotency.renew(session, submission.request_key, held.token)
    study = _new_study(submission, files)
    with intake.database.session() as session:
        if refusal := _check_batch(batches.join, session, submission):
            return refusal
        keep_originals(intake, session, files)
        said = orders.said_of(session, study.tenant_id, study.order, study.priority)
        study = replace(study, order=said.order, priority=said.priority)
        taken = _write(session, study, said, submission, held, answer)
    tracing.begin_trace(study.id, started=started, images=len(files))
    telemetry.RECEIVED.labels(study.priority, taken.status).inc()
    if taken.status is StudyStatus.QUEUED:
        intake.send_hint(Hint(Stage.CNN, study.priority))
    return taken


def new_files(files: Sequence[CheckedFile], *, known: Collection[str] = ()) -> list[CheckedFile]:
    """Return the first file of each content, less those whose digests are known."""
    first = {file.sha256: file for file in reversed(files)}
    return [file for file in files if file.sha256 not in known and first[file.sha256] is file]


def store_originals(intake: Intake, files: Sequence[CheckedFile]) -> Iterator[None]:
    """Put the originals where they belong before any row names them, one a step; this is what takes long."""
    for file in files:
        repaired = intake.storage.put_original(file.content, file.sha256)
        if repaired is not None:
            telemetry.REPAIRED.inc()
            log.warning("original.repaired", error=repaired, digest=file.sha256)
        file.content.seek(0)
        yield


def keep_originals(intake: Intake, session: Session, files: Sequence[CheckedFile]) -> None:
    """Hold the originals against the collector until the transaction ends; then a row names them."""
    digests = sorted({file.sha256 for file in files})
    for digest in digests:
        erasure.lock_digest(session, digest, shared=True)
    noted = erasure.keep(session, digests)
    for file in files:
        if file.sha256 not in noted:
            # Mostly only a look: the collector may have erased it, or another upload has named it by now.
            intake.storage.keep_original(file.content, file.sha256)


def stored(files: Sequence[CheckedFile]) -> list[StoredImage]:
    """Return the images that the files are."""
    return [
        StoredImage(
            file=file.name,
            sha256=file.sha256,
            size=file.size,
            media_type=file.media_type,
            width=file.width,
            height=file.height,
            identity=file.identity,
        )
        for file in files
    ]


def _new_study(submission: Submission, files: Sequence[CheckedFile]) -> NewStudy:
    return NewStudy(
        id=StudyId(new_id()),
        tenant_id=submission.tenant_id,
        priority=submission.priority,
        language=submission.language,
        images=stored(files),
        order=patients.known(files, submission),
        batch_id=submission.batch_id,
        item_key=submission.key if submission.batch_id else None,
        opening=submission.opening if submission.checked.refusal is None else None,
    )


def _check_batch(
    look: Callable[..., BatchRecord | None], session: Session, submission: Submission
) -> Refusal | None:
    """Refuse an item of a batch that takes none, before its files are stored and again when it is written."""
    if submission.batch_id is None:
        return None
    batch = look(session, submission.batch_id, tenant_id=submission.tenant_id)
    if batch is None:
        return NoBatch()
    return BatchClosed() if batch.cancelled_at is not None else None


def _write(
    session: Session, study: NewStudy, said: Said, submission: Submission, held: Begun | None, answer: Answer
) -> Taken:
    """Write the study and the key's answer, in the caller's transaction."""
    studies.accept(session, study, actor=submission.actor, refusal=submission.checked.refusal)
    said.note(session, study.id, actor=submission.actor)
    if study.opening is not None:
        open_studies.close_complete(session, study.id, images=len(study.images), actor=submission.actor)
    view = reading.view(session, study.id)
    assert view is not None  # noqa: S101  written two lines above, in this transaction
    body = answer(view)
    request = submission.request_key
    if request is not None and held is not None:
        kept = None if study.batch_id else body
        idempotency.finish(session, request, held.token, body=kept, study_id=study.id)
    return Taken(study.id, view.study.status, body)
