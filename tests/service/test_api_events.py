"""The timeline as Server-Sent Events, and the one connection that tells of changes."""

import threading
import time
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.routes.events import LOOK_ANYWAY_AFTER
from cxr import Client
from shared.records import studies
from shared.records.database import Database
from shared.storage import Storage
from tests.support.api import ApiServer, classify, complete, events, give_up, report, sent
from tests.support.builders import SOMEBODY
from tests.support.stack import InfraStack, wait_until

STATUSES = ["queued", "classifying", "classified", "reporting", "completed"]


def all_events(client: httpx.Client, study_id: object, **headers: str) -> list[dict[str, Any]]:
    with client.stream("GET", f"/v1/studies/{study_id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        return list(events(answer.iter_lines()))


def test_a_finished_study_s_timeline_is_replayed_and_ends(client: httpx.Client, database: Database):
    study_id = sent(client)
    complete(database, study_id)
    replayed = all_events(client, study_id)
    assert [event["data"]["status"] for event in replayed] == STATUSES
    assert {event["event"] for event in replayed} == {"status"}
    assert replayed[0]["data"].keys() == {"status", "event", "at", "detail", "actor"}
    ids = [int(event["id"]) for event in replayed]
    assert ids == sorted(ids)
    timeline = client.get(f"/v1/studies/{study_id}").json()["timeline"]
    assert [event["data"] for event in replayed] == timeline


def test_the_client_follows_a_study_that_failed_and_was_tried_again_to_its_end(
    api: ApiServer, client: httpx.Client, database: Database
):
    study_id = sent(client)
    give_up(database, study_id)
    assert client.post(f"/v1/studies/{study_id}/retry").status_code == 202
    complete(database, study_id)

    with Client(api.url) as follower:
        followed = [event.status for event in follower.events(str(study_id))]

    assert "failed" in followed
    assert followed[-1] == "completed"
    assert len(followed) == len(all_events(client, study_id))


def test_a_stream_goes_on_after_the_last_event_that_was_seen(client: httpx.Client, database: Database):
    study_id = sent(client)
    complete(database, study_id)
    first = all_events(client, study_id)
    rest = all_events(client, study_id, **{"Last-Event-ID": first[2]["id"]})
    assert rest == first[3:]
    after_the_end = client.get(f"/v1/studies/{study_id}/events", headers={"Last-Event-ID": first[-1]["id"]})
    assert (after_the_end.status_code, after_the_end.content) == (204, b"")


def test_a_stream_that_stays_tells_what_becomes_of_the_report(
    api: ApiServer, client: httpx.Client, database: Database
):
    study_id = sent(client)
    complete(database, study_id)
    path = f"/v1/studies/{study_id}"
    last = all_events(client, study_id)[-1]["id"]
    with client.stream(
        "GET", f"{path}/events", params={"stay": True}, headers={"Last-Event-ID": last}
    ) as answer:
        assert answer.status_code == 200
        change_report(client, path)
        told = next(iter(events(answer.iter_lines())))
    assert (told["data"]["event"], told["data"]["status"]) == ("edited", "completed")


def change_report(client: httpx.Client, path: str) -> None:
    report = client.get(f"{path}/report")
    sections = {**report.json()["sections"], "impression": "No change."}
    del sections["indication"]
    body = {"author": {"name": "Dr. Ada Roe"}, "sections": sections}
    changed = client.put(f"{path}/report", json=body, headers={"If-Match": report.headers["ETag"]})
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize("last", ["x", "-1", "1.5", str(2**64)])
def test_a_last_event_that_is_none_is_refused(client: httpx.Client, last: str):
    answer = client.get(f"/v1/studies/{sent(client)}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.json()["errors"][0]["in"]) == (422, "header")


def test_events_come_as_they_happen(api: ApiServer, client: httpx.Client, database: Database):
    assert api.backend.feed.connected
    study_id = sent(client)
    arrived: list[str] = []

    def follow() -> None:
        with client.stream("GET", f"/v1/studies/{study_id}/events") as answer:
            arrived.extend(event["data"]["status"] for event in events(answer.iter_lines()))

    follower = threading.Thread(target=follow)
    follower.start()
    # Told, not found: a stream that is told of nothing looks only after a minute.
    told = LOOK_ANYWAY_AFTER / 2
    wait_until(lambda: len(arrived) == 1, timeout=told, what="the first event")
    classify(database, study_id)
    wait_until(lambda: len(arrived) == 3, timeout=told, what="the classification")
    report(database, study_id)
    follower.join(told)
    assert arrived == STATUSES


def test_a_cancelled_study_ends_its_stream(client: httpx.Client, database: Database):
    study_id = sent(client)
    with database.session() as session:
        studies.cancel(session, study_id, actor=SOMEBODY)
    assert [event["data"]["status"] for event in all_events(client, study_id)] == ["queued", "cancelled"]


def test_one_connection_listens_for_everybody(client: httpx.Client, database: Database):
    with database.session() as session:
        listening = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cxr-api-feed'")
        assert session.scalar(listening) == 1


def test_a_lost_connection_is_made_again_and_nothing_is_missed(
    api: ApiServer, client: httpx.Client, database: Database
):
    study_id = sent(client)
    answers: list[httpx.Response] = []
    waiting = threading.Thread(
        target=lambda: answers.append(client.get(f"/v1/studies/{study_id}", params={"wait": 20}))
    )
    waiting.start()
    wait_until(lambda: api.backend.feed.waiters == 1, timeout=30, what="the client to wait")
    kill = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cxr-api-feed'"
    )
    with database.session() as session:
        session.execute(kill)
    complete(database, study_id)  # while nobody listens, or just so
    waiting.join(15)
    assert answers[0].json()["status"] == "completed"
    wait_until(lambda: api.backend.feed.connected, timeout=30, what="the feed's connection to be back")


def test_long_polls_end_at_once_when_the_server_stops(
    infra: InfraStack, database: Database, storage: Storage
):
    with ApiServer(infra) as api:
        client = api.client()
        study_id = sent(client)
        answers: list[httpx.Response] = []
        waiting = threading.Thread(
            target=lambda: answers.append(client.get(f"/v1/studies/{study_id}", params={"wait": 30}))
        )
        waiting.start()
        wait_until(lambda: api.backend.feed.waiters == 1, timeout=30, what="the client to wait")
        started = time.monotonic()
        api.backend.feed.close()  # what the signal handler of `python -m api` does first
        waiting.join(15)
    assert answers[0].json()["status"] == "queued"
    assert time.monotonic() - started < 15
