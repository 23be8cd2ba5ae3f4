"""Whose bytes are read, who may hold how many places, and how often one may ask: on real sockets."""

import time
from collections.abc import Iterator

import httpx
import pytest

from cxr.client import Client
from shared.records.database import Database
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, complete, send, sent
from tests.support.stack import InfraStack, wait_until
from tests.support.wires import SOON, SWALLOWED

MOST_FAILURES = 20
MOST_REQUESTS = 40
"""In ten seconds."""


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        yield server


def a_key(api: ApiServer, *scopes: str) -> str:
    wanted = {"name": "ward 3", "scopes": list(scopes) or ["read", "write"]}
    key: str = api.client(ADMIN_KEY).post("/v1/keys", json=wanted).json()["key"]
    return key


def head(line: str, key: str | None, *headers: str) -> str:
    lines = [f"{line} HTTP/1.1", "Host: x", *([f"Authorization: Bearer {key}"] if key else []), *headers]
    return "\r\n".join(lines) + "\r\n\r\n"


LENGTH = "Content-Length: 60000"
CHUNKED = "Transfer-Encoding: chunked"
FORM = "Content-Type: multipart/form-data; boundary=x"
JSON = "Content-Type: application/json"


@pytest.mark.parametrize("key", [None, "cxr_unknown"])
@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("POST /v1/studies", (FORM, "Content-Length: 500000000")),
        ("POST /v1/studies", (FORM, CHUNKED)),
        ("POST /v1/studies", (FORM, LENGTH, "Expect: 100-continue")),
        ("POST /v1/batches", (JSON, LENGTH)),
        ("POST /v1/keys", (JSON, CHUNKED, "Expect: 100-continue")),
        ("POST /nowhere", (JSON, LENGTH)),
        ("PUT /v1/nothing", (JSON, LENGTH)),
        ("GET /v1/studies", (LENGTH,)),
        ("GET /healthz", (CHUNKED,)),
    ],
)
def test_nobody_s_body_is_not_waited_for(api: ApiServer, wire, line: str, headers: tuple[str, ...], key):
    client = wire(api).say(head(line, key, *headers))
    answer = client.answer()
    assert (answer.status, answer.code) == (401, "unauthorized")
    assert "connection: close" in answer.headers.lower()
    assert client.is_closed()


def test_a_key_that_may_not_write_is_told_so_before_its_body(api: ApiServer, wire, database: Database):
    key = a_key(api, "read")
    for line in ("POST /v1/studies", "POST /v1/batches"):
        answer = wire(api).say(head(line, key, JSON, LENGTH)).answer()
        assert (answer.status, answer.code) == (403, "forbidden")


@pytest.mark.parametrize(
    ("line", "status"), [("POST /nowhere", 405), ("POST /v1/nothing", 404), ("GET /healthz", 200)]
)
def test_a_body_that_no_route_reads_is_not_waited_for(api: ApiServer, wire, line: str, status: int):
    client = wire(api).say(head(line, ADMIN_KEY, LENGTH))
    assert client.answer().status == status
    assert client.is_closed()


def test_a_refused_body_is_not_swallowed(api: ApiServer, wire):
    client = wire(api).say(head("POST /v1/studies", "cxr_unknown", FORM, "Content-Length: 900000000"))
    client.keep_saying(bytes(1 << 16))
    assert client.sent < SWALLOWED


def test_a_client_that_is_still_sending_sees_why_it_was_refused(api: ApiServer):
    body = bytes(20 << 20)
    answer = httpx.post(f"{api.url}/v1/studies", content=body, headers={"Authorization": "Bearer cxr_no"})
    assert answer.status_code == 401


def test_one_key_s_slow_uploads_leave_room_for_others(api: ApiServer, wire, database: Database):
    greedy, modest = a_key(api), a_key(api)
    slow = head("POST /v1/studies", greedy, FORM, LENGTH)
    uploads = [wire(api).say(slow) for _ in range(70)]
    wait_until(lambda: api.backend.uploads.held == 32, timeout=SOON, what="half of the places")
    refusal = send(api.client(greedy))
    assert (refusal.status_code, refusal.json()["type"]) == (429, "/problems/too-many-requests")
    assert int(refusal.headers["retry-after"]) > 0
    assert send(api.client(modest)).status_code == 202
    assert {upload.answer().status for upload in uploads if upload.hears_something()} == {429}
    for upload in uploads:
        upload.socket.close()
    wait_until(lambda: api.backend.uploads.held == 0, timeout=SOON, what="the places to be free")
    assert send(api.client(greedy)).status_code == 202


