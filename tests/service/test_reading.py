"""Every reader of a study gives the same, and all of it."""

import itertools
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.sql.elements import KeyedColumnElement

from shared.domain.findings import AnalysisRole, ModelVersion
from shared.domain.studies import DEFAULT_TENANT, ActorKind, StudyId
from shared.records import analyses, batches, findings, keys, reading
from shared.records.database import Database
from shared.records.tables import AnalysisRow, ImageRow, StudyEventRow, StudyRow
from tests.support.builders import a_study, an_image

NOBODY_READS = {
    "study_events.study_id",
    *(f"analyses.{name}" for name in ("study_id", "role", "images")),
    *(f"studies.{name}" for name in ("lease_token", "lease_expires_at", "claims", "failures")),
    *(f"studies.{name}" for name in ("expired_alone", "turned_away", "alone", "not_before", "close_after")),
}
"""Columns that only claims need, or that are in the view once already: its analysis is the primary."""

NUMBERS = itertools.count(300)


def distinct(column: KeyedColumnElement[Any], value: Any) -> Any:
    """Make a value that no other column has; in place of `value`, where a column's type says too little."""
    number = next(NUMBERS)
    kind = column.type.python_type
    if isinstance(value, list):
        return (
            [{"file": f"{column.name} {number}", "reason": "none"}] if kind is object else [f"{number}"] * 2
        )
    if issubclass(kind, StrEnum):
        return list(kind)[-1]
    made: dict[type, Any] = {
        str: chr(number),
        int: number,
        bool: True,
        float: number + 0.1,
        object: {f"key {number}": {"orientation": [number, "F"]}},
        date: date(2026, 1, 1) + timedelta(days=number),
        datetime: datetime(2026, 1, 2, 3, 4, 5, 600_007, UTC) + timedelta(hours=number),
    }
    return made[kind]


@pytest.fixture
def filled(database: Database) -> tuple[StudyId, dict[str, Any]]:
    """A study of two images with a value of its own in every column; also what its first rows hold."""
    with database.session() as session:
        batch = batches.create(session, tenant_id=DEFAULT_TENANT, name=None)
    study_id = a_study(database, batch_id=batch.id, images=(an_image(), an_image("second.png")))
    looked = ModelVersion("tiny", "1", "d" * 64)
    with database.session() as session:
        # The other model's look is the study's own no longer, and no reader gives it.
        for model in (looked, replace(looked, digest="e" * 64), looked):
            findings.write_analysis(session, study_id, [], model, AnalysisRole.PRIMARY)
    written: dict[str, Any] = {}
    with database.session() as session:
        for kind, mine in (
            (StudyRow, StudyRow.id),
            (ImageRow, ImageRow.study_id),
            (AnalysisRow, AnalysisRow.study_id),
            (StudyEventRow, StudyEventRow.study_id),
        ):
            order = tuple(kind.__table__.primary_key)
            for place, row in enumerate(
                session.scalars(select(kind).where(mine == study_id).order_by(*order))
            ):
                for column in kind.__table__.columns:
                    name = f"{kind.__tablename__}.{column.name}"
                    if not column.primary_key and not column.foreign_keys and name not in NOBODY_READS:
                        setattr(row, column.name, distinct(column, getattr(row, column.name)))
                    if place == 0:
                        written[name] = getattr(row, column.name)
        # What an event tells of its key is the key's.
        key, _ = keys.create(session, name="ward 3", scopes=[keys.Scope.WRITE], tenant="north")
        first = session.scalars(select(StudyEventRow).order_by(StudyEventRow.id)).first()
        assert first is not None
        first.actor_kind, first.actor_id = ActorKind.KEY, str(key.id)
        written["study_events.actor_kind"] = ActorKind.KEY
        written["study_events.actor_id"] = str(key.id)
        written["study_events.actor_name"] = "ward 3"
    return study_id, written


def test_every_reader_gives_all_that_is_stored(database: Database, filled: tuple[StudyId, dict[str, Any]]):
    study_id, written = filled
    polled = reading.poll(database, study_id)
    assert polled is not None
    assert polled.analysis is not None
    with database.session() as session:
        assert reading.view(session, study_id) == polled
        assert reading.study(session, study_id) == polled.study
        assert analyses.primary(session, study_id) == polled.analysis
        assert tuple(reading.images(session, study_id)) == polled.images
        assert reading.image(session, study_id, 1) == polled.images[1]
        assert tuple(reading.events(session, study_id)) == polled.events
    with database.session() as session:
        # A list has no erased ones.
        session.execute(update(StudyRow).values(erased_at=None))
        (listed,) = reading.page(session, limit=2)
    assert listed == replace(polled, study=replace(polled.study, erased_at=None))
    read = {
        f"{table}.{name}": value
        for table, record in (
            ("studies", polled.study),
            ("analyses", polled.analysis),
            ("images", polled.images[0]),
            ("study_events", polled.events[0]),
        )
        for name, value in asdict(record).items()
    }
    assert read == {name: _frozen(value) for name, value in written.items() if name not in NOBODY_READS}


def test_no_study_is_none_to_every_reader(database: Database):
    study_id = StudyId(a_study(database))
    nobody = StudyId(UUID(int=study_id.int ^ 1))
    assert reading.poll(database, nobody) is None
    with database.session() as session:
        assert reading.view(session, nobody) is None
        assert reading.study(session, nobody) is None
        assert reading.image(session, study_id, 1) is None
        assert (reading.images(session, nobody), reading.events(session, nobody)) == ([], [])


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
