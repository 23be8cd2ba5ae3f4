"""Calls of a server that is not ours: JSON there and back, by one policy for all of them.

What may pass is tried again here, but not for long: then the study goes back to those that wait, which costs
it no attempt. What does not pass says what to change. No message holds anything that a server said.

A server that is away or busy is waited for, for ever. One that fails at a request (500, silence, a connection
that breaks off) may fail at this study alone, and for ever: it is told apart by what it answers meanwhile.

Map: `Remote` (`post_json`, `get_json`) -> `_asked` -> `_once` -> `_judge`, `_read` · `RefusedError` ·
`answered_ago`.
"""

import json
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
from pydantic import SecretStr
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from shared.errors import FailedThereError, ServerError, TryAgainError

_BUSY: Final = frozenset({408, 409, 425, 429, 503})
"""HTTP statuses of a server that takes no request just now; other 5xx are of one that failed at it."""
_TRIES: Final = 3
_PATIENCE_SECONDS: Final = 10
"""After so long the study waits with the others; a server that asks for more is not waited for."""
_PAUSE: Final = wait_random_exponential(multiplier=0.5, max=4)
_MOST_BYTES: Final = 32_000_000
_MOST_SAID: Final = 4_000
"""Bytes of a refusal that are read."""
_FILE: Final = "file:"


_answered: Final[dict[str, float]] = {}
"""When each server gave its last good answer to this process, by `time.monotonic`."""


class RefusedError(ServerError):
    """The server will not take this request, now or later; the message says what to change.

    Attributes:
        status: HTTP's.
        said: the server's own words, to tell its refusals apart; for no log and no message.
    """

    def __init__(self, message: str, status: int = 0, said: str = "") -> None:
        # With defaults, since it also comes out of a process of its own, which passes the message alone.
        super().__init__(message)
        self.status, self.said = status, said


