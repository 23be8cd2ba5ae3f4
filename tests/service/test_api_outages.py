"""The API while something it stands on is away, and as a process that is started and stopped."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client import REGISTRY

from api.backend import MOST_UPLOADS
from migrations.__main__ import upgrade
from shared.bucket import NotStoredError
from shared.domain.studies import StudyId
from shared.records import erasure
from shared.records.database import Database
from shared.settings import AuthMode, DatabaseSettings, StorageSettings
from shared.storage import Storage, preview_key
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, events, files, send, sent
from tests.support.builders import let_notes_come_due
from tests.support.stack import InfraStack, wait_until

ROOT = Path(__file__).parents[2]


# Servers of this module's own: it stops them, and no other test should feel that.


@pytest.fixture(scope="module")
def infra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfraStack]:
    with InfraStack(tmp_path_factory.mktemp("infra")) as stack:
        yield stack


@pytest.fixture(scope="module")
def migrated(infra: InfraStack) -> Iterator[Database]:
    database = Database(DatabaseSettings(url=infra.database_url))
    with database.session() as session:
        upgrade(session.connection())
    yield database
    database.close()


@pytest.fixture(scope="module")
def storage(infra: InfraStack) -> Storage:
    store = Storage(
        StorageSettings(
            endpoint=infra.storage_endpoint,
            access_key=infra.storage_access_key,
            secret_key=infra.storage_secret_key,
        )
    )
    store.ensure_bucket()
    return store


@pytest.fixture
def away(infra: InfraStack, api: ApiServer) -> Iterator[Callable[[str], None]]:
    """Return what stops a server for the rest of a test."""
    stopped: list[str] = []

    def stop(name: str) -> None:
        infra.stop(name)
        stopped.append(name)

    yield stop
    infra.start(*stopped)
    wait_until(lambda: api.backend.feed.connected, timeout=30, what="the API to be back")


def unavailable(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "127.0.0.1" not in answer.text
    assert answer.elapsed.total_seconds() < 8


def ready(client: httpx.Client) -> dict[str, bool]:
    time.sleep(1.1)  # an answer holds for a second
    answer = client.get("/readyz")
    parts = {name: part["ok"] for name, part in answer.json()["parts"].items()}
    # Without the others the server still answers polls and reports.
    assert answer.status_code == (200 if parts["database"] and parts["spool"] else 503)
    return parts


def test_without_postgres_every_route_is_a_quick_503_and_the_process_lives(client: httpx.Client, away):
    study_id = sent(client)
    away("postgres")
    unavailable(send(client, a_png(), key="k"))
    unavailable(client.get(f"/v1/studies/{study_id}"))
    unavailable(client.get("/v1/studies"))
    unavailable(client.get(f"/v1/studies/{study_id}/events"))
    assert client.get("/healthz").status_code == 200
    assert ready(client) == {"database": False, "storage": True, "broker": True, "spool": True}


def test_a_stream_outlives_a_restart_of_the_database(
    infra: InfraStack, api: ApiServer, client: httpx.Client, database: Database
):
    study_id = sent(client)
    arrived: list[str] = []

    def follow() -> None:
        with client.stream("GET", f"/v1/studies/{study_id}/events") as answer:
            arrived.extend(event["data"]["status"] for event in events(answer.iter_lines()))

    follower = threading.Thread(target=follow)
    follower.start()
    wait_until(lambda: api.backend.feed.waiters == 1, timeout=30, what="the client to follow")
    infra.stop("postgres")
    try:
        wait_until(lambda: not api.backend.feed.connected, timeout=30, what="the loss to be noticed")
    finally:
        infra.start("postgres")
    wait_until(lambda: api.backend.feed.connected, timeout=30, what="the feed's connection to be back")
    complete(database, study_id)
    follower.join(30)
    assert arrived == ["queued", "classifying", "classified", "reporting", "completed"]


def test_a_request_that_met_an_outage_may_be_sent_again_with_its_key(
    client: httpx.Client, infra: InfraStack, database: Database
):
    infra.stop("storage")
    try:
        unavailable(send(client, a_png(77), key="again"))
    finally:
        infra.start("storage")
    answer = send(client, a_png(77), key="again")
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (202, False)


def test_without_the_object_store_uploads_and_pictures_are_503_and_polls_go_on(
    client: httpx.Client, away, database: Database
):
    study_id = sent(client, a_png(5))
    complete(database, study_id)
    away("storage")
    unavailable(send(client, a_png(6)))
    unavailable(client.get(f"/v1/studies/{study_id}/images/0/original"))
    assert client.get(f"/v1/studies/{study_id}/report").status_code == 200
    assert [study["id"] for study in client.get("/v1/studies").json()["items"]] == [str(study_id)]
    assert ready(client)["storage"] is False


def test_a_study_that_is_erased_while_the_object_store_is_away_leaves_no_picture(
    client: httpx.Client, infra: InfraStack, storage: Storage, database: Database
):
    study_id = sent(client, a_png(8))
    storage.put_artefact(preview_key(study_id, 0), b"a picture")
    infra.stop("storage")
    try:
        assert client.delete(f"/v1/studies/{study_id}").status_code == 204
    finally:
        infra.start("storage")
    assert storage.get_artefact(preview_key(study_id, 0))
    let_notes_come_due(database)
    assert erasure.collect(database, storage) == 1
    with pytest.raises(NotStoredError):
        storage.get_artefact(preview_key(study_id, 0))


def test_polls_are_answered_while_the_object_store_hangs(infra: InfraStack, database: Database):
    server = psutil.Process(infra.pid("storage"))
    with ApiServer(infra, auth=AuthMode.REQUIRED) as api, ThreadPoolExecutor(MOST_UPLOADS) as threads:
        admin = api.client(ADMIN_KEY)
        study_id = sent(admin, a_png(9))
        wanted = {"name": "ward", "scopes": ["write"]}
        keys = [admin.post("/v1/keys", json=wanted).json()["key"] for _ in range(4)]
        server.suspend()
        try:
            # More than there are threads for anything else.
            clients = [api.client(key) for key in keys for _ in range(MOST_UPLOADS // 5)]
            uploads = [threads.submit(send, client, a_png(100 + n)) for n, client in enumerate(clients)]
            received = len(uploads)
            wait_until(lambda: api.backend.uploads.held == received, timeout=20, what="the uploads")
            polls = [admin.get(f"/v1/studies/{study_id}").elapsed.total_seconds() for _ in range(20)]
            assert not any(upload.done() for upload in uploads)
        finally:
            server.resume()
        # The first of them may have waited too long already where this machine is busy.
        assert {upload.result().status_code for upload in uploads} <= {202, 503}
    assert max(polls) < 5


def test_without_the_broker_studies_are_taken_just_as_fast(client: httpx.Client, away, database: Database):
    started = time.monotonic()
    for number in range(5):
        sent(client, a_png(number))
    with_it = time.monotonic() - started
    away("broker")
    started = time.monotonic()
    study_ids = [sent(client, a_png(5 + number)) for number in range(5)]
    # Whoever waits for the broker does so for each study.
    assert time.monotonic() - started < 2 + 2 * with_it
    assert client.get(f"/v1/studies/{study_ids[-1]}").json()["status"] == "queued"
    assert ready(client)["broker"] is False


def test_a_client_that_breaks_off_leaves_nothing_behind(api: ApiServer, client: httpx.Client):
    head = (
        b"POST /v1/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    )

    def gone() -> float:
        # Of this process, in which other tests have servers too.
        labels = {"method": "POST", "route": "/v1/studies", "status": "499"}
        return REGISTRY.get_sample_value("cxr_http_requests_total", labels) or 0

    before = gone()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", api.port)) as connection:
            connection.sendall(head + bytes(5000))
            # Of a connection that is closed before it is accepted nobody can tell whose it was.
            wait_until(lambda: api.backend.uploads.held == 1, timeout=15, what="the upload to be begun")
        wait_until(lambda: api.backend.uploads.held == 0, timeout=15, what="the upload to be given up")
    wait_until(lambda: gone() == before + 3, timeout=15, what="the broken uploads to be noticed")
    assert client.get("/v1/studies").json()["items"] == []


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def start(infra: InfraStack, log: Path, **settings: str) -> subprocess.Popen[bytes]:
    environment = {"PYTHONPATH": str(ROOT), **infra.environment(), **settings}
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "api"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_the_process_serves_stops_on_sigterm_and_answers_whoever_waits(
    infra: InfraStack, database: Database, storage: Storage, tmp_path: Path, free_port: int
):
    url = f"http://127.0.0.1:{free_port}"
    log = tmp_path / "api.log"
    process = start(infra, log, CXR_API_PORT=str(free_port), CXR_API_AUTH="off")
    try:
        wait_until(lambda: answers(f"{url}/readyz"), timeout=60, what="the API")
        posted = httpx.post(f"{url}/v1/studies", files=files(a_png())).json()
        complete(database, StudyId(posted["id"]))
        page = httpx.get(f"{url}{posted['links']['report']}", headers={"Accept": "text/plain"})
        assert "There is a pleural effusion." in page.text
        waiting = httpx.post(f"{url}/v1/studies", files=files(a_png(2))).json()["links"]["self"]
        with httpx.stream("GET", f"{url}{waiting}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith(("event", "id"))
            process.send_signal(signal.SIGTERM)
            list(lines)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    assert "image0.png" not in log.read_text()
    assert '"event": "request.served"' in log.read_text()


def test_the_process_does_not_start_without_keys_on_an_open_address(infra: InfraStack, tmp_path: Path):
    log = tmp_path / "api.log"
    process = start(infra, log, CXR_API_HOST="0.0.0.0", CXR_API_AUTH="off")
    assert process.wait(60) == 1
    assert "CXR_API_AUTH=required" in log.read_text()
