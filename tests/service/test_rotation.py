"""What docs/how-to/rotate-secrets.md has an operator do, done while the product is at work."""

import re
from pathlib import Path

import pytest
from redis import AuthenticationError
from sqlalchemy import text

from shared.records.database import Database
from shared.settings import DatabaseSettings, QueueSettings
from shared.work import queue
from tests.service.test_upgrades import live
from tests.support.releases import next_release, run
from tests.support.services import ROOT
from tests.support.stack import InfraStack

GUIDE = (ROOT / "docs" / "how-to" / "rotate-secrets.md").read_text()
(SQL,) = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)


def test_a_second_role_takes_over_and_can_be_dropped_again(empty: Database, tmp_path: Path):
    assert empty.engine.url.username == "cxr", "the guide's name of the first role"
    run(ROOT, empty)
    with empty.session() as administrator:
        administrator.execute(text("DROP ROLE IF EXISTS cxr_2026"))
        administrator.execute(text(SQL))
    url = empty.engine.url.set(username="cxr_2026", password="…").render_as_string(hide_password=False)
    second = Database(DatabaseSettings(url=url))
    live(second)
    run(next_release(tmp_path), second)
    with second.session() as session:
        assert session.scalar(text("SELECT session_user")) == "cxr_2026"
        owners = text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert session.scalars(owners).all() == ["cxr"]
    second.close()
    with empty.session() as administrator:
        administrator.execute(text("DROP ROLE cxr_2026"))
    live(empty)


def test_the_broker_takes_the_old_password_and_the_new_one_meanwhile(infra: InfraStack):
    old = QueueSettings(url=infra.broker_url)
    new = QueueSettings(url=re.sub(":[^:@]+@", ":anotherpassword@", infra.broker_url))
    administrator, client = queue.connect_broker(old), queue.connect_broker(new)
    with pytest.raises(AuthenticationError):
        client.ping()
    administrator.acl_setuser("default", enabled=True, passwords="+anotherpassword", reset_passwords=False)
    try:
        assert client.ping()
        assert queue.connect_broker(old).ping()
    finally:
        administrator.acl_setuser("default", enabled=True, passwords="-anotherpassword")
    with pytest.raises(AuthenticationError):
        queue.connect_broker(new).ping()
    assert queue.connect_broker(old).ping()
