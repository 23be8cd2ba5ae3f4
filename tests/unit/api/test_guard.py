"""What holds for every request, shown on a small app around which the guard stands."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.guard import LARGEST_JSON, Guard
from api.kept import KeptStudies
from api.rates import Rates
from shared.settings import ApiSettings, AuthMode

SECRET = "patient DOE^JANE"


async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise KeyError(SECRET)


async def failing_late(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise KeyError(SECRET)


async def reading(_scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"read"})


class Exchange:
    """One request and what came back."""

    def __init__(self, *, path: str = "/v1/batches", pieces: tuple[bytes, ...] = (b"",), **headers: str):
        named = {"host": "localhost", **headers}
        self.scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "client": ("127.0.0.1", 1234),
            "scheme": "http",
            "method": "POST",
            "path": path,
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
        }
        self._pieces = list(pieces)
        self.taken = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        self.taken += 1
        piece = self._pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def through(self, app: ASGIApp, **settings: Any) -> "Exchange":
        chosen = ApiSettings(**{"auth": AuthMode.OFF, **settings})
        kept = KeptStudies(hears=lambda: True)
        state = SimpleNamespace(backend=SimpleNamespace(rates=Rates(chosen), kept=kept))
        every_path = Route("/{path:path}", reading, methods=["GET", "POST"])
        self.scope["app"] = SimpleNamespace(state=state, router=Router([every_path]))
        await Guard(app, settings=chosen)(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def problem(self) -> dict[str, Any]:
        return json.loads(self.sent[1]["body"])


async def test_a_bug_is_a_500_with_an_id_and_nothing_of_its_inside():
    with structlog.testing.capture_logs() as logs:
        exchange = await Exchange(x_request_id="request-17").through(failing)
    assert (exchange.status, exchange.problem["type"]) == (500, "/problems/internal-error")
    assert exchange.problem["request_id"] == "request-17"
    assert SECRET not in str(exchange.sent)
    assert "KeyError" not in str(exchange.sent)
    (logged,) = [entry for entry in logs if entry["event"] == "request.failed"]
    assert logged["error"] == "KeyError"
    assert logged["exc_info"]
    assert SECRET not in str(logs)


async def test_a_bug_in_the_middle_of_an_answer_cuts_it_off():
    with pytest.raises(KeyError):
        await Exchange().through(failing_late)


async def test_a_body_is_read_to_its_limit_and_not_one_piece_further():
    exchange = Exchange(pieces=tuple(bytes(LARGEST_JSON // 2) for _ in range(10)))
    await exchange.through(reading)
    assert (exchange.status, exchange.problem["limit"]) == (413, LARGEST_JSON)
    assert exchange.taken == 3


async def test_a_body_of_just_the_limit_is_read():
    exchange = await Exchange(pieces=(bytes(LARGEST_JSON),)).through(reading)
    assert exchange.status == 200


async def test_a_declared_length_is_enough_to_refuse():
    exchange = await Exchange(content_length=str(2**32), path="/v1/studies").through(reading)
    assert (exchange.status, exchange.taken) == (413, 0)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "GZIP"])
async def test_a_compressed_body_is_refused_unread(encoding: str):
    exchange = await Exchange(content_encoding=encoding).through(reading)
    assert (exchange.status, exchange.taken) == (415, 0)


async def test_identity_is_no_compression():
    assert (await Exchange(content_encoding="identity").through(reading)).status == 200


async def test_with_keys_the_name_of_the_host_does_not_matter():
    taken = await Exchange(host="cxr.hospital.example").through(reading, auth=AuthMode.REQUIRED)
    assert taken.status == 200
    refused = await Exchange(host="cxr.hospital.example").through(reading, auth=AuthMode.OFF)
    assert refused.status == 403


@pytest.mark.parametrize(
    "host",
    [
        *("localhost@evil.example", "user@localhost", "evil.example@localhost", "user:1@localhost:8000"),
        *("localhost.", "localhost:", "localhost:80:80", "localhost:x", "localhost:999999", "localhost:-1"),
        *("localhost/", "localhost?x", "localhost#x", "localhost\\@evil", " localhost", "localhost,evil"),
        *("::1", "[::1", "[::1]x", "[::1%25lo]", "[::ffff:127.0.0.1]", "127.1", "0x7f.1", "2130706433"),
        *("127.0.0.1.evil.example", "localhost.evil", "xlocalhost", "//localhost", "http://localhost"),
    ],
)
async def test_a_host_that_is_more_than_name_and_port_is_refused(host: str):
    exchange = await Exchange(host=host).through(reading, auth=AuthMode.OFF)
    assert (exchange.status, exchange.problem["type"]) == (403, "/problems/foreign-page")


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:8000", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:65535"]
)
async def test_this_machine_s_own_names_are_taken_with_any_port(host: str):
    exchange = Exchange(host=host, origin=f"http://{host.lower()}")
    assert (await exchange.through(reading, auth=AuthMode.OFF)).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "https://localhost", "ftp://localhost", "file://", "//localhost", "localhost"),
        *(
            "http://localhost/",
            "http://localhost:80",
            "http://user@localhost",
            "http://localhost@evil.example",
        ),
        *("http://localhost.", "http://localhost http://evil.example", "HTTP:localhost", "http://localhost#"),
    ],
)
async def test_an_origin_that_is_not_exactly_ours_is_refused(origin: str):
    exchange = await Exchange(origin=origin).through(reading, auth=AuthMode.OFF)
    assert (exchange.status, exchange.problem["type"]) == (403, "/problems/foreign-page")


async def test_a_second_origin_is_looked_at_too():
    exchange = Exchange(origin="http://localhost")
    exchange.scope["headers"].append((b"origin", b"http://evil.example"))
    assert (await exchange.through(reading, auth=AuthMode.OFF)).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "", "new-kind-of-site"])
async def test_a_page_of_any_site_but_ours_is_refused(site: str):
    assert (await Exchange(sec_fetch_site=site).through(reading, auth=AuthMode.OFF)).status == 403


@pytest.mark.parametrize("exchange", [Exchange(host="http://["), Exchange(origin="http://[")])
async def test_an_address_that_cannot_be_read_is_nobodys(exchange: Exchange):
    assert (await exchange.through(reading, auth=AuthMode.OFF)).status == 403


async def test_what_is_no_request_passes_through():
    seen: list[str] = []

    async def lifespan(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    exchange = Exchange()
    exchange.scope = {"type": "lifespan"}
    await exchange.through(lifespan)
    assert seen == ["lifespan"]
