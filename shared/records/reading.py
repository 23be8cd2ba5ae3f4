"""Reading studies: one whole, as its page and its polls need it, and lists by keyset.

Whatever is read is a plain value. A `StudyView` is one study with all that belongs to it, and comes by one
statement that makes a JSON document of each study. Both readers run that very statement: `poll`, which is
most of what a server is asked, without a transaction, and `view` and `page` in their caller's.

To add a column to the view, add a field of the column's name and type to the record below: statement and
readers follow from the fields. For a further table write a record of its own, add it to `StudyView`, and its
part to `_VIEWS`. `tests/service/test_reading.py` fills every column that it finds there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Label, literal_column, select, text
from sqlalchemy.orm import Session

from shared.domain.findings import AnalysisRole, ViewPosition, ViewSource
from shared.domain.orders import Order
from shared.domain.reports import Language, ReportStatus
from shared.domain.studies import ActorKind, BatchId, Priority, StudyEvent, StudyId, StudyStatus, TenantId
from shared.records.analyses import AnalysisRecord, has_critical
from shared.records.database import Database
from shared.records.tables import AnalysisRow, ImageRow, OrderRow, StudyEventRow, StudyRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """A study: to whom it belongs and where it stands; what was asked for is its order."""

    id: StudyId
    tenant_id: TenantId
    batch_id: BatchId | None
    item_key: str | None
    status: StudyStatus
    priority: Priority
    language: Language
    created_at: datetime
    updated_at: datetime
    erased_at: datetime | None
    error_type: str | None
    error_detail: str | None
    error_file: str | None
    closes_at: datetime | None
    expected_images: int | None
    report_status: ReportStatus | None


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image of a study: what was sent, and what the CNN worker found out about it."""

    study_id: StudyId
    index: int
    file: str
    sha256: str
    size: int
    media_type: str
    width: int
    height: int
    sop_class_uid: str | None
    sop_instance_uid: str | None
    series_instance_uid: str | None
    transfer_syntax_uid: str | None
    header: dict[str, Any]
    used: bool | None
    view: ViewPosition | None
    view_source: ViewSource | None
    error_type: str | None
    error_detail: str | None
    warnings: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One thing that happened to a study.

    Attributes:
        actor_name: a key's, also of one that is revoked; None for everybody else.
    """

    id: int
    event: StudyEvent
    status: StudyStatus
    actor_kind: ActorKind
    actor_id: str
    actor_name: str | None
    at: datetime
    detail: str | None


@dataclass(frozen=True, slots=True)
class StudyView:
    """A study with all that belongs to it.

    Attributes:
        order: nothing is known of one that was erased.
        analysis: the primary one, None until the study is classified.
    """

    study: StudyRecord
    order: Order
    analysis: AnalysisRecord | None
    images: tuple[ImageRecord, ...]
    events: tuple[EventRecord, ...]


# By the primary key of the keys. An id that is no UUID, as that of the key in the settings, is not cast: the
# error would hide the study.
_UUID: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_KEY_NAME: Final[ColumnElement[str | None]] = literal_column(f"""(
    SELECT api_keys.name FROM api_keys WHERE api_keys.id = CASE
        WHEN actor_kind = '{ActorKind.KEY}' AND actor_id ~ '{_UUID}' THEN CAST(actor_id AS uuid) END)
""")  # noqa: S608

_STUDIES: Final = Values(StudyRecord, StudyRow)
_ORDERS: Final = Values(Order, OrderRow)
_ANALYSES: Final = Values(AnalysisRecord, AnalysisRow)
_IMAGES: Final = Values(ImageRecord, ImageRow)
_EVENTS: Final = Values(EventRecord, StudyEventRow, actor_name=_KEY_NAME)
_VIEW: Final = TypeAdapter(StudyView)


def _columns(values: Values[Any]) -> str:
    return ", ".join(
        f'{column.element} AS "{column.name}"' if isinstance(column, Label) else f'"{column.name}"'
        for column in values.columns
    )


# Each list comes by an index on (study_id, …), in its order. The names are those of our tables.
_VIEWS: Final = text(f"""
    SELECT json_build_object(
        'study', (SELECT to_json(one) FROM (SELECT {_columns(_STUDIES)}) AS one),
        'order', COALESCE((SELECT to_json(one) FROM (
            SELECT {_columns(_ORDERS)} FROM orders WHERE study_id = studies.id) AS one), '{{}}'),
        'analysis', (SELECT to_json(one) FROM (
            SELECT {_columns(_ANALYSES)} FROM analyses
            WHERE study_id = studies.id AND role = '{AnalysisRole.PRIMARY}') AS one),
        'images', COALESCE((SELECT json_agg(one ORDER BY one.index) FROM (
            SELECT {_columns(_IMAGES)} FROM images WHERE study_id = studies.id) AS one), '[]'),
        'events', COALESCE((SELECT json_agg(one ORDER BY one.id) FROM (
            SELECT {_columns(_EVENTS)} FROM study_events WHERE study_id = studies.id) AS one), '[]')
    )::text AS view
    FROM studies WHERE studies.id = ANY(CAST(:ids AS uuid[]))