class _BusyError(TryAgainError):
    """It may be gone in a moment, or in as many seconds as the server says."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class _FailedError(FailedThereError):
    """A failure that may be gone in a moment."""


def answered_ago(server: str) -> timedelta | None:
    """Return how long ago a server gave this process a good answer; None where it never did.

    Args:
        server: of a `FailedThereError`.
    """
    last = _answered.get(server)
    return None if last is None else timedelta(seconds=time.monotonic() - last)


class Remote:
    """One server, from many threads."""

    def __init__(
        self,
        url: str,
        *,
        key: SecretStr | None,
        timeout: timedelta,
        at_once: int,
        settings: str,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        """Prepare the connections; nothing is sent yet.

        Args:
            url: what stands before the paths of requests.
            key: sent as a bearer's; or "file:" and a path, of a token that something renews: every request
                reads it.
            timeout: longest wait for one whole answer.
            at_once: most requests at the same time; others wait here.
            settings: how the settings' names begin, for messages: CXR_REPORT_SERVER, of which there is a
                _URL, a _KEY and a _TIMEOUT.
            most_bytes: longest answer that is read.
        """
        self._url, self._settings = url.rstrip("/"), settings
        self._key = key.get_secret_value() if key else ""
        self._seconds, self._most_bytes = timeout.total_seconds(), most_bytes
        self._places = threading.BoundedSemaphore(at_once)
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        self._client = httpx.Client(timeout=self._seconds, limits=limits)

    def post_json(self, path: str, body: object) -> object:
        """Send a body, and return what JSON makes of the answer.

        Args:
            path: behind the server's URL; empty where that is the whole address.
            body: what JSON takes.

        Raises:
            TryAgainError: the server is away or busy.
            FailedThereError: it failed at this request, was too slow, or answers no JSON.
            RefusedError: it will never take this request.
        """
        return self._asked("POST", path, json.dumps(body).encode())

    def get_json(self, path: str) -> object:
        """Fetch, and return what JSON makes of the answer; it raises as `post_json` does."""
        return self._asked("GET", path, None)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _asked(self, method: str, path: str, body: bytes | None) -> object:
        again = Retrying(
            retry=retry_if_exception_type((_BusyError, _FailedError)),
            wait=_as_the_server_says,
            stop=stop_after_attempt(_TRIES) | stop_before_delay(_PATIENCE_SECONDS),
            reraise=True,
        )
        with self._places:
            return again(self._once, method, path, body)

    def _once(self, method: str, path: str, body: bytes | None) -> object:
        request = self._client.build_request(method, self._url + path, content=body, headers=self._headers())
        until = time.monotonic() + self._seconds
        try:
            response = self._client.send(request, stream=True)
            try:
                if not response.is_success:
                    raise self._judged(response, _read(response, _MOST_SAID, until))
                content = _read(response, self._most_bytes + 1, until)
            finally:
                response.close()
        except httpx.TimeoutException as error:
            # Not asked again at once: what was waited for is as long as a study may hold its place.
            message = f"{self._settings}_URL: no answer within {self._seconds:g} s ({self._settings}_TIMEOUT)"
            raise FailedThereError(message, self._url) from error
        except httpx.ConnectError as error:
            message = f"{self._settings}_URL: the server cannot be reached: {type(error).__name__}"
            raise _BusyError(message) from error
        except httpx.TransportError as error:
            message = f"{self._settings}_URL: the connection breaks off: {type(error).__name__}"
            raise _FailedError(message, self._url) from error
        if len(content) > self._most_bytes:
            message = f"{self._settings}_URL: the server's answer is longer than {self._most_bytes} bytes"
            raise FailedThereError(message, self._url)
        try:
            answer: object = json.loads(content)
        except (ValueError, RecursionError) as error:
            message = f"{self._settings}_URL: the server's answer is no JSON"
            raise _FailedError(message, self._url) from error
        _answered[self._url] = time.monotonic()
        return answer

    def _headers(self) -> dict[str, str]:
        sent = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }
        if not self._key:
            return sent
        if not self._key.startswith(_FILE):
            return sent | {"Authorization": f"Bearer {self._key}"}
        try:
            token = Path(self._key.removeprefix(_FILE)).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            message = f"{self._settings}_KEY: its file cannot be read: {type(error).__name__}"
            raise TryAgainError(message) from error
        return sent | {"Authorization": f"Bearer {token}"}

    def _judged(self, response: httpx.Response, said: bytes) -> TryAgainError | RefusedError:
        """Return what a status that is no success comes to."""
        status, start = response.status_code, self._settings
        message = f"{start}_URL: the server answers {status}"
        if status in _BUSY:
            return _BusyError(message, _seconds(response.headers.get("Retry-After")))
        if status >= 500:
            return _FailedError(message, self._url)
        if status == 401 and self._key.startswith(_FILE):
            # Whatever renews it is late; the study waits.
            return TryAgainError(f"{start}_KEY: the server does not take the token in its file (401)")
        if status in {401, 403}:
            advice = f"the server does not let us in ({status}): set {start}_KEY to a key that it takes"
        elif status == 404 or 300 <= status < 400:
            advice = f"the server has nothing of that name ({status}): check {start}_URL and the model"
        else:
            advice = f"the server refuses the request ({status}): check its address, model and version"
        return RefusedError(advice, status, said.decode(errors="replace"))


def _read(response: httpx.Response, most: int, until: float) -> bytes:
    """Return an answer's first bytes; one that trickles in is a slow one, however often something comes."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) >= most:
            break
        if time.monotonic() > until:
            message = "the answer is still coming"
            raise httpx.ReadTimeout(message)
    return bytes(content[:most])


def _seconds(retry_after: str | None) -> float | None:
    """Read Retry-After where it is a number; as a date it is left alone."""
    return float(retry_after) if retry_after and retry_after.isdecimal() else None


def _as_the_server_says(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _BusyError) and error.after is not None:
        return error.after
    return _PAUSE(state)
