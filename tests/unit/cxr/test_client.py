"""The clients and the command against small servers that break where a real one is hard to break."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

import cxr
from cxr import AsyncClient, Client, NotReachableError, cli
from cxr.local.home import services_root
from cxr.local.state import free_port

_ID = "0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11"
_INFO = {"version": "1", "auth": "off"}


class _Request(BaseHTTPRequestHandler):
    """One request; the server's own function answers it."""

    protocol_version = "HTTP/1.1"
    answer: Callable[["_Request"], None]

    def do_GET(self) -> None:
        self.answer(self)

    def send(self, content: bytes, *, missing: int = 0, status: int = 200) -> None:
        """Send an answer and hang up, so many bytes before its end."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) + missing))
        # What the API would answer with.
        self.send_header("Content-Type", self.headers["Accept"])
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _server(answer: Callable[[_Request], None]) -> Iterator[str]:
    """Serve on a port of its own; give the address."""
    handler = type("_Answers", (_Request,), {"answer": staticmethod(answer)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _event(number: int, status: str) -> str:
    return f'id: {number}\ndata: {{"status": "{status}", "at": "2026-01-01T00:00:00Z"}}\n\n'


def _retried_study(request: _Request) -> None:
    """Send the events of a study that failed and was tried again, in two pieces, the first one cut off."""
    if request.headers.get("Last-Event-ID") == "2":
        request.send(_event(3, "completed").encode())
    else:
        text = _event(1, "queued") + _event(2, "failed") + _event(3, "completed")[:-20] + "\n"
        request.send(text.encode(), missing=20)


def test_events_go_on_after_an_old_failure_and_a_broken_connection():
    with _server(_retried_study) as url, Client(url) as client:
        assert [event.status for event in client.events(_ID)] == ["queued", "failed", "completed"]


async def test_the_async_client_s_events_go_on_too():
    with _server(_retried_study) as url:
        async with AsyncClient(url) as client:
            statuses = [event.status async for event in client.events(_ID)]

    assert statuses == ["queued", "failed", "completed"]


async def test_a_server_on_this_machine_is_not_looked_for_behind_a_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with _server(lambda request: request.send(json.dumps(_INFO).encode())) as url:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            with Client(address, patience=0) as client:
                assert client.info().version == "1"
            async with AsyncClient(address, patience=0) as client:
                assert (await client.info()).version == "1"


def test_results_that_break_off_leave_the_file_that_was_there(monkeypatch, tmp_path, capsys):
    output = tmp_path / "results.csv"
    output.write_text("of yesterday")
    output.chmod(0o600)
    command = ["batch", "results", _ID, "-o", str(output)]

    with _server(lambda request: request.send(b"half a table", missing=1000)) as url:
        monkeypatch.setenv("CXR_URL", url)
        code = cli.run(command)
        with Client(url) as client, pytest.raises(NotReachableError):
            list(client.batches.results(_ID))
    assert code == 3
    assert "no answer from" in capsys.readouterr().err
    assert output.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [output]

    with _server(lambda request: request.send(b"a whole table")) as url:
        monkeypatch.setenv("CXR_URL", url)
        assert cli.run(command) == 0
    assert output.read_text() == "a whole table"
    assert output.stat().st_mode & 0o777 == 0o600


def test_a_refusal_under_json_is_the_problem_as_one_document(monkeypatch, capsys):
    problem = {"type": "/problems/not-found", "title": "Not found", "status": 404}

    with _server(lambda request: request.send(json.dumps(problem).encode(), status=404)) as url:
        monkeypatch.setenv("CXR_URL", url)
        code = cli.run(["batch", "status", _ID, "--json"])

    said = capsys.readouterr()
    assert code == 2
    assert json.loads(said.out) == problem
    assert "Not found" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["batch", "submit", "FOLDER/one-file"], 2, "neither a folder nor a zip"),
        (["batch", "submit", "FOLDER/empty"], 2, "no files to send in"),
        (["batch", "results", _ID, "-o", "FOLDER/none/results.csv"], 2, "No such file or directory"),
        (["models", "list"], 3, "config.json is no JSON object"),
        (["keys", "list"], 3, "state.json is broken"),
        (["up", "--detach", "--port", "PORT"], 3, "config.json is no JSON object"),
    ],
)
def test_what_is_wrong_on_this_machine_is_said_in_one_line(
    monkeypatch, tmp_path, capsys, arguments, code, said
):
    (tmp_path / "one-file").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for name in ("config.json", "state.json"):
        (tmp_path / name).write_text("{")
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    if arguments[0] == "batch":
        monkeypatch.setenv("CXR_URL", "http://127.0.0.1:1")

    places = {"FOLDER": str(tmp_path), "PORT": str(free_port())}
    code_of_run = cli.run([re.sub("FOLDER|PORT", lambda found: places[found[0]], one) for one in arguments])

    complaint = capsys.readouterr().err
    assert code_of_run == code
    assert said in complaint
    assert len(complaint.splitlines()) == 1


def test_a_home_that_cannot_be_made_is_said_in_one_line(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "file" / "home"))

    assert cli.run(["up", "--detach"]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "Not a directory" in line
    assert "CXR_HOME" in line


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["models", "list"], ["models", "list", "--json"], ["logs", "api", "-n", "99999"]],
    ids=["help", "text", "json", "much"],
)
def test_a_reader_that_has_gone_ends_the_command_quietly(tmp_path, arguments):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log").write_text("a line\n" * 50_000)
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "-m", "cxr.cli", *arguments],
        env={**os.environ, "CXR_HOME": str(tmp_path), "PYTHONPATH": str(Path(cxr.__file__).parents[1])},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (141, "")


def test_make_demo_takes_a_name_with_a_quote_in_it(tmp_path):
    """Make runs the real Makefile, with a `cxr` that says what it was given."""
    (tmp_path / "bin").mkdir()
    for name in (".local", "bin/uv"):
        (tmp_path / name).touch()
    (tmp_path / "bin" / "cxr").write_text('#!/bin/sh\necho "$1 $STUDY"\n')
    (tmp_path / "bin" / "cxr").chmod(0o755)

    done = subprocess.run(
        ["make", "-s", "demo", f"VENV={tmp_path}", "STUDY=o'brien's chest.dcm"],
        cwd=services_root(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "demo o'brien's chest.dcm\n", done.stderr
