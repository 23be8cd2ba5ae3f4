"""Studies to which images come one by one: held while one is added, closed when no more are to come.

Whoever adds or closes holds the study's row (`hold`): two who add take turns, and no study is closed beside
an image that is being written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.domain.orders import Order
from shared.domain.studies import Actor, StudyEvent, StudyId, StudyStatus, TenantId
from shared.errors import BadInputError
from shared.records import events, reading, studies
from shared.records.moves import Hint, move
from shared.records.reading import StudyView
from shared.records.studies import StoredImage
from shared.records.tables import ImageRow, OrderRow, StudyRow

_MOST_NOTES: Final = 100
"""Of what was set aside of one study, when it comes one by one."""
_NOTHING_CAME: Final = "the study was opened and no image came in time: open another for them"


def hold(session: Session, study_id: StudyId) -> StudyView | None:
    """Keep the study as it is until the transaction ends, and return it; None when there is no such study."""
    session.execute(select(StudyRow.id).where(StudyRow.id == study_id).with_for_update())
    return reading.view(session, study_id)


def put_off(session: Session, study_id: StudyId) -> None:
    """Begin an open study's quiet time anew: images are on their way."""
    session.execute(
        update(StudyRow)
        .where(StudyRow.id == study_id, StudyRow.status == StudyStatus.OPEN)
        .values(closes_at=func.now() + StudyRow.close_after, updated_at=func.now())
    )


def reopen(session: Session, study_id: StudyId, *, close_after: timedelta, actor: Actor) -> None:
    """Let a study that the caller holds gather images again, whatever became of it but being cancelled.

    A worker that holds it has lost it: its token is none any more.
    """
    values: dict[str, Any] = {
        "lease_token": StudyRow.lease_token + 1,
        "close_after": close_after,
        "closes_at": func.now() + close_after,
        "expected_images": None,
        "error_type": None,
        "error_detail": None,
        "error_file": None,
        "failures": 0,
        "expired_alone": 0,
        "turned_away": 0,
        "alone": False,
    }
    move(session, StudyEvent.REOPENED, StudyRow.id == study_id, actor=actor, values=values)


_OF_UID: Final = (
    select(StudyRow.id)
    .join(OrderRow, OrderRow.study_id == StudyRow.id)
    .where(
        OrderRow.tenant_id == bindparam("tenant_id"),
        func.left(OrderRow.study_instance_uid, 64) == bindparam("uid"),
        StudyRow.batch_id.is_(None),
        StudyRow.erased_at.is_(None),
        StudyRow.status != StudyStatus.CANCELLED,
    )
    .order_by(StudyRow.id.desc())
    .limit(1)
)


def of_uid(session: Session, tenant_id: TenantId, study_instance_uid: str) -> StudyId | None:
    """Return the tenant's study that DICOM calls so, the newest; None where there is none, or none any more.

    Then the name is locked until the transaction ends: of two who find none only one makes it. An item of a
    batch is no such study: its archive accounts for what is in it.
    """
    which = {"tenant_id": tenant_id, "uid": study_instance_uid}
    found = session.scalar(_OF_UID, which)
    if found is None:
        name = f"{tenant_id}/{study_instance_uid}"
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        # Somebody else may have made it before we had the lock.
        found = session.scalar(_OF_UID, which)
    return None if found is None else StudyId(found)


def add(
    session: Session, study: StudyView, images: Sequence[StoredImage], order: Order, *, actor: Actor
) -> list[Hint]:
    """Add images, whose originals are stored, to an open study that the caller holds.

    Args:
        order: what is known of the study with them.

    Returns:
        The hint that is owed where the study is closed because all are there that were expected.
    """
    study_id = study.study.id
    first = len(study.images)
    session.execute(insert(ImageRow), studies.image_values(study_id, images, first=first))
    if order != study.order:
        session.execute(update(OrderRow).where(OrderRow.study_id == study_id).values(**asdict(order)))
    detail = f"{len(images)} image{'s' if len(images) > 1 else ''}"
    quiet = {"closes_at": func.now() + StudyRow.close_after}
    events.add(session, study_id, StudyEvent.IMAGES_ADDED, actor=actor, detail=detail, values=quiet)
    if study.study.expected_images is None:
        return []
    return close_complete(session, study_id, images=first + len(images), actor=actor)


def note_aside(session: Session, study_id: StudyId, notes: Sequence[Mapping[str, str]]) -> None:
    """Note files that came with a study and are no images of it, each once, and not without end."""
    had = func.coalesce(func.jsonb_array_length(OrderRow.set_aside), 0)
    new = cast(list(notes), JSONB)
    session.execute(
        update(OrderRow)
        .where(OrderRow.study_id == study_id, had < _MOST_NOTES, ~OrderRow.set_aside.contains(new))
        .values(set_aside=OrderRow.set_aside.op("||")(new))
    )


def expect(session: Session, study_id: StudyId, images: int | None, *, here: int, actor: Actor) -> list[Hint]:
    """Say how many images an open study that the caller holds is to have; with as many it is closed.

    Args:
        images: None for no number: then its quiet time closes it.
        here: how many it has.
    """
    session.execute(
        update(StudyRow)
        .where(StudyRow.id == study_id, StudyRow.status == StudyStatus.OPEN)
        .values(expected_images=images)
    )
    return close_complete(session, study_id, images=here, actor=actor)


def close_complete(session: Session, study_id: StudyId, *, images: int, actor: Actor) -> list[Hint]:
    """Close an open study that has all images which were expected."""
    return studies.close(session, StudyRow.id == study_id, StudyRow.expected_images <= images, actor=actor)


def close(session: Session, study_id: StudyId, *, actor: Actor) -> list[Hint]:
    """Close a study by its sender's word; nothing happens to one that is not open, or has no image."""
    return studies.close(session, StudyRow.id == study_id, actor=actor)


def end_quiet(session: Session, *, actor: Actor, limit: int = 500) -> list[Hint]:
    """Close the studies to which nothing came for their quiet time; one without an image is rejected."""
    quiet = (
        select(StudyRow.id)
        .where(StudyRow.status == StudyStatus.OPEN, StudyRow.closes_at < func.now())
        .order_by(StudyRow.closes_at)
        .limit(limit)
        # Whoever holds one is adding to it.
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(quiet).all()
    if not ids:
        return []
    reason = BadInputError(_NOTHING_CAME)
    studies.reject_empty(session, StudyRow.id.in_(ids), reason=reason, actor=actor)
    return studies.close(session, StudyRow.id.in_(ids), actor=actor)
