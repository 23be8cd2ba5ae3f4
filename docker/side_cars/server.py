"""The HTTP server of a side-car: one model, one request at a time, and nothing kept of any.

Map: `Server` (`run`, `health`, `report`) -> `_Handler` -> `_RefusalError` as problem+json.
"""

import json
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from docker.side_cars.adapter import Adapter
from worker_llm.vision.protocol import (
    MOST_BYTES,
    Asked,
    Health,
    Image,
    MalformedError,
    ModelVersion,
    asked_of,
)

_BUSY_SECONDS: Final = 2
_LOADING_SECONDS: Final = 10
_SILENT_SECONDS: Final = 30
"""How long a client may be silent in the middle of its request."""
_MOST_FAILURES: Final = 3
"""In a row: then it is not the studies. The process ends, and whoever started it starts it anew."""


class _RefusalError(Exception):
    """An answer that is no report; the message quotes nothing of the request."""

    def __init__(self, status: HTTPStatus, message: str, *, after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.after = status, after


class Server:
    """Serves one model from the moment it is loaded until SIGTERM, which lets the request under way end."""

    def __init__(self, model: ModelVersion, load: Callable[[], Adapter], *, host: str, port: int) -> None:
        """Open the port; the model is loaded by `run`.

        Args:
            model: the name in the catalogue, and which weights.
            load: makes the adapter, which may take minutes.
            host, port: where to listen.
        """
        self.model = model
        self._adapter: Adapter | None = None
        self._load, self._failures, self._code = load, 0, 0
        self._turn = threading.Lock()
        self._http = ThreadingHTTPServer((host, port), _handler_of(self))
        self._http.daemon_threads = False
        self.port = self._http.server_port

    def run(self) -> int:
        """Load the model while /health already answers, then serve; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        serving = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.1})
        serving.start()
        try:
            self._adapter = self._load()
        except BaseException:
            self._http.shutdown()
            raise
        finally:
            while serving.is_alive():
                serving.join(0.2)
            self._http.server_close()
        return self._code

    def health(self) -> Health:
        """Return who is here."""
        return Health(self.model, self._adapter is not None)

    def report(self, asked: Asked) -> dict[str, Any]:
        """Have a report written.

        Raises:
            _RefusalError: not now, or not of this study.
        """
        if self._adapter is None:
            raise _RefusalError(
                HTTPStatus.SERVICE_UNAVAILABLE, "the model is being loaded", after=_LOADING_SECONDS
            )
        if not self._turn.acquire(blocking=False):
            raise _RefusalError(
                HTTPStatus.SERVICE_UNAVAILABLE, "another report is being written", after=_BUSY_SECONDS
            )
        try:
            with _as_files(asked.images) as pictures:
                said = self._adapter.report(asked, pictures)
        except Exception as error:
            self._count_failure(error)
            raise _RefusalError(
                HTTPStatus.UNPROCESSABLE_ENTITY, f"the model failed: {type(error).__name__}"
            ) from error
        finally:
            self._turn.release()
        self._failures = 0
        return said.as_json(self.model)

    def _count_failure(self, error: Exception) -> None:
        self._failures += 1
        # Where, and not what it said: the message of a model's error may quote its prompt.
        print(f"the model failed: {type(error).__name__}", file=sys.stderr)
        traceback.print_tb(error.__traceback__)
        sys.stderr.flush()
        if self._failures == _MOST_FAILURES:
            self._code = 1
            self._stop()

    def _end(self, *_: object) -> None:
        if self._adapter is None:
            raise SystemExit(0)
        self._stop()

    def _stop(self) -> None:
        # From another thread: it waits for the loop, whose answers this one may have to give.
        threading.Thread(target=self._http.shutdown).start()


@contextmanager
def _as_files(images: Sequence[Image]) -> Iterator[list[Path]]:
    """Hold pictures as files of names of our own, since some models take a path alone."""
    with tempfile.TemporaryDirectory(prefix="side-car-") as folder:
        paths = [Path(folder, f"{number}.png") for number in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            path.write_bytes(image.png)
        yield paths


def _handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        side_car = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    side_car: Server
    protocol_version = "HTTP/1.0"
    """A connection a request: an idle one would hold up the end of the process."""
    server_version, sys_version = "side-car", ""
    timeout = _SILENT_SECONDS

    def do_GET(self) -> None:
        """Answer /health."""
        if self.path == "/health":
            self._answer(HTTPStatus.OK, self.side_car.health().as_json())
        else:
            self._refuse(_RefusalError(HTTPStatus.NOT_FOUND, "there are /health and /v1/report"))

    def do_POST(self) -> None:
        """Answer /v1/report."""
        try:
            body = self.side_car.report(self._asked())
        except _RefusalError as refusal:
            self._refuse(refusal)
        else:
            self._answer(HTTPStatus.OK, body)

    def _asked(self) -> Asked:
        """Read the request.

        Raises:
            _RefusalError: it is too large, or not the protocol's.
        """
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdecimal():
            raise _RefusalError(HTTPStatus.LENGTH_REQUIRED, "a request says its Content-Length")
        if self.path != "/v1/report":
            self._let_pass(int(length))
            raise _RefusalError(HTTPStatus.NOT_FOUND, "there are /health and /v1/report")
        if int(length) > MOST_BYTES:
            self._let_pass(int(length))
            raise _RefusalError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {MOST_BYTES} bytes"
            )
        body = self.rfile.read(int(length))
        try:
            return asked_of(json.loads(body))
        except MalformedError as error:
            raise _RefusalError(HTTPStatus.BAD_REQUEST, str(error)) from error
        except (ValueError, RecursionError) as error:
            raise _RefusalError(HTTPStatus.BAD_REQUEST, "the request is no JSON") from error

    def _let_pass(self, length: int) -> None:
        """Read what is not wanted: a client that is cut off while it sends would hear no refusal."""
        left = min(length, 2 * MOST_BYTES)
        while left > 0 and (chunk := self.rfile.read(min(left, 2**20))):
            left -= len(chunk)

    def _refuse(self, refusal: _RefusalError) -> None:
        status = refusal.status
        problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": str(refusal)}
        headers = {} if refusal.after is None else {"Retry-After": str(refusal.after)}
        self._answer(status, problem, kind="application/problem+json", headers=headers)

    def _answer(
        self,
        status: HTTPStatus,
        body: dict[str, Any],
        *,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # type: ignore[explicit-override]
        """Say what was answered, but for probes."""
        if getattr(self, "path", "") != "/health":
            super().log_request(code, size)

    def log_message(self, format: str, *args: object) -> None:  # type: ignore[explicit-override] # noqa: A002 - the base's name
        """Say when what was answered with which status: nothing of what was in it."""
        print(self.log_date_time_string(), format % args, file=sys.stderr, flush=True)
