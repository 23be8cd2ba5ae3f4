"""One policy for every server that is not ours: what is tried again, what waits, what is refused."""

import pickle
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.errors import FailedThereError, TryAgainError
from shared.remote import RefusedError, Remote, answered_ago
from tests.support.remote_servers import RemoteServer, Reply, remote_server

PATIENT = "Doe^Jane"


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteServer]:
    with remote_server() as server:
        yield server


def a_remote(
    url: str, *, key: str | None = "k", seconds: float = 5, at_once: int = 4, most_bytes: int = 1000
) -> Remote:
    return Remote(
        url,
        key=SecretStr(key) if key else None,
        timeout=timedelta(seconds=seconds),
        at_once=at_once,
        settings="CXR_REPORT_SERVER",
        most_bytes=most_bytes,
    )


def test_json_goes_there_and_back_with_the_key(running: RemoteServer):
    running.answers(Reply([1, {"a": None}]))
    with closing(a_remote(f"{running.url}/score/")) as remote:
        assert remote.post_json("", {"x": "é"}) == [1, {"a": None}]
        assert remote.get_json("/health") == [1, {"a": None}]
    posted, fetched = running.asked
    assert (posted.path, posted.body) == ("/score", {"x": "é"})
    assert posted.headers["Authorization"] == "Bearer k"
    assert fetched.path == "/score/health"


def test_a_server_without_keys_is_sent_none(running: RemoteServer):
    running.answers(Reply({}))
    with closing(a_remote(running.url, key=None)) as remote:
        remote.get_json("/")
    assert "Authorization" not in running.asked[0].headers


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(running: RemoteServer, status: int):
    running.answers(Reply(PATIENT, status, {"Retry-After": "0"}), Reply({"done": True}))
    with closing(a_remote(running.url)) as remote:
        assert remote.post_json("/", {}) == {"done": True}
    assert len(running.asked) == 2


def test_what_does_not_pass_soon_lets_the_study_wait(running: RemoteServer):
    running.answers(Reply(PATIENT, 503, {"Retry-After": "0"}))
    with closing(a_remote(running.url)) as remote, pytest.raises(TryAgainError, match="503") as caught:
        remote.post_json("/", {})
    assert len(running.asked) == 3
    assert PATIENT not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "fails_there"),
    [
        (Reply({}, 500), True),
        (Reply({}, 504), True),
        (Reply(b"<html>"), True),
        (Reply(b'"' + b"a" * 2000), True),
        (Reply({}, after=0.5), True),
        (Reply({}, 503, {"Retry-After": "9"}), False),
        (Reply({}, 429, {"Retry-After": "9"}), False),
    ],
    ids=["500", "504", "no JSON", "too long", "silence", "503", "429"],
)
def test_a_server_that_fails_at_a_request_is_told_apart_from_a_busy_one(
    running: RemoteServer, reply: Reply, *, fails_there: bool
):
    running.answers(reply)
    with closing(a_remote(running.url, seconds=0.3)) as remote, pytest.raises(TryAgainError) as caught:
        remote.post_json("/", {})
    assert isinstance(caught.value, FailedThereError) is fails_there


def test_a_server_that_is_away_fails_at_nobody():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with closing(a_remote(f"http://127.0.0.1:{port}")) as remote, pytest.raises(TryAgainError) as caught:
        remote.get_json("/")
    assert not isinstance(caught.value, FailedThereError)


def test_what_a_server_came_to_is_the_same_out_of_a_process_of_its_own(running: RemoteServer):
    running.answers(Reply(PATIENT, 400), Reply({}, after=0.5), Reply({}))
    with closing(a_remote(running.url, seconds=0.3)) as remote:
        with pytest.raises(RefusedError) as refused:
            remote.post_json("/", {})
        with pytest.raises(FailedThereError) as failed:
            remote.post_json("/", {})
        remote.post_json("/", {})
    again = pickle.loads(pickle.dumps(refused.value))
    assert (str(again), again.status, again.said) == (str(refused.value), 400, refused.value.said)
    server = pickle.loads(pickle.dumps(failed.value)).server
    last = answered_ago(server)
    assert last is not None
    assert last < timedelta(seconds=60)
    assert answered_ago("http://127.0.0.1:9") is None


