"""Every command in every trouble: one line that says what is wrong, and the documented exit status."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typing_extensions import override

from cxr import cli, exit_codes
from cxr.commands import batches, connection
from cxr.local.home import services_root
from cxr.local.state import free_port

_SAMPLE = str(services_root() / "samples" / "chest-1.png")
_ID = "0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11"
# What each command that talks to a server is given; `ID` stands for an id, `OUT` for a file to write.
_ARGUMENTS = {
    "submit": [_SAMPLE],
    "report": ["ID", "-o", "OUT"],
    "list": [],
    "show": ["ID"],
    "similar": ["ID"],
    "retry": ["ID"],
    "cancel": ["ID"],
    "delete": ["ID"],
    "heatmap": ["ID", "Effusion", "-o", "OUT"],
    "open": ["ID"],
    "batch submit": [str(Path(_SAMPLE).parent), "--resume"],
    "batch list": [],
    "batch status": ["ID"],
    "batch results": ["ID", "-o", "OUT"],
    "batch reports": ["ID", "-o", "OUT"],
    "batch cancel": ["ID"],
    "reviews next": [],
    "reviews versions": ["ID"],
    "reviews diff": ["ID", "1", "2"],
    "reviews sign": ["ID", "--version", "1"],
    "reviews addendum": ["ID", "Told the ward.", "--version", "2"],
    "reviews withdraw": ["ID", "--version", "2", "--reason", "Another patient's."],
    "reviews table": [],
    "reviews writers": [],
    "reviews export": ["-o", "OUT"],
    "keys create": ["ward"],
    "keys list": [],
    "keys revoke": ["ID"],
    "hl7-senders add": ["NORTH"],
    "hl7-senders list": [],
    "hl7-senders remove": ["ID"],
    "tenants list": [],
    "tenants rename": ["north", "south"],
    "tenants retention": ["north"],
    "tenants keep": ["north", "--completed", "365"],
    "patients erase": ["P1", "--yes"],
    "peers add": ["MODALITY"],
    "peers list": [],
    "peers remove": ["ID"],
    "pull add": ["pacs", "--web", "http://pacs.example.org/dicom-web"],
    "pull list": [],
    "pull pause": ["ID"],
    "pull resume": ["ID"],
    "pull now": ["ID"],
    "pull remove": ["ID"],
    "destinations add": ["pacs", "dicom", "PACS@127.0.0.1:104"],
    "destinations list": [],
    "destinations show": ["pacs"],
    "destinations test": ["pacs"],
    "destinations pause": ["pacs"],
    "destinations resume": ["pacs"],
    "destinations remove": ["pacs"],
    "deliveries list": [],
    "deliveries retry": ["ID"],
}
_ANSWERED_EMPTY = {"delete", "hl7-senders remove", "keys revoke", "peers remove", "pull remove"}
"""Their answer has no content to tell a foreign server by."""


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(path), command
        return
    for name, one in inner.items():
        yield from _leaves(one, (*path, name))


_COMMANDS = dict(_leaves(typer.main.get_command(cli.app)))


def _has(name: str, option: str) -> bool:
    return any(option in parameter.opts for parameter in _COMMANDS[name].params)


def _arguments(name: str, folder: Path, *, its_id: str = _ID, out: str | None = None) -> list[str]:
    stand_ins = {"ID": its_id, "OUT": out or str(folder / "out")}
    return [*name.split(), *(stand_ins.get(one, one) for one in _ARGUMENTS[name])]


@pytest.fixture(autouse=True)
def _away_from_any_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(batches, "PATIENCE_SECONDS", 0.0)


@contextmanager
def _server(
    status: int, content: bytes, *, location: str = "", kind: str = "application/json"
) -> Iterator[tuple[str, list[str]]]:
    """Answer everything with this; give the address, and the paths that were asked for."""
    paths: list[str] = []

    class Request(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", kind)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Request) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command that must not do anything; return its exit status and what it said."""
    capsys.readouterr()
    code = cli.run(arguments)
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert said.err.strip(), "it says nothing"
    return code, said.err


def test_every_command_that_talks_to_a_server_is_tried_here_and_names_cxr_url_and_cxr_key():
    talking = {name for name in _COMMANDS if _has(name, "--url")}
    local = {
        "up",
        "down",
        "status",
        "logs",
        "stop",
        "start",
        "demo",
        "deidentify",
        "models list",
        "models show",
        "models use",
    }

    assert talking == set(_ARGUMENTS)
    assert set(_COMMANDS) - talking == local
    for name in talking:
        variables = {parameter.envvar for parameter in _COMMANDS[name].params}
        assert {"CXR_URL", "CXR_KEY"} <= variables, name


def test_every_command_has_json():
    assert [name for name in _COMMANDS if not _has(name, "--json")] == []


def test_completion_can_be_installed(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["--help"]) == exit_codes.DONE
    assert "--install-completion" in capsys.readouterr().out


