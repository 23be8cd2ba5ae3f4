"""A schema as Postgres describes it, and what of a change to it would break the release before.

before = read(connection)
...
breaks(before, read(connection))    # ["studies.alone is gone"]
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text

_COLUMNS = """
SELECT table_name, column_name, data_type, character_maximum_length, is_nullable = 'YES',
    column_default IS NOT NULL OR is_identity = 'YES' OR is_generated = 'ALWAYS'
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
_RULES = """
SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT indrelid::regclass::text, indexrelid::regclass::text, CASE WHEN indisunique THEN 'ui' ELSE 'i' END,
    pg_get_indexdef(indexrelid)
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type, the most characters it takes, and whether a row may leave it out."""

    kind: str
    length: int | None
    nullable: bool
    filled: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A constraint or an index. `kind` is pg_constraint's letter, "ui" (unique index) or "i"."""

    table: str
    kind: str
    definition: str


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns by (table, column), rules by name."""

    columns: dict[tuple[str, str], Column]
    rules: dict[str, Rule]

    @property
    def tables(self) -> set[str]:
        """The names of all tables."""
        return {table for table, _ in self.columns}


def read(connection: Connection) -> Schema:
    """Read the schema that a connection sees."""
    columns = {(table, name): Column(*column) for table, name, *column in connection.execute(text(_COLUMNS))}
    rules = {name: Rule(table, *rule) for table, name, *rule in connection.execute(text(_RULES))}
    return Schema(columns, {name: rule for name, rule in rules.items() if rule.table != "alembic_version"})


def breaks(before: Schema, after: Schema) -> list[str]:
    """Return what code that was written for `before` cannot live with, each as "object: what"."""
    found = [f"{table}: the table is gone" for table in sorted(before.tables - after.tables)]
    for (table, name), old in before.columns.items():
        if table in after.tables:
            found += [f"{table}.{name}: {what}" for what in _column(old, after.columns.get((table, name)))]
    for (table, name), new in after.columns.items():
        if (
            table in before.tables
            and (table, name) not in before.columns
            and not (new.nullable or new.filled)
        ):
            found.append(f"{table}.{name}: new, and our rows do not fill it")
    for name, old_rule in before.rules.items():
        if old_rule.table in after.tables:
            found += [f"{name}: {what}" for what in _rule(old_rule, after.rules.get(name))]
    for name, rule in after.rules.items():
        if name not in before.rules and rule.table in before.tables and rule.kind != "i":
            found.append(f"{name}: new, and could refuse our rows")
    return found


def _column(old: Column, new: Column | None) -> list[str]:
    if new is None:
        return ["the column is gone"]
    found = []
    wider = new.kind == old.kind and (
        new.length is None or (old.length is not None and new.length >= old.length)
    )
    if not wider and not (old.kind == "character varying" and new.kind == "text"):
        found.append("its type takes less, or something else")
    if old.nullable and not new.nullable:
        found.append("may no longer be NULL")
    if old.filled and not (new.filled or new.nullable):
        found.append("has lost its default")
    return found


def _rule(old: Rule, new: Rule | None) -> list[str]:
    if new is None:
        # Without a CHECK more goes in; but ON CONFLICT needs its unique index, and erasing its CASCADE.
        return [] if old.kind in {"c", "i"} else ["is gone"]
    if old.definition == new.definition or old.kind == "i":
        return []
    words_before, words_after = (
        re.sub(r"'[^']*'(::[\w ]+)?,? ?", "", rule.definition) for rule in (old, new)
    )
    values_before, values_after = (set(re.findall("'([^']*)'", rule.definition)) for rule in (old, new))
    widened = old.kind == "c" and words_before == words_after and values_before <= values_after
    return [] if widened else ["says something else"]
