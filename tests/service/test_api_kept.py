"""Polls of unchanged studies ask nobody, and no poll is answered by what was before."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import Engine, event, text

from shared.domain.studies import StudyId
from shared.records import erasure, keys, studies
from shared.records.database import Database
from shared.records.keys import Scope
from tests.support.api import ADMIN_KEY, ApiServer, complete, sent
from tests.support.builders import SOMEBODY
from tests.support.signing import addendum, sign
from tests.support.stack import InfraStack, wait_until

SOON = 30.0
"""Seconds: of a notification on a busy machine."""


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database) -> Iterator[ApiServer]:
    with ApiServer(infra, keeps=True, auth="required") as server:
        yield server


@pytest.fixture
def client(api: ApiServer, database: Database) -> httpx.Client:
    wait_until(lambda: api.backend.feed.hears_all, timeout=SOON, what="a pulse")
    return api.client(ADMIN_KEY)


@pytest.fixture
def completed(client: httpx.Client, database: Database) -> StudyId:
    study_id = sent(client)
    complete(database, study_id)
    return study_id


@contextmanager
def reads() -> Iterator[list[str]]:
    """Note each statement that reads a study whole."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "'timeline'" in statement or "AS view" in statement:
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def poll(client: httpx.Client, study_id: StudyId, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(f"/v1/studies/{study_id}", headers=named)


def shows(client: httpx.Client, study_id: StudyId, status: str) -> Callable[[], bool]:
    return lambda: bool(poll(client, study_id).json()["status"] == status)


def kept(client: httpx.Client, study_id: StudyId) -> httpx.Response:
    """Poll until the answer is one that was kept."""

    def asks_nobody() -> bool:
        with reads() as seen:
            poll(client, study_id)
        return not seen

    wait_until(asks_nobody, timeout=SOON, what="an answer that is kept")
    return poll(client, study_id)


def test_a_poll_of_an_unchanged_study_asks_nobody_and_answers_as_the_route_does(
    client: httpx.Client, completed: StudyId
):
    answer = kept(client, completed)
    by_route = client.get(f"/v1/studies/{completed}?wait=0")
    own = {"x-request-id", "date"}
    assert answer.json() == by_route.json()
    assert {name: value for name, value in answer.headers.items() if name not in own} == {
        name: value for name, value in by_route.headers.items() if name not in own
    }
    with reads() as seen:
        unchanged = poll(client, completed, If_None_Match=answer.headers["etag"])
        waited = client.get(f"/v1/studies/{completed}?wait=5")
    assert (unchanged.status_code, unchanged.content, seen) == (304, b"", [])
    assert unchanged.headers["etag"] == answer.headers["etag"]
    assert waited.json() == answer.json()


def test_whoever_changes_a_study_is_shown_the_change_at_once(client: httpx.Client, completed: StudyId):
    assert kept(client, completed).json()["report_status"] == "preliminary"
    sign(client, completed).raise_for_status()
    assert poll(client, completed).json()["report_status"] == "final"
    for number in range(10):
        before = len(kept(client, completed).json()["timeline"])
        addendum(client, completed, f"More, {number}.").raise_for_status()
        assert len(poll(client, completed).json()["timeline"]) == before + 1
    kept(client, completed)
    assert client.delete(f"/v1/studies/{completed}").status_code == 204
    assert poll(client, completed).status_code == 410


def test_a_change_by_others_is_heard_of(client: httpx.Client, database: Database, completed: StudyId):
    assert kept(client, completed).json()["status"] == "completed"
    with database.session() as session:
        assert studies.reread(session, completed, actor=SOMEBODY)
    wait_until(shows(client, completed, "queued"), timeout=SOON, what="the change")
    kept(client, completed)
    with database.session() as session:
        assert erasure.erase(session, completed, actor=SOMEBODY)
    wait_until(lambda: poll(client, completed).status_code == 410, timeout=SOON, what="the erasure")


def test_two_processes_agree_soon_and_none_goes_back(
    client: httpx.Client, database: Database, infra: InfraStack, completed: StudyId
):
    with ApiServer(infra, keeps=True) as second:
        other = second.client()
        wait_until(lambda: second.backend.feed.hears_all, timeout=SOON, what="a pulse")
        kept(client, completed)
        kept(other, completed)
        assert client.delete(f"/v1/studies/{completed}").status_code == 204
        assert poll(client, completed).status_code == 410
        wait_until(lambda: poll(other, completed).status_code == 410, timeout=SOON, what="the other")
        with ThreadPoolExecutor(4) as threads:
            later = threads.map(lambda _: poll(other, completed).status_code, range(100))
            assert set(later) == {410}


def test_what_is_kept_is_another_tenants_to_nobody(client: httpx.Client, api: ApiServer, completed: StudyId):
    kept(client, completed)
    made = client.post("/v1/keys", json={"name": "b", "scopes": ["read"], "tenant": "another"})
    assert poll(api.client(made.json()["key"]), completed).status_code == 404
    writes = client.post("/v1/keys", json={"name": "w", "scopes": ["write"]})
    assert poll(api.client(writes.json()["key"]), completed).status_code == 403
    assert poll(api.client(), completed).status_code == 401


def test_a_revoked_key_is_not_answered(
    client: httpx.Client, api: ApiServer, database: Database, completed: StudyId
):
    with database.session() as session:
        key, secret = keys.create(session, name="ward", scopes=[Scope.READ])
    reader = api.client(secret)
    kept(client, completed)
    assert poll(reader, completed).status_code == 200
    with database.session() as session:
        keys.revoke(session, key.id)
    wait_until(lambda: poll(reader, completed).status_code == 401, timeout=SOON, what="the revocation")


def listeners(database: Database) -> list[int]:
    with database.session() as session:
        asked = text("SELECT pid FROM pg_stat_activity WHERE application_name = 'cxr-api-feed'")
        return list(session.scalars(asked))


def test_nothing_is_kept_over_a_lost_connection(client: httpx.Client, database: Database, completed: StudyId):
    kept(client, completed)
    pids = [{"pid": pid} for pid in listeners(database)]
    with database.session() as session:
        session.execute(text("SELECT pg_terminate_backend(:pid)"), pids)
        assert studies.reread(session, completed, actor=SOMEBODY)
    wait_until(shows(client, completed, "queued"), timeout=SOON, what="the change")


def test_a_connection_that_fails_in_silence_hides_a_change_for_seconds_at_most(
    client: httpx.Client, api: ApiServer, database: Database, completed: StudyId
):
    kept(client, completed)
    stopped = listeners(database)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        with database.session() as session:
            assert studies.reread(session, completed, actor=SOMEBODY)
        wait_until(shows(client, completed, "queued"), timeout=SOON, what="the change")
        assert not api.backend.feed.hears_all
        with reads() as seen:
            poll(client, completed)
            poll(client, completed)
        assert len(seen) == 2
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: api.backend.feed.hears_all, timeout=SOON, what="a pulse")
    kept(client, completed)
    assert poll(client, completed).json()["status"] == "queued"
