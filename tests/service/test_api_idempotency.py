"""Idempotency-Key, as Stripe defines it, with real threads for what happens at once."""

import hashlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update
from starlette.datastructures import FormData, UploadFile

from api.upload import Fields, Received, fingerprint
from shared.domain.studies import DEFAULT_TENANT, StudyId, new_id
from shared.errors import LeaseLostError
from shared.records import idempotency
from shared.records.database import Database
from shared.records.idempotency import Begun, InUse, Replayed, RequestKey, Reused
from shared.records.tables import IdempotencyRow, StudyRow
from tests.support.api import ApiServer, a_png, complete, files, send
from tests.support.builders import a_study, a_tenant

REQUEST = RequestKey(DEFAULT_TENANT, "key-1")


def studies_in(database: Database) -> int:
    with database.session() as session:
        return session.scalar(select(func.count()).select_from(StudyRow)) or 0


def begin(database: Database, fingerprint: str = "f" * 64, **options):
    with database.session() as session:
        return idempotency.begin(session, REQUEST, fingerprint=fingerprint, **options)


def fingerprint_of(content: bytes) -> str:
    """Return what the API makes of one file without fields."""
    file = UploadFile(io.BytesIO(content), size=len(content), filename="image0.png")
    return fingerprint(Received([file], FormData(), [len(content)], None), Fields())


def test_the_same_request_twice_is_one_study_and_one_answer(client: httpx.Client, database: Database):
    first = send(client, a_png(1), a_png(2), key="once", indication="cough")
    complete(database, StudyId(first.json()["id"]))
    second = send(client, a_png(1), a_png(2), key="once", indication="cough")
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert studies_in(database) == 1


def test_a_replay_that_prefers_to_wait_gets_the_study_as_it_stands(client: httpx.Client, database: Database):
    first = send(client, key="once")
    complete(database, StudyId(first.json()["id"]))
    headers = {"Idempotency-Key": "once", "Prefer": "wait=5"}
    second = client.post("/v1/studies", files=files(a_png()), headers=headers)
    assert (second.status_code, second.json()["status"], second.json()["id"]) == (
        200,
        "completed",
        first.json()["id"],
    )


@pytest.mark.parametrize(
    "other",
    [
        {"contents": (a_png(2),)},
        {"contents": (a_png(1), a_png(1))},
        {"indication": "fever"},
        {"priority": "urgent"},
    ],
    ids=["other bytes", "one more file", "another field", "another priority"],
)
def test_a_key_with_other_content_is_an_error(client: httpx.Client, database: Database, other):
    send(client, a_png(1), key="once", indication="cough")
    contents = other.pop("contents", (a_png(1),))
    answer = send(client, *contents, key="once", **{"indication": "cough", **other})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert studies_in(database) == 1


def test_another_name_of_the_same_bytes_is_other_content(client: httpx.Client):
    client.post("/v1/studies", files=files(a_png(), names=["a.png"]), headers={"Idempotency-Key": "k"})
    answer = client.post(
        "/v1/studies", files=files(a_png(), names=["b.png"]), headers={"Idempotency-Key": "k"}
    )
    assert answer.status_code == 422


def test_a_key_may_be_reused_after_content_that_was_refused(client: httpx.Client, database: Database):
    assert send(client, b"not an image", key="once").status_code == 400
    assert send(client, a_png(), key="once").status_code == 202
    assert studies_in(database) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_a_sensible_length(client: httpx.Client, key: str):
    answer = client.post("/v1/studies", files=files(a_png()), headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["in"] == "header"


def test_many_threads_with_one_key_make_one_study(api: ApiServer, database: Database):
    start = threading.Barrier(16)
    clients = [api.client() for _ in range(16)]

    def race(client: httpx.Client) -> httpx.Response:
        start.wait()
        return send(client, a_png(), key="race")

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(race, clients))
    assert studies_in(database) == 1
    assert {answer.status_code for answer in answers} <= {202, 409}
    taken = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.content for answer in taken}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in taken) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "/problems/idempotency-key-in-use"
            assert answer.headers["retry-after"]
    assert send(clients[0], a_png(), key="race").content == taken[0].content


def test_many_threads_with_one_key_and_other_content_make_one_study(api: ApiServer, database: Database):
    start = threading.Barrier(8)
    clients = [api.client() for _ in range(8)]

    def race(number: int) -> int:
        start.wait()
        return send(clients[number], a_png(number), key="race").status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(race, range(8)))
    assert statuses == [202] + [422] * 7
    assert studies_in(database) == 1


