"""What belongs to a tenant outlives its keys; what a batch's items keep of their answers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from shared.domain.studies import DEFAULT_TENANT, StudyId
from shared.records import tenants
from shared.records.database import Database
from shared.records.tables import IdempotencyRow, StudyRow, TenantRow
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, send
from tests.support.builders import the_study
from tests.support.stack import InfraStack


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        yield server


@pytest.fixture
def admin(api: ApiServer, database: Database) -> httpx.Client:
    return api.client(ADMIN_KEY)


@pytest.fixture
def new_key(admin: httpx.Client) -> Callable[..., dict[str, Any]]:
    def make(tenant: str | None = None, *scopes: str) -> dict[str, Any]:
        wanted = {"name": "archive", "tenant": tenant, "scopes": list(scopes) or ["read", "write"]}
        answer = admin.post("/v1/keys", json=wanted)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make


@pytest.mark.parametrize("tenant", ["north", None], ids=["a named tenant", "the default one"])
def test_a_key_is_rotated_in_the_middle_of_a_batch(
    api: ApiServer, admin: httpx.Client, new_key, database: Database, tenant: str | None
):
    old_key = new_key(tenant)
    old = api.client(old_key["key"])
    batch = old.post("/v1/batches", json={"name": "archive"}).json()
    first = send(old, a_png(1), batch_id=batch["id"], key="case-1").json()
    complete(database, StudyId(first["id"]))

    new = api.client(new_key(tenant)["key"])
    assert admin.delete(f"/v1/keys/{old_key['id']}").status_code == 204
    assert old.get(batch["links"]["self"]).status_code == 401
    stranger = api.client(new_key("south")["key"])

    second = send(new, a_png(2), batch_id=batch["id"], key="case-2").json()
    complete(database, StudyId(second["id"]))
    again = send(new, a_png(1), batch_id=batch["id"], key="case-1")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert again.json()["id"] == first["id"]
    results = new.get(batch["links"]["results"], params={"format": "csv"}).text
    for study in (first, second):
        assert study["id"] in results
        assert new.get(study["links"]["report"]).status_code == 200
        assert stranger.get(study["links"]["self"]).status_code == 404
    assert new.get(batch["links"]["self"]).json()["counts"]["completed"] == 2
    assert stranger.get(batch["links"]["results"]).status_code == 404
    assert send(stranger, a_png(1), batch_id=batch["id"], key="case-1").status_code == 404


def test_a_key_says_whose_it_is_and_an_administrator_s_is_nobody_s(admin: httpx.Client, new_key):
    made = [new_key("north"), new_key(), new_key(None, "read", "write", "admin")]
    assert [key["tenant"] for key in made] == ["north", "default", None]
    assert [key["tenant"] for key in admin.get("/v1/keys").json()["items"]] == ["north", "default", None]


def test_what_an_administrator_sends_is_the_default_tenant_s(
    api: ApiServer, admin: httpx.Client, new_key, database: Database
):
    administrators = [admin, api.client(new_key(None, "admin")["key"])]
    sent = [send(client, a_png(number)).json() for number, client in enumerate(administrators)]
    default, north = (api.client(new_key(name)["key"]) for name in (None, "north"))
    for study in sent:
        assert the_study(database, StudyId(study["id"])).tenant_id == DEFAULT_TENANT
        assert default.get(study["links"]["self"]).status_code == 200
        assert north.get(study["links"]["self"]).status_code == 404


def test_many_at_once_make_one_tenant(database: Database):
    def make(_: int):
        with database.session() as session:
            return tenants.find_or_make(session, "north")

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(make, range(8)))) == 1
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(TenantRow)) == 2


@pytest.fixture
def item(api: ApiServer, new_key) -> Callable[[], httpx.Response]:
    """Return what sends one and the same item of a batch."""
    client = api.client(new_key("north")["key"])
    batch = client.post("/v1/batches", json={}).json()
    return lambda: send(client, a_png(1), batch_id=batch["id"], key="case-1")


def test_an_item_s_replay_is_its_study_as_it_stands(item, database: Database):
    first = item()
    with database.session() as session:
        assert session.scalars(select(IdempotencyRow.body)).all() == [None]
    complete(database, StudyId(first.json()["id"]))
    again = item()
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert (first.json()["status"], again.json()["status"]) == ("queued", "completed")


def test_an_item_that_was_erased_is_taken_in_anew(
    api: ApiServer, admin: httpx.Client, item, database: Database
):
    first = item().json()
    assert admin.delete(first["links"]["self"]).status_code == 204
    again = item()
    assert again.status_code == 202
    assert "idempotency-replayed" not in again.headers
    assert again.json()["id"] != first["id"]


def test_an_item_that_is_erased_while_it_is_replayed_is_gone(item, database: Database):
    item()
    with database.session() as session:
        session.execute(update(StudyRow).values(erased_at=func.now()))
    assert (item().status_code, item().json()["type"]) == (410, "/problems/erased")
