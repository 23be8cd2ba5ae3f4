"""Open studies over HTTP: opened, added to, closed; and what of it is refused, in words."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.guard import LARGEST_JSON
from cxr import AsyncClient, Client
from shared.domain.studies import StudyId, StudyStatus
from shared.records.database import Database
from shared.records.keys import Scope
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, files, send
from tests.support.builders import a_study, the_study
from tests.support.dicoms import a_dicom
from tests.support.stack import InfraStack


def opened(client: httpx.Client, *contents: bytes, **fields: str) -> dict[str, Any]:
    """Open a study; without contents, with no image yet."""
    parts = files(*contents) + [(name, (None, value)) for name, value in {"open": "true", **fields}.items()]
    answer = client.post("/v1/studies", files=parts)
    assert answer.status_code == 202, answer.text
    return answer.json()


def added(client: httpx.Client, study: dict[str, Any], *contents: bytes) -> httpx.Response:
    return client.post(f"/v1/studies/{study['id']}/images", files=files(*contents))


def closed(client: httpx.Client, study: dict[str, Any]) -> httpx.Response:
    return client.post(f"/v1/studies/{study['id']}/close")


def type_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_a_study_is_opened_added_to_by_its_links_and_closed(client: httpx.Client, database: Database):
    study = opened(client, a_png(0), expected_images="3", close_after="60")
    assert (study["status"], study["expected_images"]) == ("open", 3)
    assert study["closes_at"] > study["created_at"]
    assert len(study["images"]) == 1
    large = a_png(1, side=400)
    assert len(large) > LARGEST_JSON
    answer = client.post(study["links"]["images"], files=files(large))
    assert (answer.status_code, answer.json()["status"]) == (200, "open")
    assert [image["index"] for image in answer.json()["images"]] == [0, 1]
    answer = client.post(study["links"]["close"])
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert answer.json()["links"]["images"] is None
    assert answer.json()["links"]["close"] is None
    complete(database, StudyId(the_study(database, study["id"]).id))
    shown = client.get(f"/v1/studies/{study['id']}").json()
    assert shown["status"] == "completed"
    assert [entry["event"] for entry in shown["timeline"]][:3] == ["received", "images-added", "closed"]


def test_who_waits_sees_an_image_come(client: httpx.Client):
    study = opened(client, a_png(0))
    path = f"/v1/studies/{study['id']}"
    seen = client.get(path)
    added(client, study, a_png(1))
    again = client.get(path, params={"wait": 20}, headers={"If-None-Match": seen.headers["ETag"]})
    assert len(again.json()["images"]) == 2
    assert client.get(f"{path}/report").status_code == 202
    listed = client.get("/v1/studies", params={"status": "open"}).json()["items"]
    assert [one["id"] for one in listed] == [study["id"]]


def test_a_closed_study_is_closed_again_and_takes_no_more(client: httpx.Client, database: Database):
    study = opened(client, a_png(0))
    assert closed(client, study).status_code == 200
    assert closed(client, study).json()["status"] == "queued"
    assert added(client, study, a_png(0)).status_code == 200
    late = added(client, study, a_png(1))
    assert type_of(late) == (409, "study-closed")
    assert "queued" in late.json()["detail"]
    assert type_of(added(client, {"id": a_study(database)}, a_png(1))) == (409, "study-closed")


def test_a_study_without_an_image_cannot_be_closed(client: httpx.Client, database: Database):
    study = opened(client)
    assert study["images"] == []
    assert type_of(closed(client, study)) == (409, "no-images")
    assert the_study(database, study["id"]).status is StudyStatus.OPEN
    assert client.post(f"/v1/studies/{study['id']}/cancel").json()["status"] == "cancelled"


def test_what_cannot_be_added_is_refused_by_name(client: httpx.Client):
    study = opened(client, a_dicom(PatientID="A"))
    assert type_of(added(client, study, b"no image")) == (400, "not-an-image")
    assert type_of(added(client, study, a_dicom(PatientID="B"))) == (422, "several-patients")
    assert type_of(added(client, study)) == (415, "unsupported-media-type")
    nothing = client.post(f"/v1/studies/{study['id']}/images", files=[("mixed", (None, b"true"))])
    assert [fault["field"] for fault in nothing.json()["errors"]] == ["mixed", "files"]
    for seed in range(1, 16):
        assert added(client, study, a_png(seed)).status_code == 200
    assert type_of(added(client, study, a_png(16))) == (413, "too-large")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"expected_images": "2"}, ["expected_images"]),
        ({"close_after": "30"}, ["close_after"]),
        ({"open": "true", "mixed": "true"}, ["mixed"]),
        ({"open": "true", "expected_images": "17"}, ["expected_images"]),
        ({"open": "true", "close_after": "0"}, ["close_after"]),
        ({"open": "true", "close_after": "86401"}, ["close_after"]),
    ],
)
def test_what_makes_no_sense_of_an_open_study_is_refused(
    client: httpx.Client, fields: dict[str, str], wrong: list[str]
):
    answer = send(client, a_png(), **fields)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == wrong


def test_the_same_key_opens_a_study_once(client: httpx.Client):
    first, again = (send(client, a_png(), key="opening", open="true") for _ in range(2))
    assert first.json()["status"] == "open"
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]


def test_a_batch_is_not_done_while_one_of_its_studies_is_open(client: httpx.Client, database: Database):
    batch = client.post("/v1/batches", json={}).json()
    study = opened(client, a_png(), batch_id=batch["id"])
    shown = client.get(f"/v1/batches/{batch['id']}").json()
    assert (shown["done"], shown["counts"]["open"]) == (False, 1)
    closed(client, study)
    complete(database, StudyId(the_study(database, study["id"]).id))
    assert client.get(f"/v1/batches/{batch['id']}").json()["done"]


@pytest.fixture(scope="module")
def guarded(infra: InfraStack, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        yield server


def test_only_the_tenant_that_opened_a_study_adds_to_it(guarded: ApiServer, database: Database):
    admin = guarded.client(ADMIN_KEY)

    def holder(tenant: str, *scopes: Scope) -> httpx.Client:
        wanted = {"name": tenant, "tenant": tenant, "scopes": list(scopes)}
        return guarded.client(admin.post("/v1/keys", json=wanted).json()["key"])

    sender, reader, stranger = holder("a", Scope.WRITE), holder("a", Scope.READ), holder("b", Scope.WRITE)
    study = opened(sender, a_dicom(PatientID="P-1"))
    assert study["patient"]["id"] is None
    assert type_of(added(stranger, study, a_png())) == (404, "not-found")
    assert type_of(closed(stranger, study)) == (404, "not-found")
    assert type_of(added(reader, study, a_png())) == (403, "forbidden")
    assert type_of(closed(reader, study)) == (403, "forbidden")
    assert added(sender, study, a_png()).json()["patient"]["id"] is None
    assert closed(sender, study).json()["patient"]["id"] is None
    sender.delete(f"/v1/studies/{study['id']}")
    assert type_of(added(sender, study, a_png(1))) == (410, "erased")
    assert type_of(closed(sender, study)) == (410, "erased")


def test_the_client_opens_adds_and_closes(api: ApiServer, database: Database):
    with Client(api.url) as client:
        study = client.open_study(priority="urgent", close_after=60, order={"accession_number": "ACC"})
        assert (study.status, study.images, study.priority) == ("open", [], "urgent")
        assert study.closes_at is not None
        assert len(client.add_images(study.id, [a_png(0), a_png(1)]).images) == 2
        assert client.close_study(study.id).status == "queued"
        assert client.open_study(a_png(0), expected_images=1).status == "queued"


async def test_the_asynchronous_client_does_so_too(api: ApiServer, database: Database):
    async with AsyncClient(api.url) as client:
        study = await client.open_study([a_png(0)], expected_images=9)
        assert (study.status, study.expected_images) == ("open", 9)
        assert len((await client.add_images(study.id, a_png(1))).images) == 2
        assert (await client.close_study(study.id)).status == "queued"