def test_a_key_that_is_being_served_is_in_use(client: httpx.Client, api: ApiServer, database: Database):
    # What a process holds that is in the middle of the same request.
    request = RequestKey(DEFAULT_TENANT, "busy")
    with database.session() as session:
        held = idempotency.begin(session, request, fingerprint=fingerprint_of(a_png()))
    assert isinstance(held, Begun)
    answer = send(client, a_png(), key="busy")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/idempotency-key-in-use")
    assert studies_in(database) == 0


def test_a_crashed_process_s_successor_takes_the_key_over(client: httpx.Client, database: Database):
    request = RequestKey(DEFAULT_TENANT, "crashed")
    with database.session() as session:
        crashed = idempotency.begin(session, request, fingerprint=fingerprint_of(a_png()))
        session.execute(update(IdempotencyRow).values(locked_until=func.now() - timedelta(seconds=1)))
    assert isinstance(crashed, Begun)
    answer = send(client, a_png(), key="crashed")
    assert answer.status_code == 202
    # The one that was only slow, not dead, cannot write its own study beside it.
    with pytest.raises(LeaseLostError), database.session() as session:
        idempotency.finish(session, request, crashed.token, body={}, study_id=StudyId(new_id()))
    assert studies_in(database) == 1


def test_two_takers_of_one_lapsed_key_get_one_token(database: Database):
    begin(database, lock=timedelta(seconds=-1))
    start = threading.Barrier(2)

    def race(_: int):
        start.wait()
        return begin(database)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(race, range(2)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Begun", "InUse"]


def test_a_lapsed_key_is_not_taken_over_by_other_content(database: Database):
    begin(database, lock=timedelta(seconds=-1))
    assert begin(database, "e" * 64) == Reused()


def test_a_renewed_key_is_held_for_longer(database: Database):
    held = begin(database, lock=timedelta(seconds=-1))
    with database.session() as session:
        idempotency.renew(session, REQUEST, held.token)
    assert begin(database) == InUse()


def test_an_answer_is_forgotten_after_a_day_and_an_item_s_never(database: Database):
    study_id = a_study(database)
    for request in (REQUEST, RequestKey(DEFAULT_TENANT, "key-1", scope="a-batch")):
        with database.session() as session:
            held = idempotency.begin(session, request, fingerprint="f" * 64)
            assert isinstance(held, Begun)
            idempotency.finish(session, request, held.token, body={"a": 1}, study_id=study_id)
    with database.session() as session:
        session.execute(update(IdempotencyRow).values(created_at=func.now() - timedelta(hours=25)))
    assert isinstance(begin(database, "e" * 64), Begun)
    with database.session() as session:
        item = RequestKey(DEFAULT_TENANT, "key-1", scope="a-batch")
        assert idempotency.begin(session, item, fingerprint="f" * 64) == Replayed({"a": 1}, study_id)


def test_keys_of_two_tenants_have_nothing_to_do_with_each_other(database: Database):
    another = a_tenant(database)
    assert isinstance(begin(database), Begun)
    with database.session() as session:
        other = RequestKey(another, "key-1")
        assert isinstance(idempotency.begin(session, other, fingerprint="e" * 64), Begun)


def test_a_field_that_was_not_given_is_not_in_the_fingerprint_of_a_request():
    """A batch that was begun before an upgrade goes on after it: its keys are kept as long as the batch."""
    file = UploadFile(io.BytesIO(b"x"), size=1, filename="image0.png")
    fields = Fields(indication="cough")
    before = hashlib.sha256(
        b'{"indication":"cough"}'
        + len(b"image0.png").to_bytes(8)
        + b"image0.png"
        + (1).to_bytes(8)
        + hashlib.sha256(b"x").digest()
    )
    assert fingerprint(Received([file], FormData(), [1], None), fields) == before.hexdigest()


def test_an_answer_that_an_earlier_release_kept_is_given_again(client: httpx.Client, database: Database):
    """It is kept for a day: a study's newer fields must have a default."""
    known = {
        *("id", "status", "priority", "language", "batch_id", "created_at", "updated_at", "error", "model"),
        *("images", "timeline", "links"),
    }
    known_of_images = {
        *("index", "file", "media_type", "width", "height", "view", "status", "error", "warnings", "links"),
    }
    first = send(client, a_png(), key="old")
    body = {name: value for name, value in first.json().items() if name in known}
    body["images"] = [
        {name: value for name, value in image.items() if name in known_of_images} for image in body["images"]
    ]
    with database.session() as session:
        session.execute(update(IdempotencyRow).values(body=body))
    again = send(client, a_png(), key="old")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
