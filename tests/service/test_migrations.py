"""The schema, from nothing: upgraded by several at once, awaited by the others, and taken down again."""

import pytest
from alembic import command
from sqlalchemy import inspect, text

from migrations.__main__ import alembic_config, is_current, upgrade
from shared.records.database import Base, Database
from tests.support.schema import read
from tests.support.services import Service


def environment(database: Database) -> dict[str, str]:
    return {"CXR_DATABASE_URL": database.engine.url.render_as_string(hide_password=False)}


def test_several_pods_may_migrate_at_once_while_others_wait(empty: Database, tmp_path):
    waiting = Service("migrations", environment(empty), tmp_path, arguments=["wait"])
    with empty.session() as session:
        assert not is_current(session.connection())
    migrating = [Service("migrations", environment(empty), tmp_path) for _ in range(3)]
    assert [service.process.wait(60) for service in [*migrating, waiting]] == [0, 0, 0, 0]
    with empty.session() as session:
        assert is_current(session.connection())


def test_a_schema_of_a_later_release_serves_this_one(empty: Database):
    with empty.session() as session:
        upgrade(session.connection())
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert is_current(session.connection())
        upgrade(session.connection())


@pytest.mark.parametrize("verb", ["upgrade", "wait"])
@pytest.mark.parametrize(
    "revision", ["0008", "0001"], ids=["of no migration of ours", "of a baseline before"]
)
def test_a_schema_of_no_release_is_refused_and_left_as_it_is(
    empty: Database, tmp_path, revision: str, verb: str
):
    with empty.session() as session:
        upgrade(session.connection())
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        session.execute(text("ALTER TABLE studies RENAME COLUMN alone TO lonely"))
        before = read(session.connection())
    migrations = Service("migrations", environment(empty), tmp_path, arguments=[verb])
    assert migrations.process.wait(60) == 1
    assert "lacks studies.alone" in migrations.text()
    assert "Empty the database" in migrations.text()
    assert "Traceback" not in migrations.text()
    with empty.session() as session:
        assert read(session.connection()) == before


def test_the_migrations_make_what_the_tables_declare(empty: Database):
    with empty.session() as session:
        upgrade(session.connection())
        migrated = read(session.connection())
        command.downgrade(alembic_config(session.connection()), "base")
        Base.metadata.create_all(session.connection())
        declared = read(session.connection())
    assert migrated == declared


def test_the_schema_can_be_taken_down_and_brought_up_again(empty: Database):
    with empty.session() as session:
        upgrade(session.connection())
        command.downgrade(alembic_config(session.connection()), "base")
        assert inspect(session.connection()).get_table_names() == ["alembic_version"]
        upgrade(session.connection())
        tables = set(inspect(session.connection()).get_table_names())
    assert tables == {"alembic_version", *(table.name for table in Base.metadata.sorted_tables)}
