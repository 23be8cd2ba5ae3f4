"""Studies over HTTP: sent, polled, waited for, listed, retried, erased."""

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest
from redis import Redis
from sqlalchemy import QueuePool

from shared.domain.orders import Order
from shared.domain.studies import DEFAULT_TENANT, Priority, Stage, StudyId, StudyStatus, new_id
from shared.errors import UnusableImageError
from shared.records.database import Database
from shared.storage import Storage, original_key
from shared.work.queue import queue_name
from tests.support import api as support
from tests.support.api import ApiServer, a_png, all_pages, complete, files, give_up, reject, send, sent
from tests.support.builders import the_order, the_study
from tests.support.stack import InfraStack, wait_until


def test_a_study_is_accepted_with_its_address_and_when_to_ask_again(client: httpx.Client, database: Database):
    answer = send(client, a_png(1), a_png(2), indication="cough", patient_id="P-1", language="es")
    assert answer.status_code == 202
    study = answer.json()
    assert answer.headers["location"] == study["links"]["self"] == f"/v1/studies/{study['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert UUID(study["id"]).version == 7
    assert (study["status"], study["priority"], study["language"]) == ("queued", "routine", "es")
    assert (study["error"], study["model"], study["batch_id"]) == (None, None, None)
    assert [(image["index"], image["file"], image["status"]) for image in study["images"]] == [
        (0, "image0.png", "pending"),
        (1, "image1.png", "pending"),
    ]
    assert [(entry["status"], entry["event"]) for entry in study["timeline"]] == [("queued", "received")]
    study_id = StudyId(UUID(study["id"]))
    order = the_order(database, study_id)
    assert (order.indication, order.patient_id) == ("cough", "P-1")
    assert the_study(database, study_id).tenant_id == DEFAULT_TENANT
    assert study["order"]["indication"] == "cough"


@pytest.mark.parametrize(
    ("asked", "said", "language"),
    [
        ("es-ES,es;q=0.9,en;q=0.8", {}, "es"),
        ("en;q=0.5,es;q=0.7", {}, "es"),
        ("es", {"language": "en"}, "en"),
        ("es", {"language": ""}, "es"),
        ("en", {"language": "es"}, "es"),
        ("de", {}, "en"),
        (None, {}, "en"),
    ],
)
def test_a_report_is_in_the_language_of_the_request_unless_another_is_said(
    client: httpx.Client, database: Database, asked: str | None, said: dict[str, str], language: str
):
    headers = {"Accept-Language": asked} if asked else {}
    study = client.post("/v1/studies", files=files(a_png()), data=said, headers=headers).json()
    assert study["language"] == language
    complete(database, StudyId(study["id"]))
    findings = client.get(study["links"]["findings"]).json()["findings"]
    names = {finding["label"]: finding["name"] for finding in findings}
    assert names["Effusion"] == {"en": "Pleural effusion", "es": "Derrame pleural"}[language]


def test_a_poll_says_all_that_the_list_says(client: httpx.Client, database: Database):
    sending = files(a_png(1), b"text", names=["a.png", "a.txt"])
    study_id = client.post("/v1/studies", files=sending, data={"patient_id": "P-1"}).json()["id"]
    complete(database, StudyId(study_id))
    (listed,) = [one for one in client.get("/v1/studies").json()["items"] if one["id"] == study_id]
    assert (listed["images"][0]["view_source"], len(listed["set_aside"])) == ("file", 1)
    assert client.get(f"/v1/studies/{study_id}").json() == listed


def test_originals_are_stored_unchanged_under_their_digest(client: httpx.Client, storage: Storage):
    content = a_png(int(time.time()))
    study_id = sent(client, content)
    assert storage.get_artefact(original_key(hashlib.sha256(content).hexdigest())) == content
    original = client.get(f"/v1/studies/{study_id}/images/0/original")
    assert original.content == content
    assert original.headers["content-type"] == "image/png"
    assert original.headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize("priority", list(Priority))
def test_the_hint_goes_to_the_queue_of_the_priority(
    client: httpx.Client, infra: InfraStack, priority: Priority
):
    with Redis.from_url(infra.broker_url) as broker:
        name = queue_name(Stage.CNN, priority)
        before = broker.llen(name)
        sent(client, priority=priority)
        wait_until(lambda: broker.llen(name) == before + 1, timeout=30, what="the hint")


def test_a_study_is_followed_from_queued_to_completed(client: httpx.Client, database: Database):
    study_id = sent(client)
    complete(database, study_id)
    study = client.get(f"/v1/studies/{study_id}").json()
    assert study["status"] == "completed"
    assert [entry["status"] for entry in study["timeline"]] == [
        "queued",
        "classifying",
        "classified",
        "reporting",
        "completed",
    ]
    assert study["model"] == {"id": "bundled", "version": "1.0", "digest": "d" * 64}
    image = study["images"][0]
    assert (image["status"], image["view"], image["warnings"]) == ("used", "PA", ["synthetic image"])


