"""What holds for every request: its id, its size, its log line, the headers of its answer, its bugs.

Whoever sends a body is asked for a key before a byte of it is read, wherever it is sent.
"""

import logging
import re
import time
from contextlib import ExitStack
from functools import lru_cache
from secrets import token_hex
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.auth import identify
from api.door import PROBES
from api.poll import answer_kept, forget_changed
from api.problem_kinds import Code
from api.problems import ProblemError, response_of
from api.rates import Rates, address_of
from shared.records.keys import Scope as KeyScope
from shared.settings import ApiSettings, AuthMode

LARGEST_JSON: Final = 64 * 1024
"""Bytes of a body that is no upload."""
_UPLOADS: Final = re.compile(r"/v1/studies(/[^/]+/images)?|/dicomweb/studies(/[^/]+)?")
_PRIVATE: Final = ("/v1/", "/dicomweb/")
"""What no cache may keep, unless its route says otherwise."""

PAGE_POLICY: Final = (
    "default-src 'self'; img-src 'self' blob: data:; frame-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}

_SECURITY: Final = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

CLIENT_WENT: Final = 499
"""What a log calls a request whose client hung up before it was read (nginx's number)."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
# Taken whole, and not split: what one program reads as a user's name another may read as the host.
_LOOPBACK_HOST: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

log = structlog.get_logger()


class Guard:
    """The outermost layer around the routes."""

    def __init__(self, app: ASGIApp, *, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(_PRIVATE):
            # To redirect a form would be to ask for all of it twice.
            scope["path"] = scope["path"].rstrip("/")
        headers = Headers(scope=scope)
        offered = headers.get("x-request-id", "")
        request_id = offered if _REQUEST_ID.fullmatch(offered) else token_hex(16)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        body = _Body(receive, headers, limit=self._limit(scope))
        answer = _Answer(send, request_id, scope=scope, body=body)
        started = time.perf_counter()
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            metrics.IN_FLIGHT.track_inprogress(),
            ExitStack() as until_served,
        ):
            state["until_served"] = until_served
            try:
                self._check(scope, headers)
                if self._settings.auth is AuthMode.REQUIRED:
                    await _check_caller(scope, headers, body)
                if not await answer_kept(scope, headers, answer):
                    await self._app(scope, body, answer)
            except ProblemError as problem:
                await _refuse(problem, scope, receive, answer)
            except ClientDisconnect:
                # Nobody is left to answer; what was received so far is deleted already.
                answer.status = answer.status or CLIENT_WENT
            except Exception as error:
                log.exception("request.failed", error=type(error).__name__)
                if answer.status is not None:
                    raise  # too late for another answer: the connection is cut off, so the client knows
                message = "the server made a mistake; nothing of its inside is shown here"
                await _refuse(ProblemError(Code.INTERNAL_ERROR, message), scope, receive, answer)
            _record(scope, answer.status or 0, time.perf_counter() - started)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Refuse what no route would ever take, before a byte of its body is read."""
        if scope["http_version"] == "1.1" and len(headers.getlist("host")) != 1:
            message = "the request needs one Host header"
            raise ProblemError(Code.BAD_REQUEST, message)
        if self._settings.auth is AuthMode.OFF:
            _check_origin(scope, headers)
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            # A compressed body is a bomb by one header; images are compressed already.
            message = f"Content-Encoding {encoding[:20]} is not taken: send the body as it is"
            raise ProblemError(Code.UNSUPPORTED_MEDIA_TYPE, message)
        length = headers.get("content-length", "0")
        limit = self._limit(scope)
        if length.isdecimal() and int(length) > limit and _is_taken(scope):
            raise _too_large(limit)

    def _limit(self, scope: Scope) -> int:
        is_upload = _UPLOADS.fullmatch(scope["path"]) is not None
        return self._settings.max_request_bytes if is_upload else LARGEST_JSON


class _Body:
    """Receives the body up to the limit: Content-Length may lie, and a chunked body has none.

    Attributes:
        exists: whether there is one.
        is_read: whether all of it was, or there is none.
    """

    def __init__(self, receive: Receive, headers: Headers, *, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._received = 0
        self.exists = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        self.is_read = not self.exists

    async def __call__(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            raise _too_large(self._limit)
        self.is_read = self.is_read or not message.get("more_body", False)
        return message


class _Answer:
    """Sends the answer, with the headers that every answer has, and remembers its status."""

    def __init__(self, send: Send, request_id: str, *, scope: Scope, body: _Body) -> None:
        self._send = send
        self._request_id = request_id
        self._scope = scope
        self._body = body
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._scope["method"] not in _SAFE_METHODS and not 400 <= self.status < 500:
                forget_changed(self._scope)
            said = list(message["headers"])
            names = {name for name, _ in said}
            said += [header for header in _SECURITY if header[0] not in names]
            said.append((b"x-request-id", self._request_id.encode()))
            if self._scope["path"].startswith(_PRIVATE) and b"cache-control" not in names:
                said.append((b"cache-control", b"no-store"))
            if not self._body.is_read:
                said.append((b"connection", b"close"))  # the rest is not waited for
            message["headers"] = said
        await self._send(message)


async def _check_caller(scope: Scope, headers: Headers, body: _Body) -> None:
    """Refuse who calls without a key too often, and a body from whoever has no key that may send one."""
    rates: Rates = scope["app"].state.backend.rates
    if "authorization" not in headers and scope["path"] not in PROBES:
        rates.of_strangers.count(address_of(scope["client"]))
    if body.exists:
        caller = await identify(HTTPConnection(scope))
        if scope["method"] not in _SAFE_METHODS and not caller.may(KeyScope.REVIEW):
            caller.check(KeyScope.WRITE)


def _check_origin(scope: Scope, headers: Headers) -> None:
    """Without keys any page in the user's browser could speak for the user: let only our own.

    A wrong Host is DNS rebinding; a cross-site form post needs no permission from us to be sent.
    """
    host = headers.get("host", "").lower()
    if not _LOOPBACK_HOST.fullmatch(host):
        message = "without API keys this server answers to localhost alone"
        raise ProblemError(Code.FOREIGN_PAGE, message)
    if scope["method"] in _SAFE_METHODS:
        return
    ours = f"{scope['scheme']}://{host}"
    sites = set(headers.getlist("sec-fetch-site")) - {"same-origin", "none"}
    if sites or set(headers.getlist("origin")) - {ours}:
        message = "the request comes from another site's page"
        raise ProblemError(Code.FOREIGN_PAGE, message)


def _is_taken(scope: Scope) -> bool:
    """Whether a route takes the request: what none takes is answered as such, and its body is not read."""
    routes = [route for route in scope["app"].router.routes if not isinstance(route, Mount)]
    return any(route.matches(scope)[0] is Match.FULL for route in routes)


def _too_large(limit: int) -> ProblemError:
    return ProblemError(Code.TOO_LARGE, f"the request has more than {limit} bytes", limit=limit)


async def _refuse(problem: ProblemError, scope: Scope, receive: Receive, answer: _Answer) -> None:
    request_id = scope["state"]["request_id"]
    await response_of(problem, path=scope["path"], request_id=request_id)(scope, receive, answer)


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    status = int(status)
    method = scope["method"] if scope["method"] in metrics.METHODS else "other"
    count, seconds_of = _counted(method, route, status)
    count.inc()
    seconds_of.observe(seconds)
    # Polls are most of the traffic and say nothing when all is well.
    level = logging.DEBUG if scope["method"] in _SAFE_METHODS and status < 500 else logging.INFO
    if logging.getLogger().isEnabledFor(level):
        log.log(level, "request.served", method=method, route=route, status=status, seconds=round(seconds, 4))


@lru_cache(maxsize=1024)
def _counted(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return what such requests are counted by: looking it up by its labels takes longer than counting."""
    return metrics.REQUESTS.labels(method, route, str(status)), metrics.SECONDS.labels(method, route)
