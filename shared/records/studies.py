"""What becomes of a study outside of its workers: accepted, closed, cancelled, tried or read again.

Studies are moved by `shared/records/moves.py`, worked on under a claim (`shared/records/claims.py`), and read
in `shared/records/reading.py`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, insert, select
from sqlalchemy.orm import Session

from shared.domain.instances import NO_IDENTITY, Identity
from shared.domain.orders import NO_ORDER, Order
from shared.domain.reports import Language
from shared.domain.studies import Actor, BatchId, Priority, StudyEvent, StudyId, StudyStatus, TenantId
from shared.errors import BadInputError
from shared.records import events
from shared.records.moves import Hint, error_values, hint_of, move
from shared.records.tables import ImageRow, OrderRow, StudyRow


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image whose original is in the object store already.

    Attributes:
        identity: None of a PNG or JPEG.
    """

    file: str
    sha256: str
    size: int
    media_type: str
    width: int
    height: int
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """That a study gathers images until it is closed.

    Attributes:
        close_after: the quiet time after the newest image that closes it.
        expected_images: with so many it is closed at once.
    """

    close_after: timedelta
    expected_images: int | None = None


@dataclass(frozen=True, slots=True)
class NewStudy:
    """What a client asks for, checked."""

    id: StudyId
    tenant_id: TenantId
    priority: Priority
    language: Language
    images: Sequence[StoredImage]
    order: Order = NO_ORDER
    batch_id: BatchId | None = None
    item_key: str | None = None
    opening: Opening | None = None


def accept(session: Session, study: NewStudy, *, actor: Actor, refusal: BadInputError | None = None) -> None:
    """Write down a study whose originals are stored; QUEUED or OPEN, or REJECTED where `refusal` says why.

    A refusal is for an item of a batch, which accounts for every item that was sent to it.
    """
    opening = study.opening
    session.add(
        StudyRow(
            id=study.id,
            tenant_id=study.tenant_id,
            batch_id=study.batch_id,
            item_key=study.item_key,
            status=StudyStatus.OPEN if opening else StudyStatus.QUEUED,
            priority=study.priority,
            language=study.language,
            closes_at=func.now() + opening.close_after if opening else None,
            close_after=opening.close_after if opening else None,
            expected_images=opening.expected_images if opening else None,
        ),
    )
    session.flush()
    session.add(OrderRow(study_id=study.id, tenant_id=study.tenant_id, **asdict(study.order)))
    aside = len(study.order.set_aside)
    detail = f"{aside} set aside: no images" if aside else None
    session.flush()
    if study.images:
        session.execute(insert(ImageRow), image_values(study.id, study.images))
    columns = (StudyRow.id, StudyRow.status, StudyRow.tenant_id, StudyRow.priority)
    created = select(*columns).where(StudyRow.id == study.id).cte("created")
    events.write(session, created, StudyEvent.RECEIVED, actor=actor, detail=detail)
    if refusal is not None:
        values = error_values(refusal)
        move(session, StudyEvent.REJECTED, StudyRow.id == study.id, actor=actor, values=values)


def image_values(study_id: StudyId, images: Sequence[StoredImage], *, first: int = 0) -> list[dict[str, Any]]:
    """Return the rows of a study's images, of which nothing is known yet; the first has the index `first`."""
    return [
        {
            "study_id": study_id,
            "index": index,
            "file": image.file,
            "sha256": image.sha256,
            "size": image.size,
            "media_type": image.media_type,
            "width": image.width,
            "height": image.height,
            **asdict(image.identity or NO_IDENTITY),
            "warnings": [],
            "attributes": {},
        }
        for index, image in enumerate(images, first)
    ]


def close(session: Session, *which: ColumnElement[bool], actor: Actor) -> list[Hint]:
    """Let every open study that meets the conditions and has an image wait for its first worker."""
    has_image = exists().where(ImageRow.study_id == StudyRow.id)
    # It waits from now on, however long it was open.
    values = {"closes_at": func.now(), "not_before": func.now()}
    rows = move(session, StudyEvent.CLOSED, has_image, *which, actor=actor, values=values)
    return [hint for hint in map(hint_of, rows) if hint is not None]


def reject_empty(session: Session, *which: ColumnElement[bool], reason: BadInputError, actor: Actor) -> int:
    """End every open study that meets the conditions and has no image as REJECTED; return how many."""
    empty = (StudyRow.status == StudyStatus.OPEN) & ~exists().where(ImageRow.study_id == StudyRow.id)
    values = error_values(reason)
    return len(move(session, StudyEvent.REJECTED, empty, *which, actor=actor, values=values))


def cancel(session: Session, study_id: StudyId, *, actor: Actor) -> bool:
    """Cancel the study; return whether it still ran."""
    return cancel_all(session, StudyRow.id == study_id, actor=actor) > 0


def cancel_all(session: Session, *which: ColumnElement[bool], actor: Actor) -> int:
    """Cancel every study that meets the conditions and still runs; return how many there were."""
    return len(move(session, StudyEvent.CANCELLED, *which, actor=actor))


def retry(session: Session, study_id: StudyId, *, actor: Actor) -> Hint | None:
    """Start a FAILED study again from the beginning; None when it has not failed."""
    no_error = {"error_type": None, "error_detail": None, "error_file": None}
    values = {**no_error, "failures": 0, "expired_alone": 0, "turned_away": 0, "alone": True}
    rows = move(session, StudyEvent.RETRIED, StudyRow.id == study_id, actor=actor, values=values)
    return hint_of(rows[0]) if rows else None


def reread(session: Session, study_id: StudyId, *, actor: Actor) -> Hint | None:
    """Have a COMPLETED study read again from the beginning; None when it is not completed.

    Its findings and its report stay what readers see, until there are others.
    """
    rows = move(session, StudyEvent.REREAD, StudyRow.id == study_id, actor=actor)
    return hint_of(rows[0]) if rows else None