def test_one_key_s_waits_leave_room_for_others(
    infra: InfraStack, migrated: Database, storage: Storage, database: Database, wire
):
    with ApiServer(infra, auth=AuthMode.REQUIRED, max_connections=20) as api:
        greedy, modest = a_key(api), a_key(api)
        study_id = sent(api.client(greedy))
        wait = head(f"GET /v1/studies/{study_id}?wait=30", greedy)
        watch = head(f"GET /v1/studies/{study_id}/events", greedy)
        waits = [wire(api).say(request) for _ in range(8) for request in (wait, watch)]
        wait_until(lambda: api.backend.requests.held == 10, timeout=SOON, what="half of the requests")
        assert api.client(greedy).get("/v1/studies").status_code == 429
        assert send(api.client(modest)).status_code == 202
        complete(database, study_id)
        wait_until(lambda: api.backend.requests.held == 0, timeout=SOON, what="them to end")
        assert {poll.answer().status for poll in waits[::2]} <= {200, 429}


@pytest.fixture
def strict(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(
        infra,
        auth=AuthMode.REQUIRED,
        max_request_rate=MOST_REQUESTS // 10,
        max_failed_keys=MOST_FAILURES,
        trusted_proxies="127.0.0.1",
    ) as server:
        yield server


def test_who_guesses_keys_is_stopped_and_locks_nobody_out(strict: ApiServer, database: Database):
    good, fresh = a_key(strict, "read"), a_key(strict, "read")
    assert strict.client(good).get("/v1/studies").status_code == 200
    guesses = [
        strict.client(f"cxr_{number}").get("/v1/studies").status_code for number in range(MOST_FAILURES + 5)
    ]
    assert guesses == [401] * MOST_FAILURES + [429] * 5
    refusal = strict.client(fresh).get("/v1/studies")
    assert (refusal.status_code, refusal.json()["type"]) == (429, "/problems/too-many-requests")
    assert 0 < int(refusal.headers["retry-after"]) <= 60
    assert strict.client(good).get("/v1/studies").status_code == 200
    elsewhere = {"X-Forwarded-For": "192.0.2.7"}
    assert strict.client(fresh).get("/v1/studies", headers=elsewhere).status_code == 200
    assert httpx.get(f"{strict.url}/healthz").status_code == 200


def test_who_calls_is_not_believed_of_anybody(infra: InfraStack, migrated: Database, storage: Storage):
    with ApiServer(infra, auth=AuthMode.REQUIRED, max_failed_keys=2) as api:
        client = api.client("cxr_wrong")
        claims = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(4)]
        statuses = [client.get("/v1/studies", headers=claim).status_code for claim in claims]
    assert statuses == [401, 401, 429, 429]


def served_until_refused(client: httpx.Client, path: str) -> int:
    # A busy machine may take longer than one window for them: a few windows it does not.
    for served in range(3 * MOST_REQUESTS):
        answer = client.get(path)
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-requests")
            return served
    pytest.fail("nobody was refused")


def test_a_key_and_an_address_have_their_rates_and_probes_none(strict: ApiServer, database: Database):
    one, other = a_key(strict, "read"), a_key(strict, "read")
    assert served_until_refused(strict.client(one), "/v1/studies") >= MOST_REQUESTS
    assert strict.client(other).get("/v1/studies").status_code == 200
    with httpx.Client(base_url=strict.url) as stranger:
        assert served_until_refused(stranger, "/v1/info") >= MOST_REQUESTS
        assert {stranger.get(path).status_code for path in ("/healthz", "/readyz") * 20} == {200}


def test_our_client_waits_as_long_as_it_is_told(strict: ApiServer, database: Database):
    admin = strict.client(ADMIN_KEY)
    study_id = sent(admin)
    served_until_refused(admin, "/v1/studies")
    with Client(strict.url, key=ADMIN_KEY) as client:
        assert client.study(str(study_id)).id == str(study_id)


def test_our_client_outlives_a_connection_that_the_server_closed(api: ApiServer, database: Database):
    with Client(api.url, key=ADMIN_KEY) as client:
        client.info()
        time.sleep(6)  # longer than a connection is kept for the next request
        client.info()
