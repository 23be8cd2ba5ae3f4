"""What is done to the API by whoever reaches its port: endless, slow, silent and deaf clients."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client import REGISTRY

from api.connections import MOST_PIPELINED
from api.door import Limits
from shared.records.database import Database
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, events, files, sent
from tests.support.stack import InfraStack, wait_until
from tests.support.wires import SOON, SWALLOWED

ROOT = Path(__file__).parents[2]
MEGABYTE = 1 << 20
SHORT = Limits(head_seconds=1, window_seconds=2)
KEY = f"Authorization: Bearer {ADMIN_KEY}\r\n"
UPLOAD = "POST /v1/studies HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED, limits=SHORT) as server:
        yield server


@pytest.fixture(scope="module")
def patient(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    """Return a server with the usual deadlines, but room for few connections and for little unread."""
    with ApiServer(
        infra, auth=AuthMode.REQUIRED, limits=Limits(connections=20, unsent_bytes=100_000)
    ) as server:
        yield server


@contextmanager
def no_growth(most: int = 40 * MEGABYTE) -> Iterator[None]:
    """The server runs in this process: what it holds on to, this process holds."""
    process, largest, over = psutil.Process(), 0, threading.Event()

    def watch() -> None:
        nonlocal largest
        while not over.wait(0.02):
            largest = max(largest, process.memory_info().rss)

    before = process.memory_info().rss
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    assert largest - before < most


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("cxr_http_refused_total", {"reason": reason}) or 0


@pytest.mark.parametrize(
    ("start", "more", "status", "code"),
    [
        (
            "GET /healthz HTTP/1.1\r\nHost: x\r\n",
            b"X-Filler: " + b"a" * 4000 + b"\r\n",
            431,
            "headers-too-large",
        ),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Filler: ", b"a" * 4000, 431, "headers-too-large"),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n", b"a" * 4000, 431, "headers-too-large"),
        ("GET /", b"a" * 4000, 414, "uri-too-long"),
        ("", b"\r\n" * 2000, 431, "headers-too-large"),
        ("", b"G" * 4000, 400, "bad-request"),
    ],
    ids=["headers", "value", "name", "address", "empty lines", "method"],
)
def test_a_request_line_and_headers_without_end_are_refused_where_they_arrive(
    api: ApiServer, wire, start: str, more: bytes, status: int, code: str
):
    client = wire(api)
    with no_growth():
        client.say(start).keep_saying(more)
    assert client.sent < SWALLOWED
    if client.hears_something():  # it may be lost: we were still sending when the server closed
        answer = client.answer()
        assert (answer.status, answer.code) == (status, code)
    assert httpx.get(f"{api.url}/healthz").is_success


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (f"GET /{'a' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri-too-long"),
        (f"GET / HTTP/1.1\r\nHost: x\r\nCookie: {'a' * 40_000}\r\n\r\n", 431, "headers-too-large"),
        ("GET / HTTP/1.1\r\nHost: x\r\n" + "a: b\r\n" * 101 + "\r\n", 431, "headers-too-large"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "bad-request"),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "bad-request"),
        ("GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "bad-request"),
        ("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad-request"),
        (UPLOAD + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad-request"),
        (UPLOAD + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, "bad-request"),
    ],
    ids=[
        "address",
        "cookie",
        "101 headers",
        "no host",
        "two hosts",
        "version",
        "connect",
        "smuggled",
        "lengths",
    ],
)
def test_a_request_that_is_none_is_answered_as_a_problem(
    api: ApiServer, wire, request_: str, status: int, code: str
):
    client = wire(api).say(request_)
    answer = client.answer()
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    "more", [b"X-Trailer: " + b"a" * 4000 + b"\r\n", b"x" * 4000], ids=["trailers", "extension"]
)
def test_what_frames_a_body_has_its_limit_too(api: ApiServer, wire, more: bytes):
    client = wire(api).say(UPLOAD + KEY + "Transfer-Encoding: chunked\r\n\r\n")
    client.say("0\r\n" if b"Trailer" in more else "1;name=")
    with no_growth():
        client.keep_saying(more)
    assert client.sent < SWALLOWED


def test_chunks_of_one_byte_are_slow_and_no_attack(api: ApiServer, wire, database: Database):
    form = httpx.Request("POST", api.url, files=files(a_png()))
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in form.read())
    head = f"POST /v1/studies HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: {form.headers['content-type']}\r\n"
    client = wire(api).say(head + "Transfer-Encoding: chunked\r\n\r\n").say(body + b"0\r\n\r\n")
    assert client.answer().status == 202


def test_a_trailer_is_no_header(api: ApiServer, wire, database: Database):
    head = "POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    client = wire(api).say(head + "Transfer-Encoding: chunked\r\n\r\n")
    assert client.say("2\r\n{}\r\n0\r\n" + KEY + "\r\n").answer().status == 401


@pytest.mark.parametrize("start", ["GET /healthz HTTP/1.1\r\nHost: x\r\nX-Filler: ", "GET /"])
def test_a_head_that_trickles_in_runs_out_of_time(api: ApiServer, wire, start: str):
    client = wire(api)
    client.say(start).keep_saying(b"a", every=0.2, most=5 * SOON)
    assert client.answer().code == "request-timeout"
    assert client.is_closed()


def test_a_second_head_on_a_connection_has_as_little_time(api: ApiServer, wire):
    client = wire(api).say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.answer().status == 200
    client.say("GET /healthz HTTP/1.1\r\n").keep_saying(b"a", every=0.2, most=5 * SOON)
    assert client.answer().code == "request-timeout"


def test_who_asks_nothing_is_hung_up_on_in_silence(api: ApiServer, wire):
    clients = [wire(api) for _ in range(50)]
    assert all(client.is_closed() for client in clients)


def test_past_the_most_connections_the_longest_idle_one_makes_way(patient: ApiServer, wire):
    with no_growth():
        idle = [wire(patient) for _ in range(100)]
        begun = [wire(patient).say("GET / HTTP/1.1\r\nX: ") for _ in range(100)]
        for _ in range(10):
            assert httpx.get(f"{patient.url}/healthz", timeout=SOON).is_success
    assert all(client.is_closed() for client in idle)
    assert not begun[-1].hears_something()


def test_a_server_full_of_work_still_answers_probes(patient: ApiServer, wire, database: Database):
    study_id = sent(patient.client(ADMIN_KEY))
    waiting = f"GET /v1/studies/{study_id}?wait=30 HTTP/1.1\r\nHost: x\r\n{KEY}\r\n"
    polls = [wire(patient).say(waiting) for _ in range(20)]
    wait_until(lambda: patient.backend.feed.waiters == 20, timeout=SOON, what="the polls")
    assert httpx.get(f"{patient.url}/healthz").is_success
    answer = httpx.get(f"{patient.url}/v1/info")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.headers["retry-after"]
    complete(database, study_id)
    assert {poll.answer().status for poll in polls} == {200}
    for poll in polls:
        poll.socket.close()
    wait_until(lambda: httpx.get(f"{patient.url}/v1/info").is_success, timeout=SOON, what="room")


@pytest.mark.parametrize("step", [b"a", b"a" * 100])
def test_a_body_that_trickles_in_is_given_up(api: ApiServer, wire, step: bytes):
    client = wire(api).say(UPLOAD + KEY + "Content-Length: 100000\r\n\r\n").say(b"--x\r\n")
    wait_until(lambda: api.backend.uploads.held == 1, timeout=SOON, what="the upload to begin")
    client.keep_saying(step, every=0.2)
    answer = client.answer()
    assert (answer.status, answer.code) == (408, "request-timeout")
    assert client.is_closed()
    wait_until(lambda: api.backend.uploads.held == 0, timeout=SOON, what="its place to be free")


def test_a_slow_line_with_pauses_is_no_attack(api: ApiServer, wire, database: Database):
    """As a line of 1 Mbit/s to the usual limits: ten times the least rate, still for half of each window."""
    form = httpx.Request("POST", api.url, files=files(a_png(side=256)))
    body = form.read()
    head = f"POST /v1/studies HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: {form.headers['content-type']}\r\n"
    client = wire(api).say(f"{head}Content-Length: {len(body)}\r\n\r\n")
    assert len(body) > 60_000
    for start in range(0, len(body), 13_000):
        client.say(body[start : start + 13_000])
        time.sleep(1)
    assert client.answer().status == 202


def test_who_waits_for_an_answer_is_not_idle(api: ApiServer, wire, database: Database):
    study_id = sent(api.client(ADMIN_KEY))
    path = f"/v1/studies/{study_id}"
    poll = wire(api).say(f"GET {path}?wait=30 HTTP/1.1\r\nHost: x\r\n{KEY}\r\n")
    with api.client(ADMIN_KEY).stream("GET", f"{path}/events") as stream:
        seen = events(stream.iter_lines())
        next(seen)
        time.sleep(2 * SHORT.window_seconds)
        complete(database, study_id)
        assert [event["data"]["status"] for event in seen][-1] == "completed"
    assert poll.answer().status == 200


def test_who_asks_ahead_without_reading_is_stopped(api: ApiServer, wire):
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    client = wire(api)
    with no_growth():
        client.keep_saying(ask * 1000)
    assert client.sent < SWALLOWED
    assert client.is_closed()


def test_a_few_requests_ahead_are_answered_in_order(api: ApiServer, wire):
    client = wire(api).say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /no HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
    assert [client.answer().status for _ in range(10)] == [200, 404] * 5


def test_too_many_requests_ahead_end_the_connection(api: ApiServer, wire):
    client = wire(api).say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    assert {client.answer().status for _ in range(MOST_PIPELINED + 1)} == {200}
    assert not client.hears_something(1) or client.is_closed()


def test_an_answer_that_nobody_reads_is_not_kept(api: ApiServer, wire, database: Database):
    study_id = sent(api.client(ADMIN_KEY), a_png(side=3000))
    path = f"/v1/studies/{study_id}/images/0/original"
    before = refused("unread")
    deaf = wire(api).say(f"GET {path} HTTP/1.1\r\nHost: x\r\n{KEY}\r\n")
    assert deaf.hears_something(SOON)
    wait_until(lambda: refused("unread") > before, timeout=SOON, what="the server to give it up")
    assert deaf.is_closed()


def test_what_nobody_reads_is_bounded_for_all_together(patient: ApiServer, wire, database: Database):
    study_id = sent(patient.client(ADMIN_KEY), a_png(side=3000))
    path = f"/v1/studies/{study_id}/images/0/original"
    before = refused("unread")
    deaf = [wire(patient).say(f"GET {path} HTTP/1.1\r\nHost: x\r\n{KEY}\r\n") for _ in range(4)]
    wait_until(lambda: refused("unread") > before, timeout=SOON, what="the largest to go")
    assert all(client.hears_something(SOON) for client in deaf)


def test_a_slow_reader_gets_it_all(api: ApiServer, wire, database: Database):
    picture = a_png(side=3000)
    study_id = sent(api.client(ADMIN_KEY), picture)
    path = f"/v1/studies/{study_id}/images/0/original"
    reader = wire(api).say(f"GET {path} HTTP/1.1\r\nHost: x\r\n{KEY}\r\n")
    for _ in range(6):
        time.sleep(SHORT.window_seconds / 3)
        reader.read_some(1 << 18)
    assert reader.answer().body == picture


def test_no_other_protocol_is_spoken(api: ApiServer, wire):
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    client = wire(api).say(f"GET /healthz HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n" + "\x00" * 100)
    answer = client.answer()
    assert (answer.status, "connection: close" in answer.headers.lower()) == (200, True)
    assert client.is_closed()


def test_a_process_with_few_descriptors_lets_people_in(infra: InfraStack, migrated: Database, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {"PYTHONPATH": str(ROOT), **infra.environment(), "CXR_API_PORT": str(port)}
    few = "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 200)); "
    with (tmp_path / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", few + "runpy.run_module('api', run_name='__main__')"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=SOON).is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(is_up, timeout=60, what="the API")
        with ExitStack() as idle:
            for _ in range(300):
                idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=SOON))
            assert is_up()
    finally:
        process.terminate()
        assert process.wait(60) == 0