def test_a_server_that_asks_for_a_minute_is_not_waited_for(running: RemoteServer):
    running.answers(Reply({}, 429, {"Retry-After": "60"}))
    started = time.monotonic()
    with closing(a_remote(running.url)) as remote, pytest.raises(TryAgainError, match="429"):
        remote.post_json("/", {})
    assert time.monotonic() - started < 5
    assert len(running.asked) == 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "CXR_REPORT_SERVER_KEY"),
        (403, "CXR_REPORT_SERVER_KEY"),
        (404, "CXR_REPORT_SERVER_URL"),
        (307, "CXR_REPORT_SERVER_URL"),
        (400, "model"),
        (422, "version"),
    ],
)
def test_a_refusal_says_what_to_change_and_nothing_that_the_server_said(
    running: RemoteServer, status: int, advice: str
):
    running.answers(Reply(PATIENT, status, {"Location": "http://127.0.0.1:9/"}))
    with closing(a_remote(running.url)) as remote, pytest.raises(RefusedError, match=advice) as caught:
        remote.post_json("/", {})
    assert (caught.value.status, PATIENT in caught.value.said, PATIENT in str(caught.value)) == (
        status,
        True,
        False,
    )
    assert len(running.asked) == 1


def test_a_slow_first_byte_is_waited_for_once(running: RemoteServer):
    running.answers(Reply({}, after=0.5))
    with closing(a_remote(running.url, seconds=0.1)) as remote, pytest.raises(TryAgainError, match=r"0\.1 s"):
        remote.post_json("/", {})
    assert len(running.asked) == 1


def test_an_answer_that_trickles_in_is_slow_too():
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                try:
                    for _ in range(100):
                        connection.sendall(b" ")
                        time.sleep(0.05)
                except OSError:
                    return

        pool.submit(trickle)
        port = listening.getsockname()[1]
        with closing(a_remote(f"http://127.0.0.1:{port}", seconds=0.3)) as remote:
            started = time.monotonic()
            with pytest.raises(TryAgainError, match="no answer within"):
                remote.get_json("/")
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe", b"[" * 900])
def test_an_answer_that_is_no_json_is_passing(running: RemoteServer, body: bytes):
    running.answers(Reply(body), Reply({"done": True}))
    with closing(a_remote(running.url)) as remote:
        assert remote.post_json("/", {}) == {"done": True}


def test_an_answer_without_end_is_cut_off(running: RemoteServer):
    running.answers(Reply(b"[" + b"1," * 5000))
    with closing(a_remote(running.url)) as remote, pytest.raises(TryAgainError, match="1000 bytes"):
        remote.post_json("/", {})


def test_a_server_that_is_down_is_passing():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with closing(a_remote(url)) as remote, pytest.raises(TryAgainError, match="cannot be reached"):
            remote.get_json("/")


def test_no_more_requests_at_once_than_the_server_takes(running: RemoteServer):
    running.answers(Reply({}, after=0.05))
    with closing(a_remote(running.url, at_once=2)) as remote, ThreadPoolExecutor(8) as pool:
        list(pool.map(remote.get_json, ["/"] * 8))
    assert running.most_at_once == 2


def test_a_token_is_read_anew_and_a_late_one_lets_the_study_wait(running: RemoteServer, tmp_path: Path):
    file = tmp_path / "token"
    with closing(a_remote(running.url, key=f"file:{file}")) as remote:
        running.answers(Reply({}))
        with pytest.raises(TryAgainError, match="CXR_REPORT_SERVER_KEY"):
            remote.get_json("/")
        for token in ("first", "second"):
            file.write_text(f"{token}\n")
            remote.get_json("/")
        running_tokens = [asked.headers["Authorization"] for asked in running.asked]
        assert running_tokens == ["Bearer first", "Bearer second"]
        running.answers(Reply({}, 401))
        with pytest.raises(TryAgainError, match="CXR_REPORT_SERVER_KEY"):
            remote.get_json("/")
