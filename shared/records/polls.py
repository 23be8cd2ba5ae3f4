"""The status poll, which is most of what a server is asked: one statement, no transaction, no ORM queries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, text

from shared.domain import Language, Priority, StudyEvent, StudyId, StudyStatus, ViewPosition
from shared.records import orders
from shared.records.database import Database
from shared.records.study_queries import StudyView
from shared.records.tables import ImageRow, StudyEventRow, StudyRow


def _columns(row: type[StudyRow | ImageRow | StudyEventRow]) -> tuple[str, ...]:
    # All of them: what a list of names had forgotten would be None in the poll, and in no other answer.
    return tuple(column.name for column in row.__table__.columns)


def _selected(table: str, names: tuple[str, ...]) -> str:
    return ", ".join(f'{table}."{name}"' for name in names)


_STUDY: Final = _columns(StudyRow)
_IMAGE: Final = _columns(ImageRow)
_EVENT: Final = _columns(StudyEventRow)

# Both lists come by an index on (study_id, …), in its order. The names are those of our tables.
_POLL: Final = text(f"""
    SELECT {_selected("studies", _STUDY)},
        {", ".join(f'orders."{name}" AS "order_{name}"' for name in orders.COLUMNS)},
        (SELECT json_agg(picture ORDER BY picture.index) FROM (
            SELECT {_selected("images", _IMAGE)} FROM images
            WHERE study_id = studies.id) AS picture) AS images,
        (SELECT json_agg(entry ORDER BY entry.id) FROM (
            SELECT {_selected("study_events", _EVENT)} FROM study_events
            WHERE study_id = studies.id) AS entry) AS events
    FROM studies LEFT JOIN orders ON orders.study_id = studies.id WHERE studies.id = :study_id
""")  # noqa: S608


def poll(database: Database, study_id: StudyId) -> StudyView | None:
    """Return one study whole, as of one moment; its rows belong to no session.

    Raises:
        TryAgainError: Postgres cannot be reached.
    """
    row = database.read_row(_POLL, {"study_id": study_id})
    if row is None:
        return None
    images = [_image(found) for found in row["images"] or ()]
    order = orders.order_from({name: row[f"order_{name}"] for name in orders.COLUMNS})
    return StudyView(_study(row), order, images, [_event(found, study_id) for found in row["events"] or ()])


def _study(row: RowMapping) -> StudyRow:
    return StudyRow(
        **{
            **{name: row[name] for name in _STUDY},
            "status": StudyStatus(row["status"]),
            "priority": Priority(row["priority"]),
            "language": Language(row["language"]),
        }
    )


def _image(found: Mapping[str, Any]) -> ImageRow:
    view = ViewPosition(found["view"]) if found["view"] else None
    return ImageRow(**{**found, "view": view})


def _event(found: Mapping[str, Any], study_id: StudyId) -> StudyEventRow:
    return StudyEventRow(
        **{
            **found,
            "study_id": study_id,
            "event": StudyEvent(found["event"]),
            "status": StudyStatus(found["status"]),
            "at": datetime.fromisoformat(found["at"]),
        }
    )