def test_a_rejected_study_says_which_file_and_why(client: httpx.Client, database: Database):
    study_id = sent(client)
    reject(database, study_id, UnusableImageError("not a chest radiograph", file="image0.png"))
    study = client.get(f"/v1/studies/{study_id}").json()
    assert (study["status"], study["error"]) == (
        "rejected",
        {"type": "unusable-image", "detail": "not a chest radiograph", "file": "image0.png"},
    )


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_study_is_not_found(client: httpx.Client, method: str):
    answer = client.request(method, f"/v1/studies/{new_id()}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


def test_an_id_that_is_none_names_the_field(client: httpx.Client):
    answer = client.get("/v1/studies/42")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["field"] == "study_id"


def test_an_unchanged_study_is_a_304_until_it_changes(client: httpx.Client, database: Database):
    study_id = sent(client)
    first = client.get(f"/v1/studies/{study_id}")
    known = {"If-None-Match": first.headers["etag"]}
    unchanged = client.get(f"/v1/studies/{study_id}", headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == first.headers["etag"]
    support.classify(database, study_id)
    changed = client.get(f"/v1/studies/{study_id}", headers=known)
    assert (changed.status_code, changed.json()["status"]) == (200, "classified")
    assert changed.headers["etag"] != first.headers["etag"]


def later(seconds: float, act, *arguments) -> threading.Timer:
    timer = threading.Timer(seconds, act, arguments)
    timer.start()
    return timer


def test_a_long_poll_wakes_at_once_when_the_study_is_final(client: httpx.Client, database: Database):
    study_id = sent(client)
    support.classify(database, study_id)
    finished: list[float] = []

    def finish() -> None:
        finished.append(time.monotonic())
        support.report(database, study_id)

    later(0.5, finish)
    answer = client.get(f"/v1/studies/{study_id}", params={"wait": 25})
    assert answer.json()["status"] == "completed"
    # Told, not found: a poll that is told of nothing looks again only when its time is over.
    assert time.monotonic() - finished[0] < 15


def test_a_long_poll_with_a_known_version_wakes_at_the_next_change(client: httpx.Client, database: Database):
    study_id = sent(client)
    known = {"If-None-Match": client.get(f"/v1/studies/{study_id}").headers["etag"]}
    later(0.3, support.classify, database, study_id)
    started = time.monotonic()
    answer = client.get(f"/v1/studies/{study_id}", params={"wait": 20}, headers=known)
    assert (answer.status_code, answer.json()["status"]) in {(200, "classifying"), (200, "classified")}
    assert 0.2 < time.monotonic() - started < 15


def test_a_long_poll_in_vain_ends_with_304_when_its_time_is_over(client: httpx.Client):
    study_id = sent(client)
    known = {"If-None-Match": client.get(f"/v1/studies/{study_id}").headers["etag"]}
    started = time.monotonic()
    assert client.get(f"/v1/studies/{study_id}", params={"wait": 0.5}, headers=known).status_code == 304
    assert time.monotonic() - started >= 0.5


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "soon"])
def test_a_wait_that_is_none_is_refused(client: httpx.Client, wait: str):
    answer = client.get(f"/v1/studies/{sent(client)}", params={"wait": wait})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "wait")


def test_waiting_clients_hold_no_database_connection_and_no_thread(api: ApiServer, database: Database):
    study_id = sent(api.client())
    threads = threading.active_count()
    limits = httpx.Limits(max_connections=200)
    with httpx.Client(base_url=api.url, timeout=30, limits=limits) as client, ThreadPoolExecutor(120) as pool:
        waiting = [
            pool.submit(client.get, f"/v1/studies/{study_id}", params={"wait": 20}) for _ in range(120)
        ]
        wait_until(lambda: api.backend.feed.waiters == 120, timeout=20, what="120 waiting clients")
        connections = api.backend.database.engine.pool
        assert isinstance(connections, QueuePool)
        wait_until(lambda: connections.checkedout() == 0, timeout=30, what="idle connections")
        # Our own 120, and at most the forty of the thread pool, which are not waiting for anything.
        assert threading.active_count() - threads <= 120 + 40
        complete(database, study_id)
        assert {task.result().json()["status"] for task in waiting} == {"completed"}
    assert api.backend.feed.waiters == 0


def test_prefer_wait_answers_200_when_the_study_is_done_in_time(
    client: httpx.Client, database: Database, api: ApiServer
):
    def complete_the_newest() -> None:
        wait_until(lambda: api.backend.feed.waiters > 0, timeout=30, what="the POST to wait")
        (study,) = api.client().get("/v1/studies", params={"limit": 1}).json()["items"]
        complete(database, StudyId(UUID(study["id"])))

    worker = later(0, complete_the_newest)
    answer = client.post("/v1/studies", files=files(a_png()), headers={"Prefer": "wait=20"})
    worker.join()
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.headers["preference-applied"] == "wait=20"
    assert answer.headers["location"] == f"/v1/studies/{answer.json()['id']}"


