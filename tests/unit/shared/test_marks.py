"""Patient data is marked where it is declared: what is not, or what erasing could not find, is named."""

from typing import Any

import pytest
from sqlalchemy import Column, Date, Enum, Float, ForeignKey, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from shared.records import tables
from shared.records.marks import KEPT, PATIENT, SYSTEM, blanked_in, erased_with, unmarked


def schema(*columns: Column[Any], name: str = "letters") -> MetaData:
    """Make a schema of studies and one table more."""
    metadata = MetaData()
    Table("studies", metadata, Column("id", Integer, primary_key=True))
    Table(name, metadata, Column("id", Integer, primary_key=True), *columns)
    return metadata


def of_a_study() -> Column[Any]:
    return Column("study_id", ForeignKey("studies.id"))


def test_every_column_of_ours_that_could_hold_patient_data_says_whether_it_does():
    assert unmarked(tables.StudyRow.metadata) == []


@pytest.mark.parametrize("kind", [Text(), String(1), JSONB(), ARRAY(String), Date(), Float()], ids=repr)
def test_a_column_without_a_mark_is_named(kind: TypeEngine[Any]):
    assert unmarked(schema(Column("said", kind))) == ["letters.said"]
    for mark in (PATIENT, SYSTEM):
        assert unmarked(schema(Column("said", kind, info=mark))) == []


def test_numbers_keys_and_closed_lists_need_no_mark():
    assert unmarked(schema(of_a_study(), Column("kind", Enum("a", "b")), Column("pages", Integer))) == []


def test_a_table_of_patient_data_that_erasing_cannot_find_is_refused():
    with pytest.raises(LookupError, match="letters"):
        erased_with(schema(Column("said", Text, info=PATIENT)))
    with pytest.raises(LookupError, match="letters"):
        erased_with(schema(Column("of", ForeignKey("studies.id")), Column("said", Text, info=PATIENT)))


def test_a_table_of_a_study_goes_with_it_and_so_does_what_hangs_on_one():
    metadata = schema(of_a_study(), Column("said", Text, info=SYSTEM))
    assert erased_with(metadata) == []
    lines = Table(
        "lines",
        metadata,
        Column("letter_id", ForeignKey("letters.id", ondelete="CASCADE")),
        Column("said", Text, info=PATIENT),
    )
    assert erased_with(metadata) == [metadata.tables["letters"]]
    lines.append_column(of_a_study())
    assert erased_with(metadata) == [lines]


def test_a_row_that_stays_can_be_blanked():
    (table,) = (name for name in KEPT if name == "study_events")
    said = Column("said", Text, info=PATIENT, nullable=True)
    assert blanked_in(schema(said, name=table).tables[table]) == {"said": None}
    with pytest.raises(LookupError, match="said"):
        blanked_in(schema(Column("said", Text, info=PATIENT, nullable=False), name=table).tables[table])
