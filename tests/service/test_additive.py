"""Every migration only adds, so that the release before works on: in a rolling upgrade, and after a rollback.

What has to go goes in two steps: one release stops using it, a later one drops it. The second says so in its
docstring, a line for each object: "Two steps: studies.item_key, unused since 0.3.0."
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, MetaData, text

from migrations.__main__ import upgrade
from shared.records.database import Database
from tests.support.releases import configuration, next_release, run
from tests.support.schema import breaks, read

DROPS = '''"""What no release may do in one step.

Locks: ACCESS EXCLUSIVE on images for an instant.
{{excuse}}
"""

from alembic import op

revision = "next"
down_revision = {head!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("images", "attributes")
    op.drop_column("images", "warnings")


def downgrade() -> None:
    raise NotImplementedError
'''
GONE = {f"images.{name}: the column is gone" for name in ("attributes", "warnings")}

NARROWED = (
    "ALTER TABLE studies DROP CONSTRAINT ck_studies_language, ADD CONSTRAINT ck_studies_language CHECK ({})"
)

BREAKING = {
    "a table is dropped": ("DROP TABLE findings", "findings: the table is gone"),
    "a table is renamed": ("ALTER TABLE api_keys RENAME TO keys", "api_keys: the table is gone"),
    "a column is dropped": ("ALTER TABLE studies DROP COLUMN alone", "studies.alone: the column is gone"),
    "a column is renamed": (
        "ALTER TABLE studies RENAME COLUMN alone TO lonely",
        "studies.alone: the column is gone",
    ),
    "a column is narrowed": (
        "ALTER TABLE studies ALTER COLUMN item_key TYPE varchar(64)",
        "studies.item_key: its type takes less, or something else",
    ),
    "a column gets a bound": (
        "ALTER TABLE orders ALTER COLUMN indication TYPE varchar(64)",
        "orders.indication: its type takes less, or something else",
    ),
    "a type is changed": (
        "ALTER TABLE studies ALTER COLUMN claims TYPE text",
        "studies.claims: its type takes less, or something else",
    ),
    "a column must be filled": (
        "ALTER TABLE orders ALTER COLUMN indication SET NOT NULL",
        "orders.indication: may no longer be NULL",
    ),
    "a default is dropped": (
        "ALTER TABLE studies ALTER COLUMN failures DROP DEFAULT",
        "studies.failures: has lost its default",
    ),
    "a new column must be filled": (
        "ALTER TABLE images ADD COLUMN laterality text NOT NULL",
        "images.laterality: new, and our rows do not fill it",
    ),
    "a new CHECK": (
        "ALTER TABLE images ADD CONSTRAINT ck_images_size CHECK (size > 0)",
        "ck_images_size: new, and could refuse our rows",
    ),
    "a new unique index": (
        "CREATE UNIQUE INDEX ux ON images (study_id, sha256)",
        "ux: new, and could refuse our rows",
    ),
    "a CHECK with a value less": (
        NARROWED.format("language IN ('en')"),
        "ck_studies_language: says something else",
    ),
    "a CHECK of another column": (
        NARROWED.format("priority IN ('en', 'es', 'fr')"),
        "ck_studies_language: says something else",
    ),
    "a unique key is dropped": (
        "ALTER TABLE api_keys DROP CONSTRAINT uq_api_keys_digest",
        "uq_api_keys_digest: is gone",
    ),
    "a cascade is dropped": (
        "ALTER TABLE images DROP CONSTRAINT fk_images_study_id_studies",
        "fk_images_study_id_studies: is gone",
    ),
}


@pytest.fixture
def connection(migrated: Database) -> Iterator[Connection]:
    """Return a connection in a transaction that is rolled back: DDL in Postgres can be.

    Its tables are empty, since rows of other tests would have Postgres refuse what we want to see found.
    """
    with migrated.engine.connect() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in reversed(tables.sorted_tables):
            connection.execute(table.delete())
        yield connection
        connection.rollback()


@pytest.mark.parametrize(("statement", "what"), BREAKING.values(), ids=BREAKING)
def test_what_would_break_the_release_before_is_found(connection: Connection, statement: str, what: str):
    before = read(connection)
    connection.execute(text(statement))
    assert what in breaks(before, read(connection))


def test_what_only_adds_breaks_nothing(empty: Database, tmp_path):
    with empty.session() as session:
        upgrade(session.connection())
        before = read(session.connection())
    run(next_release(tmp_path), empty)
    with empty.session() as session:
        after = read(session.connection())
    assert after != before
    assert breaks(before, after) == []


def scripts_of(release: Path) -> list[Script]:
    """Return a release's migrations, oldest first."""
    return list(ScriptDirectory(str(release / "migrations")).walk_revisions())[::-1]


def broken_by(release: Path, database: Database) -> set[str]:
    """Make the schema of a release step by step; return what its migrations take away and nothing excuses."""
    found = set()
    first, *others = scripts_of(release)
    with database.session() as session:
        connection = session.connection()
        config = configuration(release, connection)
        command.upgrade(config, first.revision)
        for script in others:
            before = read(connection)
            command.upgrade(config, script.revision)
            excused = re.findall(
                r"^Two steps: (\S+), unused since \d+\.\d+\.\d+\.$", script.longdoc, re.MULTILINE
            )
            found |= {
                each for each in breaks(before, read(connection)) if each.partition(":")[0] not in excused
            }
    return found


def test_every_migration_after_the_first_only_adds(empty: Database, tmp_path):
    # Ours, and one more: until there is a second one of ours, nothing else would be looked at.
    assert broken_by(next_release(tmp_path), empty) == set()


@pytest.mark.parametrize(
    ("excuse", "left"),
    [
        ("", GONE),
        ("Two steps: images.attributes, unused since 0.3.0.", {"images.warnings: the column is gone"}),
        ("Two steps: images.attributes, unused for long.", GONE),
    ],
    ids=["without an excuse", "one is excused", "since no release"],
)
def test_a_migration_that_drops_says_since_when_that_was_unused(
    empty: Database, tmp_path, excuse: str, left: set[str]
):
    assert broken_by(next_release(tmp_path, DROPS.replace("{{excuse}}", excuse)), empty) == left


def test_every_migration_says_what_it_locks_and_can_be_taken_back(empty: Database, tmp_path):
    release = next_release(tmp_path)
    with empty.session() as session:
        connection = session.connection()
        config = configuration(release, connection)
        for script in scripts_of(release):
            assert "\nLocks: " in (script.module.__doc__ or ""), script.path
            before = read(connection)
            command.upgrade(config, script.revision)
            before_it = script.down_revision or "base"
            assert isinstance(before_it, str)  # a branch would have several
            command.downgrade(config, before_it)
            assert read(connection) == before, script.path
            command.upgrade(config, script.revision)
