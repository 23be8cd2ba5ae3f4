"""How calls travel: addresses and keys, time limits, what is an error, and what is tried again."""

import os
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import httpx
from httpx_sse import ServerSentEvent
from tenacity import RetryCallState, retry_if_exception, stop_before_delay, wait_random_exponential

from cxr.call import Call
from cxr.errors import ForeignAnswerError, InputError, NotReachableError, ProblemError
from cxr.models import Event

T = TypeVar("T")

DEFAULT_URL: Final = "http://localhost:8000"
NO_PROXY: Final[Mapping[str, None]] = dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))
"""Mounts for httpx: no proxy can reach this machine's own loopback address for us."""
PATIENCE: Final = 30.0
"""Seconds for which a server that does not answer is called again."""
_BUSY_PATIENCE: Final = 60.0
"""The same for a server that answers 'not now'. Longer than an Idempotency-Key stays in use after its
request was cut off by the database's death (30 s)."""
_LONGEST_PAUSE: Final = 30.0
_HIGHEST_PORT: Final = 65_535
_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 60.0
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})
_GROWING: Final = wait_random_exponential(multiplier=0.25, max=2)
_KEY_IN_USE: Final = "/problems/idempotency-key-in-use"


def base_url(url: str | None) -> str:
    """Return the server's address: as given, or CXR_URL, or the local stack's; without /v1 at its end.

    Raises:
        InputError: it is no address of a web server.
    """
    given = (url or os.environ.get("CXR_URL") or DEFAULT_URL).strip()
    try:
        address = httpx.URL(given)
        is_ours = (
            address.scheme in {"http", "https"}
            and bool(address.host)
            and (address.port or 0) <= _HIGHEST_PORT
        )
    except httpx.InvalidURL:
        is_ours = False
    if not is_ours:
        message = (
            f"{given!r} is no address of a server; it looks like {DEFAULT_URL} or https://cxr.example.org"
        )
        raise InputError(message)
    return given.rstrip("/").removesuffix("/v1").rstrip("/")


def auth_headers(key: str | None) -> dict[str, str]:
    """Return the header with the API key: as given, or CXR_KEY; none where there is no key.

    Raises:
        InputError: it cannot be a key; the message does not repeat it.
    """
    secret = (key or os.environ.get("CXR_KEY") or "").strip()
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        message = "the API key has characters that no key has; copy it anew from `cxr keys create`"
        raise InputError(message)
    return {"Authorization": f"Bearer {secret}"} if secret else {}


def time_limits(call: Call[Any]) -> httpx.Timeout:
    """Return how long each step of a call may take, in seconds."""
    return httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS + call.wait)


def check(answer: httpx.Response) -> None:
    """Let a good answer pass; it must have been read.

    Raises:
        ProblemError: any answer of 400 and above.
        ForeignAnswerError: we are sent elsewhere, or given what was not asked for, which the API never does.
    """
    if answer.has_redirect_location:
        place = answer.headers["Location"]
        message = (
            f"{answer.request.url} sends us to {place}; if that is the server, set CXR_URL to its address"
        )
        raise ForeignAnswerError(message)
    if answer.status_code < httpx.codes.BAD_REQUEST:
        wanted, given = answer.request.headers["Accept"], answer.headers.get("Content-Type", "")
        if answer.status_code == httpx.codes.OK and wanted not in ("*/*", given.partition(";")[0]):
            raise _foreign(answer)
        return
    try:
        problem = answer.json()
    except ValueError:
        problem = {"title": answer.reason_phrase or "error", "detail": answer.text[:200]}
    if not isinstance(problem, dict):
        problem = {"title": answer.reason_phrase, "detail": str(problem)[:200]}
    raise ProblemError(answer.status_code, problem, retry_after=_seconds(answer.headers.get("Retry-After")))


def read(call: Call[T], answer: httpx.Response) -> T:
    """Read the answer of a call.

    Raises:
        ForeignAnswerError: it is none that the API gives.
    """
    try:
        return call.parse(answer)
    except (ValueError, KeyError, TypeError) as error:
        raise _foreign(answer) from error


def retry_policy(call: Call[Any], *, patience: float) -> dict[str, Any]:
    """Return the arguments for tenacity's Retrying, sync or async."""
    return {
        "retry": retry_if_exception(lambda error: worth_another_try(call, error)),
        "stop": lambda attempt: _is_over(attempt, patience),
        "wait": _as_the_server_says,
        "reraise": True,
    }


def worth_another_try(call: Call[Any], error: BaseException) -> bool:
    """Tell whether a failed call may be sent again."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return True  # nothing was sent
    if not call.repeatable:
        return False
    if isinstance(error, ProblemError):
        # In use: our own first attempt, whose answer was lost, is still being served.
        return error.status in _TRY_AGAIN or error.type == _KEY_IN_USE
    return isinstance(error, httpx.TransportError)


def not_reachable(url: str, error: httpx.TransportError) -> NotReachableError:
    """Say that no server answered, and what to do."""
    reason = str(error) or type(error).__name__
    return NotReachableError(
        f"no answer from {url} ({reason}). Start the local stack with `cxr up`, "
        "or set CXR_URL to the server's address."
    )


def event_of(sent: ServerSentEvent) -> Event | None:
    """Read one message of an event stream; None for a ping, which comes as a message without data."""
    return Event.model_validate({"id": sent.id, **sent.json()}) if sent.data else None


def _foreign(answer: httpx.Response) -> ForeignAnswerError:
    return ForeignAnswerError(
        f"{answer.request.url} is answered by something else than CXR Reporter"
        " (or by another version of it). Check the address in CXR_URL."
    )


def _is_over(attempt: RetryCallState, patience: float) -> bool:
    error = attempt.outcome.exception() if attempt.outcome else None
    limit = max(patience, _BUSY_PATIENCE) if isinstance(error, ProblemError) else patience
    return stop_before_delay(limit)(attempt)


def _as_the_server_says(attempt: RetryCallState) -> float:
    """Wait for Retry-After seconds where the server says so, else a growing random while."""
    error = attempt.outcome.exception() if attempt.outcome else None
    if isinstance(error, ProblemError) and error.retry_after is not None:
        return min(error.retry_after, _LONGEST_PAUSE)
    return _GROWING(attempt)


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None  # a date: the growing wait does as well
