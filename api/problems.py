"""What went wrong, as RFC 9457 problem+json: the one place that knows status codes.

Any error of `shared/errors.py`, any HTTP error of the framework and any bug leaves the API through
one of the handlers at the end. The `type` is stable and can be opened: /problems/<code> explains it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match, Mount

from api.metrics import METHODS
from shared.errors import BadInputError, ConflictError, DamagedError, TryAgainError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_OUTAGE: Final = "2"
"""Seconds until a client may ask again after the database or the object store was away."""

log = structlog.get_logger()


class Code(StrEnum):
    """The stable end of a problem's `type`."""

    BAD_INPUT = "bad-input"
    NOT_AN_IMAGE = "not-an-image"
    EMPTY_FILE = "empty-file"
    BROKEN_IMAGE = "broken-image"
    UNSUPPORTED_IMAGE = "unsupported-image"
    UNUSABLE_IMAGE = "unusable-image"
    BAD_CURSOR = "bad-cursor"
    BAD_HEADER = "bad-header"
    BAD_REQUEST = "bad-request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    FOREIGN_PAGE = "foreign-page"
    FOREIGN_USER = "foreign-user"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    NOT_ACCEPTABLE = "not-acceptable"
    NO_FINDINGS = "no-findings"
    NO_REPORT = "no-report"
    NOT_FAILED = "not-failed"
    ALREADY_ENDED = "already-ended"
    BATCH_CLOSED = "batch-closed"
    STUDY_CLOSED = "study-closed"
    NO_IMAGES = "no-images"
    IDEMPOTENCY_KEY_IN_USE = "idempotency-key-in-use"
    REQUEST_TIMEOUT = "request-timeout"
    ERASED = "erased"
    NAME_TAKEN = "name-taken"
    CHANGED_MEANWHILE = "changed-meanwhile"
    VERSION_REQUIRED = "version-required"
    TOO_LARGE = "too-large"
    URI_TOO_LONG = "uri-too-long"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    INVALID_REQUEST = "invalid-request"
    SEVERAL_PATIENTS = "several-patients"
    OTHER_PATIENT = "other-patient"
    IDEMPOTENCY_KEY_REUSED = "idempotency-key-reused"
    TOO_MANY_REQUESTS = "too-many-requests"
    HEADERS_TOO_LARGE = "headers-too-large"
    DAMAGED_ORIGINAL = "damaged-original"
    DAMAGED = "damaged"
    INTERNAL_ERROR = "internal-error"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its status code, its name, and what its reader can do about it."""

    status: int
    title: str
    advice: str


KINDS: Final[dict[Code, Kind]] = {
    Code.BAD_INPUT: Kind(400, "The input cannot be used", "Read `detail`; it says what to change."),
    Code.NOT_AN_IMAGE: Kind(
        400, "Not a radiograph file", "Send the original DICOM, PNG or JPEG, or a zip of them."
    ),
    Code.EMPTY_FILE: Kind(400, "An empty file", "Export the file again; it holds no bytes."),
    Code.BROKEN_IMAGE: Kind(400, "A broken file", "The file is cut off or corrupt: export or copy it again."),
    Code.UNSUPPORTED_IMAGE: Kind(400, "A kind of image that is not read", "`detail` names what is read."),
    Code.UNUSABLE_IMAGE: Kind(400, "An image that says nothing", "Send a chest radiograph."),
    Code.BAD_CURSOR: Kind(400, "Not a cursor of this list", "Use `next_cursor` as it was given, or none."),
    Code.BAD_HEADER: Kind(400, "A header that cannot be read", "`detail` names the header and its form."),
    Code.BAD_REQUEST: Kind(400, "A request that cannot be read", "`detail` says which part of it."),
    Code.UNAUTHORIZED: Kind(
        401, "An API key is needed", "Send `Authorization: Bearer cxr_…` with a live key."
    ),
    Code.FORBIDDEN: Kind(403, "The key may not do this", "Use a key that has the scope named in `scope`."),
    Code.FOREIGN_PAGE: Kind(403, "A request from another site's page", "Call from the server's own page."),
    Code.FOREIGN_USER: Kind(
        403,
        "A request of another user of the machine",
        "Call as the user who started the server, or have it ask for keys (`CXR_API_AUTH=required`).",
    ),
    Code.NOT_FOUND: Kind(404, "No such thing", "Check the id; only the key that made a study sees it."),
    Code.METHOD_NOT_ALLOWED: Kind(405, "Not a method of this address", "The `Allow` header lists them."),
    Code.NOT_ACCEPTABLE: Kind(406, "Not in that format", "Ask for one of `formats`."),
    Code.REQUEST_TIMEOUT: Kind(
        408, "The request came too slowly", "Send it again, over a better line or fewer at once."
    ),
    Code.NO_FINDINGS: Kind(409, "The study has no findings", "`detail` says how the study ended."),
    Code.NO_REPORT: Kind(409, "The study has no report", "`detail` says how the study ended."),
    Code.NOT_FAILED: Kind(409, "The study has not failed", "Only a failed study can be retried."),
    Code.ALREADY_ENDED: Kind(
        409, "The study is at its end", "There is nothing to cancel; DELETE erases a study that has ended."
    ),
    Code.BATCH_CLOSED: Kind(409, "The batch takes no more items", "Open another batch."),
    Code.STUDY_CLOSED: Kind(
        409,
        "The study takes no more images",
        "Send them as another study; `detail` says how far this one is.",
    ),
    Code.NO_IMAGES: Kind(
        409, "The study has no image yet", "Add one before you close it, or cancel the study."
    ),
    Code.IDEMPOTENCY_KEY_IN_USE: Kind(
        409, "A request with this Idempotency-Key is being served", "Ask again after `Retry-After` seconds."
    ),
    Code.NAME_TAKEN: Kind(409, "Another one has that name", "Choose another name."),
    Code.ERASED: Kind(410, "The study was erased", "It is gone for good; only its timeline is kept."),
    Code.CHANGED_MEANWHILE: Kind(
        412,
        "Somebody else changed it first",
        "Read the newest version, apply your change to it, and send that with its `ETag` as `If-Match`.",
    ),
    Code.VERSION_REQUIRED: Kind(
        428, "The version that is changed is not named", "Send the `ETag` of what was read as `If-Match`."
    ),
    Code.TOO_LARGE: Kind(413, "Larger than this server takes", "`detail` names the limit."),
    Code.URI_TOO_LONG: Kind(414, "The address is too long", "`detail` names the limit."),
    Code.UNSUPPORTED_MEDIA_TYPE: Kind(
        415, "Not a body of this kind", "`detail` names the kind that is read."
    ),
    Code.INVALID_REQUEST: Kind(
        422, "A field is missing or wrong", "`errors` names each field and what it wants."
    ),
    Code.SEVERAL_PATIENTS: Kind(
        422,
        "Files of several patients or studies",
        "Send each of `groups` as a study of its own, or add the field `mixed=true` if it is meant.",
    ),
    Code.OTHER_PATIENT: Kind(
        422,
        "Another patient than the files'",
        "Correct `patient_id`, or leave it out, or add the field `mixed=true` if it is meant.",
    ),
    Code.IDEMPOTENCY_KEY_REUSED: Kind(
        422, "The Idempotency-Key belongs to another request", "Use a fresh key for other content."
    ),
    Code.TOO_MANY_REQUESTS: Kind(
        429, "More than one caller may have at once", "Ask again after `Retry-After` seconds."
    ),
    Code.HEADERS_TOO_LARGE: Kind(431, "The headers are too large", "`detail` names the limit."),
    Code.DAMAGED_ORIGINAL: Kind(
        500,
        "The stored original is damaged",
        "Send the same file again: that puts it right. Then retry the study if it has failed.",
    ),
    Code.DAMAGED: Kind(
        500, "A stored picture is damaged", "Send the study's files again: the new study has it anew."
    ),
    Code.INTERNAL_ERROR: Kind(
        500, "A fault of the server", "Report `request_id` to the operator; sending again may help."
    ),
    Code.UNAVAILABLE: Kind(503, "The server cannot work right now", "Ask again after `Retry-After` seconds."),
}
"""Every kind of problem that this API answers with."""

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
    return _answer(request, ProblemError(Code(error.code), str(error)))


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
