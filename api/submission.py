"""Taking a study in, once: refusals, the Idempotency-Key, originals before the row, the hint after it.

    begin the key -> originals into S3 -> one transaction: study, images, answer of the key -> hint

A crash between any two of these leaves nothing that the client's next try does not mend.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import structlog

from api import metrics, patients, schemas
from api.auth import Caller
from api.backend import Backend
from api.bodies import study_body
from api.problems import Code, ContentError, Noun, ProblemError, not_found
from api.upload import Checked, CheckedFile, Fields
from shared.dicom import foreign
from shared.domain import BatchId, Priority, Stage, StudyId, new_id
from shared.errors import BadInputError, LeaseLostError
from shared.operations import telemetry, tracing
from shared.records import batches, erasure, idempotency, reading, studies
from shared.records.batches import BatchRecord
from shared.records.database import Session
from shared.records.idempotency import Begun, RequestKey
from shared.records.studies import Hint, NewStudy, StoredImage

LONGEST_KEY: Final = 255
PLAIN_LETTERS: Final = "^[ -~]*$"
"""What a key is made of: it is shown beside its item, and other letters of a header are read by guess."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to take a study in, read and checked."""

    caller: Caller
    fields: Fields
    checked: Checked
    fingerprint: str
    key: str | None

    @property
    def priority(self) -> Priority:
        """What was asked for; an item of a batch is archive work unless it says otherwise."""
        default = Priority.ARCHIVE if self.fields.batch_id else Priority.ROUTINE
        return self.fields.priority or default

    @property
    def request_key(self) -> RequestKey | None:
        """The key as it is kept: an item's is unique within its batch."""
        scope = str(self.fields.batch_id) if self.fields.batch_id else ""
        return RequestKey(self.caller.owner, self.key, scope) if self.key else None


@dataclass(frozen=True, slots=True)
class Taken:
    """A study that is in, now or since an earlier request with the same key."""

    study_id: StudyId
    status_code: int
    body: schemas.Study
    replayed: bool


def take(backend: Backend, submission: Submission) -> Taken:
    """Take the study in, or give the first answer again. Blocks.

    Raises:
        ProblemError: the content is refused, the batch takes no more, or the key is in use or reused.
        TryAgainError: the database or the object store is away; nothing was taken in.
    """
    request = submission.request_key
    if request is None:
        return _take_fresh(backend, submission, None)
    with backend.database.session() as session:
        outcome = idempotency.begin(session, request, fingerprint=submission.fingerprint)
    match outcome:
        case idempotency.Replayed(status_code, body, study_id):
            return Taken(study_id, status_code, schemas.Study.model_validate(body), replayed=True)
        case idempotency.InUse():
            raise _in_use()
        case idempotency.Reused():
            message = "this Idempotency-Key was sent before with other files or fields"
            raise ProblemError(Code.IDEMPOTENCY_KEY_REUSED, message)
        case Begun() as held:
            return _take_held(backend, submission, request, held)


def _take_held(backend: Backend, submission: Submission, request: RequestKey, held: Begun) -> Taken:
    try:
        return _take_fresh(backend, submission, held)
    except LeaseLostError as error:
        raise _in_use() from error
    except BaseException:
        # Nothing was taken in, so the key is free again. When the database is what failed, the
        # key's own lock runs out instead.
        with backend.database.session() as session:
            idempotency.release(session, request, held.token)
        raise


def _take_fresh(backend: Backend, submission: Submission, held: Begun | None) -> Taken:
    started = time.time()
    refusal = submission.checked.refusal
    if refusal is not None and submission.fields.batch_id is None:
        raise ContentError(refusal, set_aside=foreign.noted(submission.checked.set_aside))
    files = [] if refusal else submission.checked.files
    patients.check(files, submission.fields)
    digests = sorted({file.sha256 for file in files})
    with backend.database.session() as session:
        _check_batch(batches.find, session, submission)
        erasure.intend(session, digests)
    _store_originals(backend, files, submission.request_key, held)
    study = _new_study(submission, files)
    with backend.database.session() as session:
        _check_batch(batches.join, session, submission)
        for digest in digests:
            erasure.lock_digest(session, digest, shared=True)
        for file in files:
            # Almost always only a look: the collector may have erased it before we took the lock.
            backend.storage.keep_original(file.content, file.sha256)
        taken = _write(session, study, submission, refusal, held)
        erasure.keep(session, digests)
    tracing.begin_trace(study.id, started=started, images=len(files))
    metrics.RECEIVED.labels(study.priority, taken.body.status).inc()
    if refusal is None:
        backend.hints.send(Hint(Stage.CNN, study.priority))
    return taken


def _store_originals(
    backend: Backend, files: Sequence[CheckedFile], request: RequestKey | None, held: Begun | None
) -> None:
    """Put the originals where they belong before any row names them; this is what takes long."""
    for file in files:
        repaired = backend.storage.put_original(file.content, file.sha256)
        if repaired is not None:
            telemetry.REPAIRED.inc()
            log.warning("original.repaired", error=repaired, digest=file.sha256)
        file.content.seek(0)
        if request is not None and held is not None:
            with backend.database.session() as session:
                idempotency.renew(session, request, held.token)


def _new_study(submission: Submission, files: Sequence[CheckedFile]) -> NewStudy:
    fields = submission.fields
    images = [
        StoredImage(
            file=file.name,
            sha256=file.sha256,
            size=file.size,
            media_type=file.media_type,
            width=file.width,
            height=file.height,
        )
        for file in files
    ]
    order = patients.known(files, fields)
    aside = tuple(foreign.noted(submission.checked.set_aside))
    return NewStudy(
        id=StudyId(new_id()),
        owner=submission.caller.owner,
        priority=submission.priority,
        language=fields.language,
        images=images,
        order=replace(order, set_aside=aside),
        batch_id=BatchId(fields.batch_id) if fields.batch_id else None,
        item_key=submission.key if fields.batch_id else None,
    )


def _check_batch(look: Callable[..., BatchRecord | None], session: Session, submission: Submission) -> None:
    """Refuse an item of a batch that takes none, before its files are stored and again when it is written."""
    batch_id: UUID | None = submission.fields.batch_id
    if batch_id is None:
        return
    batch = look(session, BatchId(batch_id), owner=submission.caller.owner)
    if batch is None:
        raise not_found(Noun.BATCH)
    if batch.cancelled_at is not None:
        message = "the batch was cancelled"
        raise ProblemError(Code.BATCH_CLOSED, message)


def _write(
    session: Session,
    study: NewStudy,
    submission: Submission,
    refusal: BadInputError | None,
    held: Begun | None,
) -> Taken:
    """Write the study and the key's answer, in the caller's transaction."""
    studies.accept(session, study, refusal=refusal)
    view = reading.view(session, study.id)
    assert view is not None  # noqa: S101  written two lines above, in this transaction
    body = study_body(view)
    request = submission.request_key
    if request is not None and held is not None:
        idempotency.finish(
            session,
            request,
            held.token,
            status_code=202,
            body=body.model_dump(mode="json"),
            study_id=study.id,
        )
    return Taken(study.id, 202, body, replayed=False)


def _in_use() -> ProblemError:
    message = "the first request with this Idempotency-Key is not answered yet"
    return ProblemError(Code.IDEMPOTENCY_KEY_IN_USE, message, headers={"Retry-After": "1"})
