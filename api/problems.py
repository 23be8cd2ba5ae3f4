"""What went wrong, as RFC 9457 problem+json; `problem_kinds.py` has the kinds and their status codes.

Any error of `shared/errors.py`, any HTTP error of the framework and any bug leaves the API through
one of the handlers at the end. The `type` is stable and can be opened: /problems/<code> explains it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match, Mount

from api.metrics import METHODS
from api.problem_kinds import KINDS, Code
from shared.errors import BadInputError, ConflictError, DamagedError, TryAgainError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_OUTAGE: Final = "2"
"""Seconds until a client may ask again after the database or the object store was away."""

log = structlog.get_logger()

_BY_STATUS: Final = {
    400: Code.BAD_REQUEST,
    401: Code.UNAUTHORIZED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    406: Code.NOT_ACCEPTABLE,
    413: Code.TOO_LARGE,
    415: Code.UNSUPPORTED_MEDIA_TYPE,
    422: Code.INVALID_REQUEST,
    503: Code.UNAVAILABLE,
}


class Noun(StrEnum):
    """What may not be there."""

    STUDY = "study"
    BATCH = "batch"
    IMAGE = "image"
    HEATMAP = "heatmap"
    PREVIEW = "preview"
    KEY = "key"
    TENANT = "tenant"
    PEER = "DICOM peer"
    HL7_SENDER = "HL7 sender"
    PULL_RULE = "pull rule"
    VERSION = "version"
    DRAFT = "draft"
    INSTANCE = "instance"
    FRAME = "frame"
    VALUE = "value"
    WORKITEM = "workitem"
    TRANSACTION = "transaction"
    DESTINATION = "destination"
    DELIVERY = "delivery"


class ProblemError(HTTPException):
    """An answer that ends a request: one of KINDS, with what it means here."""

    def __init__(
        self, code: Code, detail: str, *, headers: Mapping[str, str] | None = None, **members: object
    ) -> None:
        """Say what is wrong; `members` become further members of the JSON, as they are."""
        super().__init__(KINDS[code].status, detail, dict(headers or {}))
        self.code = code
        self.members = members


class ContentError(ProblemError):
    """Content that is refused at the door, in the words of the error that says why."""

    def __init__(self, error: BadInputError, *, set_aside: Sequence[Mapping[str, str]] = ()) -> None:
        """Keep the error's code, detail and file, and what else of the same request is no image."""
        super().__init__(Code(error.code), error.detail)
        if set_aside:
            self.members["set_aside"] = set_aside
        if error.file is not None:
            self.members["file"] = error.file


def not_found(noun: Noun) -> ProblemError:
    """Answer for what does not exist, or is somebody else's: the two look the same on purpose."""
    return ProblemError(Code.NOT_FOUND, f"there is no such {noun}")


def response_of(problem: ProblemError, *, path: str, request_id: str) -> Response:
    """Write a problem down."""
    kind = KINDS[problem.code]
    body: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "advice": kind.advice,
        "instance": path,
        "request_id": request_id,
        **problem.members,
    }
    content = json.dumps(body, ensure_ascii=False, default=str).encode()
    return Response(content, kind.status, problem.headers, MEDIA_TYPE)


def unavailable(detail: str) -> ProblemError:
    """Answer while something that the API stands on is away."""
    return ProblemError(Code.UNAVAILABLE, detail, headers={"Retry-After": RETRY_AFTER_OUTAGE})


def too_many(detail: str, *, seconds: float) -> ProblemError:
    """Answer for a caller who has had what one caller may have, for so many seconds."""
    headers = {"Retry-After": str(math.ceil(seconds))}
    return ProblemError(Code.TOO_MANY_REQUESTS, detail, headers=headers)


def install(app: FastAPI) -> None:
    """Let every error leave `app` as a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(BadInputError, _on_bad_input)
    app.add_exception_handler(ConflictError, _on_conflict)
    app.add_exception_handler(TryAgainError, _on_try_again)
    app.add_exception_handler(DamagedError, _on_damaged)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(StarletteHTTPException, _on_http)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101  registered for this class alone
    return _answer(request, error)


async def _on_bad_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadInputError)  # noqa: S101  registered for this class alone
    return _answer(request, ContentError(error))


async def _on_conflict(request: Request, error: Exception) -> Response:
    assert isinstance(error, ConflictError)  # noqa: S101  registered for this class alone
    problem = ProblemError(Code(error.code), str(error))
    if error.newest_version is not None:
        problem.members["newest_version"] = error.newest_version
    return _answer(request, problem)


async def _on_try_again(request: Request, error: Exception) -> Response:
    # The message of the error is ours and holds no address; the cause behind it stays in the log.
    log.warning("request.unavailable", error=type(error.__cause__ or error).__name__)
    return _answer(request, unavailable(str(error)))


async def _on_damaged(request: Request, error: Exception) -> Response:
    assert isinstance(error, DamagedError)  # noqa: S101  registered for this class alone
    return _answer(request, ProblemError(Code(error.code), str(error)))


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this class alone
    errors = [
        {
            "field": ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0]),
            "in": fault["loc"][0],
            "message": fault["msg"],
        }
        for fault in error.errors()
    ]
    names = ", ".join(str(fault["field"]) for fault in errors)
    return _answer(
        request, ProblemError(Code.INVALID_REQUEST, f"not as it should be: {names}", errors=errors)
    )


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  registered for this class alone
    code = _BY_STATUS.get(error.status_code)
    if code is None:
        return Response(status_code=error.status_code, headers=error.headers)
    phrase = HTTPStatus(error.status_code).phrase
    detail = f"{request.method} {request.url.path}: {phrase.lower()}"
    if request.url.path.startswith("/v1/v1/"):
        detail += "; it has /v1 twice, so leave it out of the server's address"
    headers = dict(error.headers or {})
    if code is Code.METHOD_NOT_ALLOWED:
        # The page's files, which no route is, can only be read.
        headers["Allow"] = ", ".join(sorted(_methods(request) or {"GET", "HEAD"}))
    return _answer(request, ProblemError(code, detail, headers=headers))


def _methods(request: Request) -> set[str]:
    """Return what an address takes: the router itself names only its first route's methods."""
    routes = [route for route in request.app.router.routes if not isinstance(route, Mount)]
    return {
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    }


def _answer(request: Request, problem: ProblemError) -> Response:
    request_id = request.scope.get("state", {}).get("request_id", "")
    return response_of(problem, path=request.url.path, request_id=request_id)
