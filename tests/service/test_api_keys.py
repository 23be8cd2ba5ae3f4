"""Keys and tenancy: who may do what, who sees what, and how soon a revoked key is dead."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from api.main import OpenToTheWorldError
from shared.domain.studies import DEFAULT_TENANT, new_id
from shared.records.database import Database
from shared.records.keys import CHANNEL, digest_of
from shared.records.tables import ApiKeyRow
from shared.settings import AuthMode
from shared.storage import Storage
from shared.version import product_version
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, events, files, send, sent
from tests.support.stack import InfraStack, wait_until

DEATH_SECONDS = 30
"""A key that nobody revokes is remembered for a minute: half of that tells the two apart."""


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED, max_failed_keys=0) as server:
        yield server


@pytest.fixture
def admin(api: ApiServer, database: Database) -> httpx.Client:
    return api.client(ADMIN_KEY)


def a_key(admin: httpx.Client, *scopes: str, tenant: str | None = None) -> dict[str, Any]:
    wanted = {"name": "ward 3", "scopes": list(scopes) or ["read", "write"], "tenant": tenant}
    answer = admin.post("/v1/keys", json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_key_is_shown_once_and_kept_as_a_digest(admin: httpx.Client, database: Database):
    key = a_key(admin, "read")
    assert key["key"].startswith("cxr_")
    assert len(key["key"]) > 40
    (listed,) = admin.get("/v1/keys").json()["items"]
    assert "key" not in listed
    assert (listed["id"], listed["name"], listed["scopes"]) == (key["id"], "ward 3", ["read"])
    with database.session() as session:
        row = session.scalars(select(ApiKeyRow)).one()
        assert row.digest == digest_of(key["key"])
        assert key["key"] not in str(vars(row))


VALUES = {"index": "0", "label": "Effusion", "version": "1"}
"""Of an address's parts; the others are ids."""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer cxr_wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {ADMIN_KEY}"},
        {"Authorization": ADMIN_KEY},
    ],
    ids=["none", "unknown", "empty", "basic", "no scheme"],
)
def test_without_a_live_key_nothing_opens(api: ApiServer, database: Database, headers: dict[str, str]):
    client = api.client()
    routes = [(route.path, route.methods) for route in api_routes(api)]
    assert len(routes) > 15
    for path, methods in routes:
        concrete = re.sub(r"\{(\w+)\}", lambda named: VALUES.get(named[1]) or str(new_id()), path)
        for method in methods:
            answer = client.request(method, concrete, headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["type"] == "/problems/unauthorized"


def api_routes(api: ApiServer) -> list[Any]:
    """Return all routes but the ones for operators and developers, which need no key."""
    included = [route.original_router for route in api.app.router.routes if hasattr(route, "original_router")]
    routes = [route for router in included for route in router.routes]
    return [
        route
        for route in routes
        if route.path.startswith(("/v1/", "/dicomweb/")) and route.path != "/v1/info"
    ]


def test_a_refused_upload_is_not_read(api: ApiServer, database: Database):
    assert api.client().post("/v1/studies", files=files(bytes(10**7))).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/v1/info"])
def test_operators_need_no_key(api: ApiServer, database: Database, path: str):
    assert api.client().get(path).status_code == 200


def test_a_stranger_learns_neither_version_nor_models_nor_metrics(
    api: ApiServer, admin: httpx.Client, database: Database
):
    study_id = sent(admin, a_png(3))
    complete(database, study_id)
    stranger, writer = api.client(), api.client(a_key(admin, "write")["key"])
    reader = api.client(a_key(admin, "read")["key"])
    for client in (stranger, writer):
        told = client.get("/v1/info").json()
        assert (told["version"], told["model"], told["writer"]) == (None, None, None)
        assert told["auth"] == "required"
        assert told["limits"]
    told = reader.get("/v1/info").json()
    assert (told["version"], told["model"]["id"], told["writer"]["id"]) == (
        product_version(),
        "bundled",
        "template",
    )
    assert api.client("cxr_wrong").get("/v1/info").status_code == 401
    assert stranger.get("/openapi.json").json()["info"]["version"] == "1"
    for client in (stranger, reader, admin):
        assert client.get("/metrics").status_code == 404
    assert reader.get("/v1/info").json()["work"] is None
    assert admin.get("/v1/info").json()["work"]["waiting"] == {"cnn": 0, "llm": 0}


def test_a_scope_is_needed_and_named(api: ApiServer, admin: httpx.Client):
    reader = api.client(a_key(admin, "read")["key"])
    writer = api.client(a_key(admin, "write")["key"])
    refused = send(reader)
    assert (refused.status_code, refused.json()["scope"]) == (403, "write")
    study_id = sent(writer)
    assert writer.get(f"/v1/studies/{study_id}").json()["scope"] == "read"
    for client in (reader, writer):
        assert client.get("/v1/keys").json()["scope"] == "admin"
        assert client.post("/v1/keys", json={"name": "x"}).status_code == 403
        assert client.get("/v1/tenants").status_code == 403
        assert client.patch(f"/v1/tenants/{DEFAULT_TENANT}", json={"name": "x"}).status_code == 403
    assert reader.delete(f"/v1/studies/{study_id}").status_code == 403


def test_another_tenant_s_things_are_not_found(api: ApiServer, admin: httpx.Client, database: Database):
    mine, other = (api.client(a_key(admin, tenant=name)["key"]) for name in ("north", "south"))
    study_id = sent(mine, a_png(5))
    complete(database, study_id)
    batch = mine.post("/v1/batches", json={}).json()
    study = f"/v1/studies/{study_id}"
    for method, path in (
        ("GET", study),
        ("GET", f"{study}?wait=1"),
        ("DELETE", study),
        ("POST", f"{study}/retry"),
        ("GET", f"{study}/events"),
        ("GET", f"{study}/findings"),
        ("GET", f"{study}/report"),
        ("GET", f"{study}/images/0/preview.png"),
        ("GET", f"{study}/images/0/original"),
        ("GET", f"{study}/images/0/heatmaps/Effusion.png"),
        ("GET", batch["links"]["self"]),
        ("GET", batch["links"]["results"]),
        ("POST", batch["links"]["cancel"]),
    ):
        theirs = other.request(method, path)
        # The same answer as for what never was: an id says nothing about whether it exists.
        assert (theirs.status_code, theirs.json()["type"]) == (404, "/problems/not-found"), path
        missing = other.request(
            method, path.replace(str(study_id), str(new_id())).replace(batch["id"], str(new_id()))
        )
        assert theirs.json()["detail"] == missing.json()["detail"]
    assert send(other, batch_id=batch["id"]).status_code == 404
    assert other.get("/v1/studies").json()["items"] == []
    assert other.get("/v1/studies", params={"batch_id": batch["id"]}).json()["items"] == []
    assert mine.get(study).json()["status"] == "completed"
    for client in (mine, admin):
        assert [item["id"] for item in client.get("/v1/studies").json()["items"]] == [str(study_id)]
        assert client.get(f"{study}/report").status_code == 200


def test_two_tenants_may_use_the_same_idempotency_key(api: ApiServer, admin: httpx.Client):
    answers = [
        send(api.client(a_key(admin, tenant=name)["key"]), a_png(1), key="k") for name in ("north", "south")
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_a_revoked_key_is_dead_at_once_though_it_was_remembered(api: ApiServer, admin: httpx.Client):
    key = a_key(admin)
    client = api.client(key["key"])
    assert client.get("/v1/studies").status_code == 200
    assert admin.delete(f"/v1/keys/{key['id']}").status_code == 204
    wait_until(
        lambda: client.get("/v1/studies").status_code == 401, timeout=DEATH_SECONDS, what="the key to die"
    )
    assert admin.get("/v1/keys").json()["items"] == []
    assert admin.delete(f"/v1/keys/{key['id']}").status_code == 404


def test_a_key_revoked_by_another_process_is_dead_here_too(
    api: ApiServer, infra: InfraStack, admin: httpx.Client
):
    key = a_key(admin)
    client = api.client(key["key"])
    assert client.get("/v1/studies").status_code == 200
    with ApiServer(infra, auth=AuthMode.REQUIRED) as other:
        assert other.client(ADMIN_KEY).delete(f"/v1/keys/{key['id']}").status_code == 204
    wait_until(
        lambda: client.get("/v1/studies").status_code == 401, timeout=DEATH_SECONDS, what="the key to die"
    )


@pytest.mark.parametrize("undo", ["revoke", "take the scopes"])
def test_a_stream_and_a_long_poll_end_with_their_key(
    api: ApiServer, infra: InfraStack, admin: httpx.Client, database: Database, undo: str
):
    doomed, other = a_key(admin), a_key(admin)
    study_id = sent(api.client(doomed["key"]), a_png(7))
    others = sent(api.client(other["key"]), a_png(8))
    answers: dict[str, Any] = {}

    def follow(name: str, key: dict[str, Any], study: object) -> None:
        with api.client(key["key"]).stream("GET", f"/v1/studies/{study}/events") as stream:
            answers[name] = list(events(stream.iter_lines()))

    def poll(name: str, key: dict[str, Any]) -> None:
        answers[name] = api.client(key["key"]).get(f"/v1/studies/{study_id}?wait=30")

    def wait_for_the_report(name: str) -> None:
        client = api.client(doomed["key"])
        answers[name] = client.post("/v1/studies", files=files(a_png(9)), headers={"Prefer": "wait=30"})

    calls: dict[str, tuple[Callable[..., None], tuple[object, ...]]] = {
        "stream": (follow, (doomed, study_id)),
        "poll": (poll, (doomed,)),
        "wait": (wait_for_the_report, ()),
        "other": (follow, (other, others)),
    }
    waiting = {
        name: threading.Thread(target=call, args=(name, *arguments), daemon=True)
        for name, (call, arguments) in calls.items()
    }
    for thread in waiting.values():
        thread.start()
    wait_until(lambda: api.backend.feed.waiters == 4, timeout=20, what="four to wait")
    if undo == "revoke":
        with ApiServer(infra, auth=AuthMode.REQUIRED) as process:  # another one than those wait in
            assert process.client(ADMIN_KEY).delete(f"/v1/keys/{doomed['id']}").status_code == 204
    else:
        with database.session() as session:
            session.execute(update(ApiKeyRow).where(ApiKeyRow.id == doomed["id"]).values(scopes=[]))
            session.execute(select(func.pg_notify(CHANNEL, "")))
    # Told of it, they end at once: on their own the stream would look after a minute, the polls after 30 s.
    for name in ("stream", "poll", "wait"):
        waiting[name].join(20)
        assert not waiting[name].is_alive(), name
    assert [event["data"]["status"] for event in answers["stream"]] == ["queued"]
    refused = [answers[name].status_code for name in ("poll", "wait")]
    assert refused == ([401, 401] if undo == "revoke" else [403, 403])
    assert waiting["other"].is_alive()
    admin.delete(f"/v1/studies/{others}")
    waiting["other"].join(20)
    assert answers["other"][-1]["data"]["status"] == "cancelled"


def test_a_remembered_key_costs_no_query(api: ApiServer, admin: httpx.Client):
    client = api.client(a_key(admin)["key"])
    client.get("/v1/studies")
    assert len(api.backend.key_ring._remembered) >= 1


def test_when_a_key_was_last_used_is_kept(api: ApiServer, admin: httpx.Client):
    key = a_key(admin)
    assert admin.get("/v1/keys").json()["items"][0]["last_used_at"] is None
    api.client(key["key"]).get("/v1/studies")
    assert admin.get("/v1/keys").json()["items"][0]["last_used_at"] is not None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "owner": 1},
        {"name": "x", "tenant": ""},
        {"name": "x", "tenant": "x" * 201},
        {"name": "x", "tenant": "north\u202e"},
        {"name": "x", "tenant": "north", "scopes": ["admin"]},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(admin: httpx.Client, body: dict[str, Any]):
    assert admin.post("/v1/keys", json=body).status_code == 422


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_keys_may_be_off_on_loopback_alone(infra: InfraStack, host: str):
    with pytest.raises(OpenToTheWorldError):
        ApiServer(infra, host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_has_several_names(infra: InfraStack, host: str):
    assert ApiServer(infra, host=host).settings.auth is AuthMode.OFF


# A server without keys must not lend its user's power to other sites' pages.


@pytest.fixture(scope="module")
def open_api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra) as server:
        yield server


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", ""])
def test_a_rebound_name_is_refused(open_api: ApiServer, host: str):
    answer = open_api.client().get("/v1/studies", headers={"Host": host})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/foreign-page")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_s_page_is_refused(open_api: ApiServer, headers: dict[str, str]):
    answer = open_api.client().post("/v1/studies", files=files(a_png()), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/foreign-page")


def test_our_own_page_is_welcome(open_api: ApiServer, database: Database):
    headers = {"Origin": open_api.url, "Sec-Fetch-Site": "same-origin"}
    answer = open_api.client().post("/v1/studies", files=files(a_png()), headers=headers)
    assert answer.status_code == 202
