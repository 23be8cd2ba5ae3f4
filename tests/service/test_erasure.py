"""Erasing a study: whatever any table holds of its patient is gone, and what must be there still is."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Column, Connection, Enum, Table, insert, select, text
from sqlalchemy.dialects import postgresql

from shared.domain.studies import StudyId
from shared.records import erasure
from shared.records.database import Base, Database
from tests.support.builders import SOMEBODY

STUDIES, ANALYSES = (Base.metadata.tables[name] for name in ("studies", "analyses"))
MARKER = "ZZPATIENTZZ"
PLANTED: dict[type, Any] = {
    str: MARKER,
    object: {"said": MARKER},  # JSON
    list: [MARKER],
    float: 0.61803,
}
A_WRITER_S = {
    "act": "written",
    "status": "preliminary",
    "author_kind": "writer",
    "writer_id": "template",
    "writer_version": "1",
    "verdict": "passed",
    "attempts": 1,
    "fallback": False,
    "policy": "strict",
    "language": "en",
    "technique": "",
    "findings": "",
    "impression": "",
    "sentences": [],
}
"""What the other version of a report is made of."""
GIVEN: dict[str, dict[str, Any]] = {
    "reports": {
        "version": 2,
        "made_from": 1,
        "act": "addendum",
        "status": "amended",
        "changed_words": 0,
        "changed_labels": 0,
    },
    "destinations": {"url": "https://pacs.example"},
    "pull_rules": {"url": "https://pacs.example", "peer_id": None},
}
"""Of a table's row, what no other value would do for."""
DAYS = {"DATE": "1931-07-03", "TIME WITHOUT TIME ZONE": "03:33:33"}
TRACES = (MARKER, "0.61803", *DAYS.values())
MARKED = {
    column.table.name
    for table in Base.metadata.sorted_tables
    for column in table.columns
    if column.info.get("patient")
}


def planted(column: Column[Any]) -> Any:
    """Return what is looked for afterwards, of the column's type; a column of one letter holds less."""
    kind = str(column.type.compile(dialect=postgresql.dialect()))
    if kind in DAYS:
        return (date.fromisoformat if kind == "DATE" else time.fromisoformat)(DAYS[kind])
    if isinstance(column.type, ARRAY) and column.type.item_type.python_type is float:
        return [PLANTED[float]]
    length = getattr(column.type, "length", None)
    value = PLANTED[column.type.python_type]
    return value[:length] if isinstance(value, str) else value


def fill(connection: Connection, table: Table, rows: dict[Table, dict[str, Any]]) -> None:
    """Write one row, of the same study as those before it, with a marker wherever the patient may be."""
    row: dict[str, Any] = {}
    for column in table.columns:
        keys = [key.column for key in column.foreign_keys if key.column.table is not table]
        if keys:
            row[column.name] = rows[keys[0].table][keys[0].name]
        elif column.foreign_keys and column.nullable:
            row[column.name] = None  # the first of its kind is made of no other
        elif column.info.get("patient"):
            row[column.name] = planted(column)
        elif not column.nullable and column.server_default is None and column.identity is None:
            row[column.name] = plain(column)
    row |= GIVEN.get(table.name, {})
    written = insert(table).values(row).returning(*table.primary_key.columns)
    rows[table] = {**row, **connection.execute(written).mappings().one()}


def plain(column: Column[Any]) -> Any:
    if isinstance(column.type, Enum):
        return column.type.enums[-1] if column.type.enum_class is None else list(column.type.enum_class)[-1]
    kind = column.type.python_type
    return {UUID: uuid4, str: lambda: "0", list: list, object: dict, datetime: lambda: datetime.now(UTC)}.get(
        kind, kind
    )()


def holding(connection: Connection) -> set[str]:
    """Return the tables in which a trace of the patient is."""
    found = set()
    for table in Base.metadata.sorted_tables:
        # A whole row as Postgres writes it: columns that nobody marked are looked through too.
        for (row,) in connection.execute(text(f"SELECT row_to_json({table.name})::text FROM {table.name}")):
            found |= {table.name for trace in TRACES if trace in row}
    return found


def test_nothing_that_is_marked_outlives_its_study(database: Database):
    rows: dict[Table, dict[str, Any]] = {}
    with database.session() as session:
        for table in Base.metadata.sorted_tables:
            if table.name == "reports":
                ids = {"study_id": rows[STUDIES]["id"], "analysis_id": rows[ANALYSES]["id"]}
                session.execute(insert(table).values(**ids, version=1, **A_WRITER_S))
            fill(session.connection(), table, rows)
    study_id = StudyId(rows[STUDIES]["id"])
    with database.session() as session:
        assert holding(session.connection()) == MARKED
        assert erasure.erase(session, study_id, actor=SOMEBODY)
    with database.session() as session:
        assert holding(session.connection()) == set()
        for name in ("studies", "study_events", "batches", "api_keys"):
            assert session.execute(select(Base.metadata.tables[name])).all(), name
