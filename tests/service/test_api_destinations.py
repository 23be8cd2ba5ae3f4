"""Destinations and deliveries by API: who may, what is shown, what is refused, what is sent again."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from shared.records import deliveries, keys
from shared.records.database import Database
from shared.records.keys import Scope
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer
from tests.support.outbox import a_report, deliveries_of, sign
from tests.support.stack import InfraStack

PACS = {"kind": "dicom", "name": "pacs", "host": "10.0.0.7", "port": 4242, "ae_title": "PACS"}
HOOK = {"kind": "webhook", "name": "ward", "url": "https://ward.example/cxr"}


@pytest.fixture(scope="module")
def guarded(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        yield server


def a_key(api: ApiServer, database: Database, *scopes: Scope, tenant: str | None = None) -> httpx.Client:
    with database.session() as session:
        _, secret = keys.create(session, name="somebody", scopes=scopes, tenant=tenant)
    return api.client(secret)


def give_up_all(database: Database) -> None:
    with database.session() as session:
        session.execute(text("UPDATE deliveries SET state = 'dead', error = 'refused 0xC000'"))


def test_a_destination_is_made_listed_paused_and_removed(client: httpx.Client):
    made = client.post("/v1/destinations", json=PACS)
    assert made.status_code == 201, made.text
    body = made.json()
    assert (body["tenant"], body["kind"], body["secret"]) == ("default", "dicom", None)
    assert body["formats"] == ["dicom-sr", "dicom-pdf", "dicom-sc"]
    assert body["events"] == ["reported", "edited", "signed", "amended", "addendum", "entered-in-error"]
    assert (body["paused"], body["failures"], body["test"]) == (False, 0, None)
    twice = client.post("/v1/destinations", json=PACS)
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/name-taken")
    path = f"/v1/destinations/{body['id']}"
    assert client.post(f"{path}/pause").json()["paused"] is True
    assert client.get(path).json()["paused"] is True
    assert client.post(f"{path}/resume").json()["paused"] is False
    asked = client.post(f"{path}/test")
    assert (asked.status_code, asked.json()["test"]["done_at"]) == (202, None)
    assert [one["name"] for one in client.get("/v1/destinations").json()["items"]] == ["pacs"]
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.delete(path).status_code == 404
    assert client.get("/v1/destinations").json() == {"items": []}


def test_a_secret_is_shown_when_it_is_made_and_never_again(client: httpx.Client):
    made = client.post("/v1/destinations", json=HOOK).json()
    assert made["secret"].startswith("whsec_")
    given = {
        "kind": "fhir",
        "name": "fhir",
        "url": "https://fhir.example/r4",
        "username": "cxr",
        "secret": "swordfish",
    }
    assert client.post("/v1/destinations", json=given).json()["secret"] is None
    own = client.post(
        "/v1/destinations", json=HOOK | {"name": "own", "secret": "whsec_" + "MDEy" * 10}
    ).json()
    assert own["secret"] is None
    shown = client.get("/v1/destinations").text + client.get(f"/v1/destinations/{made['id']}").text
    assert "whsec_" not in shown
    assert "swordfish" not in shown


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (PACS | {"port": 0}, "dicom.port"),
        (PACS | {"ae_title": "A" * 17}, "dicom.ae_title"),
        (PACS | {"events": ["critical"]}, "dicom.events.0"),
        (PACS | {"formats": ["hl7"]}, "dicom.formats.0"),
        (PACS | {"url": "https://pacs.example"}, "dicom.url"),
        (PACS | {"labels": ["Pnumothorax"]}, "dicom.labels"),
        (HOOK | {"url": "ftp://ward.example"}, "webhook.url"),
        (HOOK | {"url": "https://user:secret@ward.example/"}, "webhook.url"),
        (HOOK | {"secret": "whsec_short"}, "webhook.secret"),
        ({"kind": "fax", "name": "fax"}, "body"),
    ],
    ids=["port", "title", "event", "format", "address", "label", "scheme", "user", "secret", "kind"],
)
def test_what_is_wrong_is_named(client: httpx.Client, said: dict[str, object], field: str):
    answer = client.post("/v1/destinations", json=said)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_only_an_administrator_may_say_where_results_go(guarded: ApiServer, database: Database):
    for client in (a_key(guarded, database, Scope.READ, Scope.WRITE), a_key(guarded, database, Scope.REVIEW)):
        assert client.post("/v1/destinations", json=PACS).status_code == 403
        assert client.get("/v1/destinations").status_code == 403
    made = guarded.client(ADMIN_KEY).post("/v1/destinations", json=PACS | {"tenant": "north"}).json()
    assert made["tenant"] == "north"


def test_a_study_s_deliveries_are_its_tenant_s_and_what_is_dead_is_sent_again(
    guarded: ApiServer, database: Database, storage: Storage
):
    guarded.client(ADMIN_KEY).post("/v1/destinations", json=PACS).raise_for_status()
    study_id = a_report(database, storage)
    sign(database, study_id)
    ours = a_key(guarded, database, Scope.READ, Scope.WRITE)
    reader = a_key(guarded, database, Scope.READ)
    theirs = a_key(guarded, database, Scope.READ, Scope.WRITE, tenant="north")
    path = f"/v1/studies/{study_id}/deliveries"
    first, second = ours.get(path).json()["items"]
    assert [(one["destination"], one["event"], one["state"]) for one in (first, second)] == [
        ("pacs", "reported", "waiting"),
        ("pacs", "signed", "waiting"),
    ]
    assert theirs.get(path).status_code == 404
    assert theirs.get("/v1/deliveries").json()["items"] == []
    again = f"/v1/deliveries/{first['id']}/retry"
    refused = ours.post(again)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-dead")
    give_up_all(database)
    dead = reader.get("/v1/deliveries", params={"state": "dead"}).json()["items"]
    assert [one["error"] for one in dead] == ["refused 0xC000"] * 2
    assert reader.post(again).status_code == 403
    assert theirs.post(again).status_code == 404
    assert ours.post(again).json()["state"] == "waiting"
    everything = guarded.client(ADMIN_KEY).post(f"/v1/destinations/{first['destination_id']}/retry")
    assert everything.json() == {"retried": 1}
    assert {one.state for one in deliveries_of(database, study_id)} == {"waiting"}


def test_deliveries_are_listed_page_by_page(client: httpx.Client, database: Database, storage: Storage):
    client.post("/v1/destinations", json=PACS).raise_for_status()
    for number in range(5):
        a_report(database, storage, study_uid=f"2.25.{number}")
    found: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    while True:
        page = client.get("/v1/deliveries", params=query).json()
        found += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(found) == 5
    assert found == sorted(found, reverse=True)


def test_each_attempt_is_shown_with_what_was_answered(
    client: httpx.Client, database: Database, storage: Storage
):
    destination = client.post("/v1/destinations", json=PACS).json()["id"]
    study_id = a_report(database, storage)
    with database.session() as session:
        (claim,) = deliveries.claim(session, UUID(destination), most=1, lease=timedelta(seconds=20))
    with database.session() as session:
        deliveries.delivered(session, claim, answer="dicom-sr: stored", version=1)
    (item,) = client.get(f"/v1/studies/{study_id}/deliveries").json()["items"]
    (attempt,) = item["attempts"]
    assert (item["state"], item["version"], item["next_at"]) == ("delivered", 1, None)
    assert (attempt["number"], attempt["outcome"], attempt["answer"]) == (1, "delivered", "dicom-sr: stored")
    assert attempt["milliseconds"] >= 0