@pytest.mark.parametrize("name", _ARGUMENTS)
def test_a_server_that_is_down(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    url = f"http://127.0.0.1:{free_port()}"
    code, said = _refused([*_arguments(name, tmp_path), "--url", url], capsys)
    assert code == exit_codes.NOT_REACHABLE
    assert url in said


@pytest.mark.parametrize(
    ("name", "url"),
    [
        *((name, "ftp://localhost") for name in _ARGUMENTS),
        *(("list", url) for url in ("localhost:8000", "http://", "http://[::1", "http://a:99999", "a b")),
        *(("submit", url) for url in ("http:///v1", "http://a:b")),
    ],
)
def test_an_address_that_is_none(name: str, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, said = _refused([*_arguments(name, tmp_path), "--url", url], capsys)
    assert code == exit_codes.WRONG_USAGE
    assert url in said


def test_an_address_that_is_none_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CXR_URL", "localhost:8000")
    assert _refused(["list"], capsys)[0] == exit_codes.WRONG_USAGE


@pytest.mark.parametrize("key", ["ключ", "a\nb", "a b", "a\x00"])
@pytest.mark.parametrize("name", ["list", "submit", "keys list"])
def test_a_key_that_cannot_be_one(name: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, said = _refused([*_arguments(name, tmp_path), "--key", key], capsys)
    assert code == exit_codes.WRONG_USAGE
    assert key not in said


@pytest.mark.parametrize("name", _ARGUMENTS)
def test_a_wrong_key_and_an_address_with_v1_at_its_end(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    problem = {"type": "/problems/unauthorized", "title": "A key is needed", "status": 401}
    with _server(401, json.dumps(problem).encode()) as (url, paths):
        code, said = _refused([*_arguments(name, tmp_path), "--url", f"{url}/v1/", "--key", "cxr_no"], capsys)
    assert code == exit_codes.WRONG_USAGE
    assert "A key is needed" in said
    assert all(path.startswith("/v1/") and not path.startswith("/v1/v1") for path in paths)
    assert paths
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "status", "content", "location"),
    [
        *((name, 302, b"", "https://login.example.org/") for name in _ARGUMENTS),
        *(
            (name, 200, b"<html>a router's page</html>", "")
            for name in _ARGUMENTS
            if name not in _ANSWERED_EMPTY
        ),
        *((name, 200, b"[]", "") for name in _ARGUMENTS if name not in _ANSWERED_EMPTY),
    ],
)
def test_something_else_that_answers(
    name: str, status: int, content: bytes, location: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    kind = "text/html" if content.startswith(b"<") else "application/json"
    with _server(status, content, location=location, kind=kind) as (url, _):
        code, said = _refused([*_arguments(name, tmp_path), "--url", url], capsys)
    assert code == exit_codes.NOT_REACHABLE
    assert "CXR_URL" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("its_id", ["12", "../../etc", "0199…", ""])
@pytest.mark.parametrize("name", [name for name, given in _ARGUMENTS.items() if "ID" in given])
def test_an_id_that_is_none_is_refused_without_asking(
    name: str, its_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with _server(500, b"") as (url, paths):
        code, said = _refused([*_arguments(name, tmp_path, its_id=its_id), "--url", url], capsys)
    assert code == exit_codes.WRONG_USAGE
    assert repr(its_id) in said
    assert paths == []


@pytest.mark.parametrize("name", ["submit", "batch submit"])
def test_a_file_that_is_missing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "300")  # else a long path is cut anywhere
    code, said = _refused([*name.split(), str(tmp_path / "missing.dcm")], capsys)
    assert code == exit_codes.WRONG_USAGE
    assert "missing.dcm" in said.replace("\n", "")


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "report.txt"
    with _server(200, b"the report", kind="text/plain") as (url, _):
        arguments = _arguments("report", tmp_path, out=str(place))
        code, said = _refused([*arguments, "--url", url], capsys)
    assert code == exit_codes.WRONG_USAGE
    assert str(place) in said


@pytest.mark.parametrize("card", ["[]", "1", "null", "{", "\xff"])
def test_a_card_that_is_none(card: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "home" / "models" / "odd"
    folder.mkdir(parents=True)
    (folder / "card.json").write_bytes(card.encode("latin-1"))
    assert cli.run(["models", "list"]) == exit_codes.DONE
    assert "no readable card.json" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["status", "down", "up", "list", "models list", "stop api"])
def test_a_home_that_is_a_file(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "home").touch()
    code = cli.run(name.split())
    said = capsys.readouterr()
    assert code in (exit_codes.DONE, exit_codes.WRONG_USAGE, exit_codes.NOT_REACHABLE)
    assert "Traceback" not in said.err


def test_a_reader_that_is_gone():
    page = json.dumps({"items": [_study(number) for number in range(200)], "next_cursor": None}).encode()
    with _server(200, page) as (url, _):
        command = [sys.executable, "-m", "cxr.cli", "list", "-n", "200", "--json", "--url", url]
        listing = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ}
        )
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        said = listing.stderr.read()
        assert listing.wait(60) == exit_codes.READER_GONE
    listing.stderr.close()
    assert b"Traceback" not in said


def _study(number: int) -> dict[str, str]:
    moment = "2026-01-01T00:00:00Z"
    its_id = f"0199d3c4-7a10-7c44-9d6e-{number:012x}"
    return {"id": its_id, "status": "queued", "created_at": moment, "updated_at": moment}