""")  # noqa: S608


def poll(database: Database, study_id: StudyId) -> StudyView | None:
    """Return one study whole, as of one moment; None when there is no such study.

    Raises:
        TryAgainError: Postgres cannot be reached.
    """
    row = database.read_row(_VIEWS, _parameters([study_id]))
    return None if row is None else _VIEW.validate_json(row["view"])


def view(session: Session, study_id: StudyId) -> StudyView | None:
    """Return one study whole, as the caller's transaction sees it; None when there is no such study."""
    views = views_of(session, [study_id])
    return views[0] if views else None


def page(
    session: Session,
    *,
    limit: int,
    before: StudyId | None = None,
    tenant_id: TenantId | None = None,
    status: StudyStatus | None = None,
    priority: Priority | None = None,
    batch_id: BatchId | None = None,
    critical: bool | None = None,
    report_status: ReportStatus | None = None,
) -> Sequence[StudyView]:
    """Return a page of studies, newest first, that starts after the id `before`.

    Args:
        tenant_id: whose studies; None means everybody's.
        critical: those that are flagged, or those that are not; None means both.
    """
    conditions: list[ColumnElement[bool]] = [StudyRow.erased_at.is_(None)]
    for column, wanted in (
        (StudyRow.tenant_id, tenant_id),
        (StudyRow.status, status),
        (StudyRow.priority, priority),
        (StudyRow.batch_id, batch_id),
        (StudyRow.report_status, report_status),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if critical is not None:
        conditions.append(has_critical() if critical else ~has_critical())
    if before is not None:
        conditions.append(StudyRow.id < before)
    statement = select(StudyRow.id).where(*conditions).order_by(StudyRow.id.desc()).limit(limit)
    return views_of(session, [StudyId(study_id) for study_id in session.scalars(statement)])


def views_of(session: Session, study_ids: Sequence[StudyId]) -> Sequence[StudyView]:
    """Return several studies whole, in the order of the ids; those that there are."""
    session.flush()
    found = map(_VIEW.validate_json, session.execute(_VIEWS, _parameters(study_ids)).scalars())
    views = {view.study.id: view for view in found}
    return [views[study_id] for study_id in study_ids if study_id in views]


def study(session: Session, study_id: StudyId) -> StudyRecord | None:
    """Return the study without its images and its timeline; None when there is no such study."""
    return _STUDIES.one(session, _STUDIES.select().where(StudyRow.id == study_id))


def images(session: Session, study_id: StudyId) -> Sequence[ImageRecord]:
    """Return the study's images in the order they were sent."""
    statement = _IMAGES.select().where(ImageRow.study_id == study_id).order_by(ImageRow.index)
    return _IMAGES.all(session, statement)


def image(session: Session, study_id: StudyId, index: int) -> ImageRecord | None:
    """Return one of the study's images; None when there is no such image."""
    this = (ImageRow.study_id == study_id, ImageRow.index == index)
    return _IMAGES.one(session, _IMAGES.select().where(*this))


def events(session: Session, study_id: StudyId, *, after: int = 0) -> Sequence[EventRecord]:
    """Return the timeline, or what of it came after an event's id."""
    these = (StudyEventRow.study_id == study_id, StudyEventRow.id > after)
    statement = _EVENTS.select().where(*these).order_by(StudyEventRow.id)
    return _EVENTS.all(session, statement)


def _parameters(study_ids: Iterable[StudyId]) -> dict[str, Any]:
    return {"ids": [str(study_id) for study_id in study_ids]}
