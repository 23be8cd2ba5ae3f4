"""The schema, from nothing: upgraded by several at once, awaited by the others, and taken down again."""

from alembic import command
from sqlalchemy import inspect, text

from migrations.__main__ import alembic_config, is_current, upgrade
from shared.records.database import Base, Database
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


def test_the_schema_can_be_taken_down_and_brought_up_again(empty: Database):
    with empty.session() as session:
        upgrade(session.connection())
        command.downgrade(alembic_config(session.connection()), "base")
        assert inspect(session.connection()).get_table_names() == ["alembic_version"]
        upgrade(session.connection())
        tables = set(inspect(session.connection()).get_table_names())
    assert tables == {"alembic_version", *(table.name for table in Base.metadata.sorted_tables)}
