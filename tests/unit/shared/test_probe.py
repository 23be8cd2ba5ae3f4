"""The health check of containers, as they run it: a process with an exit code."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typing_extensions import override

from cxr.local.state import free_port
from tests.support.services import ROOT


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()
        self.wfile.write(b"the database is away")

    @override
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def probe(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "shared.operations.probe", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_service_that_answers_is_well(port: int):
    assert probe(port, "/well").returncode == 0


def test_a_service_that_refuses_is_not_and_its_reason_is_told(port: int):
    ended = probe(port, "/ill")
    assert ended.returncode == 1
    assert ended.stderr == "/ill answers 503: the database is away\n"


def test_nobody_at_the_port_is_not_well():
    ended = probe(free_port(), "/well")
    assert ended.returncode == 1
    assert "no answer on port" in ended.stderr


@pytest.mark.parametrize("arguments", [(), ("8000",), ("http://127.0.0.1:8000", "/well")])
def test_wrong_arguments_are_told_from_an_ill_service(arguments: tuple[str, ...]):
    ended = probe(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage:")
