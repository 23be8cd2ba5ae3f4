"""What the timeline says of every event: who did it, and where it left the study."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cxr import Client, cli
from shared.domain.studies import Actor, ActorKind, IllegalTransitionError, StudyEvent, StudyStatus
from shared.records import claims, erasure, events, reading, studies
from shared.records.database import Database
from shared.settings import AuthMode
from tests.support.api import ADMIN_KEY, ApiServer, a_png, send
from tests.support.api import events as read_events
from tests.support.builders import SOMEBODY, SWEEPER, WORKER, a_claim, a_study, the_study
from tests.support.stack import InfraStack

READER = Actor(ActorKind.PERSON, "0199d3c4-0000-7000-8000-000000000001")


def timeline(database: Database, study_id) -> list[tuple[str, str, Actor]]:
    with database.session() as session:
        return [
            (row.event.value, row.status.value, Actor(row.actor_kind, row.actor_id))
            for row in reading.events(session, study_id)
        ]


def test_every_event_names_who_did_it(database: Database):
    study_id = a_study(database)
    a_claim(database, study_id, lease=timedelta(seconds=-1))
    with database.session() as session:
        claims.expire_leases(session, actor=SWEEPER)
    claim = a_claim(database, study_id)
    with database.session() as session:
        claims.release(session, claim, after=timedelta(0), why="S3 is away")
    with database.session() as session:
        studies.cancel(session, study_id, actor=SOMEBODY)
    with database.session() as session:
        erasure.erase(session, study_id, actor=READER)
    assert timeline(database, study_id) == [
        ("received", "queued", SOMEBODY),
        ("claimed", "classifying", WORKER),
        ("lease-expired", "queued", SWEEPER),
        ("claimed", "classifying", WORKER),
        ("released", "queued", WORKER),
        ("cancelled", "cancelled", SOMEBODY),
        ("erased", "cancelled", READER),
    ]


def test_an_event_may_leave_the_status_as_it_is_and_is_seen_all_the_same(database: Database):
    study_id = a_study(database)
    a_claim(database, study_id)
    before = the_study(database, study_id)
    listener = database.engine.raw_connection()
    try:
        connection = listener.driver_connection
        assert connection is not None
        connection.autocommit = True
        listener.cursor().execute(f"LISTEN {events.CHANNEL}")
        with database.session() as session:
            events.add(session, study_id, StudyEvent.EDITED, actor=READER, detail="version 2")
        listener.cursor().execute("SELECT 1")
        assert [notice.payload for notice in connection.notifies] == [str(study_id)]
    finally:
        listener.invalidate()
    after = the_study(database, study_id)
    assert timeline(database, study_id)[-1] == ("edited", "classifying", READER)
    assert (after.status, after.lease_expires_at) == (StudyStatus.CLASSIFYING, before.lease_expires_at)
    assert after.updated_at > before.updated_at, "or a poll with If-None-Match would never show it"


def test_an_event_that_moves_a_study_is_not_added_without_moving_it(database: Database):
    study_id = a_study(database)
    with pytest.raises(IllegalTransitionError), database.session() as session:
        events.add(session, study_id, StudyEvent.CANCELLED, actor=SOMEBODY)
    assert len(timeline(database, study_id)) == 1


def test_clients_see_who_acted_as_they_poll_and_as_they_watch(infra: InfraStack):
    with ApiServer(infra) as api:
        client = api.client()
        study = send(client, a_png()).json()
        path = study["links"]["self"]
        assert study["timeline"][0]["actor"] == {"kind": "service", "id": "api", "name": None}
        cancelled = client.post(f"{path}/cancel").json()
        polled = client.get(path).json()
        listed = client.get("/v1/studies", params={"limit": 1}).json()["items"][0]
        watched = watch(client, path)
    assert cancelled["timeline"] == polled["timeline"] == listed["timeline"] == watched
    assert [entry["event"] for entry in watched] == ["received", "cancelled"]


def test_clients_see_the_name_of_the_key_that_acted_though_it_is_revoked(
    infra: InfraStack, database: Database, capsys: pytest.CaptureFixture[str]
):
    with ApiServer(infra, auth=AuthMode.REQUIRED) as api:
        admin = api.client(ADMIN_KEY)
        ward, archive = (admin.post("/v1/keys", json={"name": name}).json() for name in ("ward 3", "archive"))
        study = send(api.client(ward["key"]), a_png()).json()
        path = study["links"]["self"]
        assert admin.delete(f"/v1/keys/{ward['id']}").status_code == 204
        reader = api.client(archive["key"])
        cancelled = reader.post(f"{path}/cancel").json()
        polled = reader.get(path).json()
        (listed,) = reader.get("/v1/studies").json()["items"]
        watched = watch(reader, path)
        with Client(api.url, key=archive["key"]) as connected:
            told = connected.study(study["id"]).timeline
            followed = list(connected.events(study["id"]))
        capsys.readouterr()
        assert cli.run(["show", study["id"], "--url", api.url, "--key", archive["key"]]) == 0
        of_the_settings = send(admin, a_png(2)).json()["timeline"][0]["actor"]
    named = [{"kind": "key", "id": key["id"], "name": key["name"]} for key in (ward, archive)]
    assert [entry["actor"] for entry in watched] == named
    assert study["timeline"] == watched[:1]
    assert cancelled["timeline"] == polled["timeline"] == listed["timeline"] == watched
    assert [entry.actor and entry.actor.model_dump() for entry in told] == named
    assert [entry.actor and entry.actor.model_dump() for entry in followed] == named
    shown = capsys.readouterr().out
    assert "received  by ward 3\n" in shown
    assert "cancelled  by archive\n" in shown
    assert of_the_settings == {"kind": "key", "id": "admin", "name": None}


def test_an_actor_that_is_no_key_of_ours_has_no_name_and_hides_no_study(database: Database):
    study_id = a_study(database)
    nobodys = ("-" * 36, "0199d3c4", "", "admin")
    with database.session() as session:
        for actor_id in nobodys:
            events.add(session, study_id, StudyEvent.EDITED, actor=Actor(ActorKind.KEY, actor_id))
    polled = reading.poll(database, study_id)
    assert polled is not None
    assert [event.actor_name for event in polled.events] == [None] * (len(nobodys) + 1)


def watch(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    with client.stream("GET", f"{path}/events") as stream:
        return [event["data"] for event in read_events(stream.iter_lines())]