def test_prefer_wait_answers_202_when_it_is_not(client: httpx.Client):
    answer = client.post("/v1/studies", files=files(a_png()), headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert "retry-after" in answer.headers


def test_studies_are_listed_newest_first_in_pages(client: httpx.Client):
    ids = [str(sent(client)) for _ in range(5)]
    for limit in (1, 2, 5, 50):
        assert all_pages(client, limit=limit) == ids[::-1]


def test_pages_do_not_shift_while_studies_arrive(client: httpx.Client):
    ids = [str(sent(client)) for _ in range(4)]
    first = client.get("/v1/studies", params={"limit": 2}).json()
    sent(client)
    second = client.get("/v1/studies", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [study["id"] for page in (first, second) for study in page["items"]] == ids[::-1]
    assert second["next_cursor"] is None


def test_the_list_is_filtered(client: httpx.Client, database: Database):
    done, urgent, _ = sent(client), sent(client, priority="urgent"), sent(client)
    complete(database, done)
    assert all_pages(client, status="completed") == [str(done)]
    assert all_pages(client, priority="urgent", limit=1) == [str(urgent)]
    assert all_pages(client, batch_id=str(new_id())) == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"cursor": "nonsense"}, 400, "bad-cursor"),
        ({"cursor": ""}, 400, "bad-cursor"),
        ({"limit": 0}, 422, "invalid-request"),
        ({"limit": 201}, 422, "invalid-request"),
        ({"status": "lost"}, 422, "invalid-request"),
        ({"batch_id": "1"}, 422, "invalid-request"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client: httpx.Client, query, status: int, code: str):
    answer = client.get("/v1/studies", params=query)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{code}")


def test_a_failed_study_is_retried(client: httpx.Client, database: Database):
    study_id = sent(client)
    give_up(database, study_id)
    failed = client.get(f"/v1/studies/{study_id}").json()
    assert (failed["status"], failed["error"]["detail"]) == ("failed", "codec crashed")
    answer = client.post(f"/v1/studies/{study_id}/retry")
    assert (answer.status_code, answer.json()["status"], answer.json()["error"]) == (202, "queued", None)
    complete(database, study_id)


def test_a_study_is_cancelled_and_kept_until_it_has_ended(client: httpx.Client, database: Database):
    study_id = sent(client)
    answer = client.post(f"/v1/studies/{study_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert client.get(f"/v1/studies/{study_id}/images/0/original").status_code == 200
    again = client.post(f"/v1/studies/{study_id}/cancel")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/already-ended")
    assert "cancelled" in again.json()["detail"]
    done = sent(client)
    complete(database, done)
    assert client.post(f"/v1/studies/{done}/cancel").status_code == 409


def test_only_a_failed_study_is_retried(client: httpx.Client):
    answer = client.post(f"/v1/studies/{sent(client)}/retry")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-failed")


@pytest.mark.parametrize("finished", [True, False])
def test_a_deleted_study_is_cancelled_erased_and_gone(
    client: httpx.Client,
    database: Database,
    storage: Storage,
    finished: bool,  # noqa: FBT001
):
    study_id = sent(client, patient_id="P-9", indication="secret")
    storage.put_artefact(f"derived/{study_id}/0/preview.png", b"png")
    if finished:
        complete(database, study_id)
    assert client.get(f"/v1/studies/{study_id}/images/0/preview.png").content == b"png"
    assert client.delete(f"/v1/studies/{study_id}").status_code == 204
    for path in ("", "/findings", "/report", "/events", "/images/0/preview.png", "/images/0/original"):
        answer = client.get(f"/v1/studies/{study_id}{path}")
        assert (answer.status_code, answer.json()["type"]) == (410, "/problems/erased")
    assert client.delete(f"/v1/studies/{study_id}").status_code == 410
    assert all_pages(client) == []
    assert the_order(database, study_id) == Order()
    assert the_study(database, study_id).status is (
        StudyStatus.COMPLETED if finished else StudyStatus.CANCELLED
    )
    assert storage._bucket.list(f"derived/{study_id}/") == []


def test_what_was_sent_comes_back_under_its_request_id(client: httpx.Client):
    answer = client.get("/v1/studies", headers={"X-Request-ID": "from-the-client-1"})
    assert answer.headers["x-request-id"] == "from-the-client-1"
    forged = client.get("/v1/studies", headers={"X-Request-ID": "x y\tz"})
    assert " " not in forged.headers["x-request-id"]


def test_patient_data_is_not_cached_and_not_sniffed(client: httpx.Client):
    answer = client.get("/v1/studies")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
