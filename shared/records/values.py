"""Rows as plain values: a value's class is the list of its columns, one for each field, of the same name."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Executable, Label, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.records.database import Base

T = TypeVar("T")


class Values(Generic[T]):
    """Reads the rows of one table as values of one frozen dataclass.

    A field for which the table has no column is an AttributeError when the program starts; a column that a
    statement does not bring is an error when it is read, never a None.
    """

    def __init__(
        self, kind: type[T], row: type[Base], /, **computed: ColumnElement[Any] | InstrumentedAttribute[Any]
    ) -> None:
        """Take what the fields are that stand in no column of the table, by their names."""
        self.names = tuple(field.name for field in fields(cast("Any", kind)))
        self.columns: tuple[InstrumentedAttribute[Any] | Label[Any], ...] = tuple(
            computed[name].label(name) if name in computed else getattr(row, name) for name in self.names
        )
        self._adapter = TypeAdapter(kind)

    def select(self) -> Select[Any]:
        """Begin a statement that reads these columns."""
        return select(*self.columns)

    def one(self, session: Session, statement: Executable) -> T | None:
        """Run such a statement; return its only row as a value, or None when there is none."""
        row = session.execute(statement).mappings().one_or_none()
        return None if row is None else self.of(row)

    def all(self, session: Session, statement: Executable) -> Sequence[T]:
        """Run such a statement; return its rows as values."""
        return [self.of(row) for row in session.execute(statement).mappings()]

    def of(self, row: Mapping[Any, Any]) -> T:
        """Return one row of such a statement as a value."""
        return self._adapter.validate_python(dict(row))
