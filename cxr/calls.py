"""Every request of the API as a value: pure, used by the sync and the async client alike.

A `Call` says what to send and how to read the answer; several of them make a conversation (conversations.py).
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, Generic, Literal, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel

from cxr import models
from cxr.errors import ForeignAnswerError, InputError, NotReadyError, ProblemError
from cxr.inputs import Opener, OrderFields, Upload, uploads
from cxr.report_formats import KINDS, ReportFormat

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

TextFormat = Literal["text", "html"]
ResultFormat = Literal["csv", "ndjson"]

MEDIA_TYPES: Final[dict[str, str]] = {
    "json": "application/json",
    "text": "text/plain",
    "html": "text/html",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
}
_PNG: Final = {"Accept": "image/png"}
LONGEST_WAIT: Final = 20.0
"""Seconds that one long poll waits; many of them make a longer wait."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how its answer is read."""

    method: str
    path: str
    parse: Callable[[httpx.Response], T]
    params: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    files: Sequence[tuple[str, Opener]] = ()
    json: Any = None
    wait: float = 0
    """Seconds that the server may take because we asked it to wait."""
    idempotent: bool = False
    """Of a POST that needs no key for it."""

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method != "POST" or self.idempotent or "Idempotency-Key" in self.headers

    def body(self, opened: ExitStack) -> dict[str, Any]:
        """Return what httpx makes the body of, for one attempt."""
        if self.fields and not self.files:
            # httpx writes a form in parts only for what is given to it as files.
            return {"files": [(name, (None, value)) for name, value in self.fields.items()]}
        return {"data": self.fields or None, "files": self.open_files(opened), "json": self.json}

    def open_files(self, opened: ExitStack) -> list[tuple[str, tuple[str, BinaryIO]]] | None:
        """Open what is uploaded, for one attempt; httpx streams it from disk."""
        if not self.files:
            return None
        parts = []
        for name, opener in self.files:
            parts.append(("files", (_utf8(name), opened.enter_context(opener()))))
        return parts


def submit(
    files: Upload | Sequence[Upload] | None,
    *,
    priority: str | None = None,
    indication: str | None = None,
    language: str | None = None,
    patient_id: str | None = None,
    order: OrderFields | None = None,
    batch_id: str | None = None,
    path: str | None = None,
    mixed: bool = False,
    idempotency_key: str | None = None,
    opened: bool = False,
    expected_images: int | None = None,
    close_after: float | None = None,
) -> Call[models.Study]:
    """Send a study; one that is `opened` may have no files yet."""
    fields = {
        "priority": priority,
        "indication": indication,
        "language": language,
        "patient_id": patient_id,
        **{name: str(value) for name, value in (order or {}).items() if value is not None},
        "batch_id": batch_id,
        "path": _utf8(path) if path else None,
        "mixed": "true" if mixed else None,
        "open": "true" if opened else None,
        "expected_images": str(expected_images) if expected_images is not None else None,
        "close_after": str(close_after) if close_after is not None else None,
    }
    headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
    return Call(
        "POST",
        "/v1/studies",
        _model(models.Study),
        headers=headers,
        fields={name: value for name, value in fields.items() if value is not None},
        files=() if opened and files is None else uploads(files),
    )


def add_images(study_id: str, files: Upload | Sequence[Upload]) -> Call[models.Study]:
    """Add images to an open study; what it has is not added again."""
    path = f"{_study(study_id)}/images"
    return Call("POST", path, _model(models.Study), files=uploads(files), idempotent=True)


def close_study(study_id: str) -> Call[models.Study]:
    """Close an open study; one that is closed stays as it is."""
    return Call("POST", f"{_study(study_id)}/close", _model(models.Study), idempotent=True)


def study(study_id: str, *, wait: float | None = None) -> Call[models.Study]:
    """Ask where a study stands; with `wait`, answer when it is final or the seconds are over."""
    seconds = min(wait or 0, LONGEST_WAIT)
    params = {"wait": f"{seconds:g}"} if seconds else {}
    return Call("GET", _study(study_id), _model(models.Study), params=params, wait=seconds)


def studies_page(
    cursor: str | None, *, limit: int, critical: bool | None = None, **filters: str | None
) -> Call[models.StudyPage]:
    """Ask for one page of the list."""
    flag = None if critical is None else str(critical).lower()
    params = {"limit": str(limit), "cursor": cursor, "critical": flag, **filters}
    return Call(
        "GET",
        "/v1/studies",
        _model(models.StudyPage),
        params={name: value for name, value in params.items() if value is not None},
    )


def findings(study_id: str) -> Call[models.Findings | NotReadyError]:
    """Ask for the findings."""
    return Call("GET", f"{_study(study_id)}/findings", _ready(models.Findings.model_validate_json))


def report(study_id: str) -> Call[models.Report | NotReadyError]:
    """Ask for the report."""
    return Call(
        "GET",
        f"{_study(study_id)}/report",
        _ready(models.Report.model_validate_json),
        headers={"Accept": MEDIA_TYPES["json"]},
    )


def report_as(study_id: str, form: TextFormat) -> Call[str | NotReadyError]:
    """Ask for the report, written out."""
    return Call(
        "GET",
        f"{_study(study_id)}/report",
        _ready(bytes.decode),
        headers={"Accept": MEDIA_TYPES[form]},
    )


def report_file(study_id: str, form: ReportFormat) -> Call[bytes | NotReadyError]:
    """Ask for the report in any format."""
    return Call(
        "GET",
        f"{_study(study_id)}/report",
        _ready(lambda content: content),
        params={"format": form},
        headers={"Accept": KINDS[form].media_type},
    )


def retry(study_id: str) -> Call[models.Study]:
    """Start a failed study again."""
    return Call("POST", f"{_study(study_id)}/retry", _model(models.Study))


def cancel(study_id: str) -> Call[models.Study]:
    """Cancel a study that is not at its end, and keep it."""
    return Call("POST", f"{_study(study_id)}/cancel", _model(models.Study))


def preview(study_id: str, index: int) -> Call[bytes]:
    """Ask for an image as the classifier saw it."""
    return Call("GET", f"{_study(study_id)}/images/{index}/preview.png", _content, headers=_PNG)


def heatmap(study_id: str, label: str, index: int) -> Call[bytes]:
    """Ask for what moved the model to a label."""
    return Call(
        "GET",
        f"{_study(study_id)}/images/{index}/heatmaps/{quote(label, safe='')}.png",
        _content,
        headers=_PNG,
    )


def original(study_id: str, index: int) -> Call[bytes]:
    """Ask for an image's file as it was sent."""
    return Call("GET", f"{_study(study_id)}/images/{index}/original", _content)


def delete(study_id: str) -> Call[None]:
    """Cancel and erase a study; one that is erased already is no error."""
    return Call("DELETE", _study(study_id), _nothing)


def create_batch(name: str | None) -> Call[models.Batch]:
    """Open a batch."""
    return Call("POST", "/v1/batches", _model(models.Batch), json={"name": _utf8(name) if name else None})


def batch(batch_id: str) -> Call[models.Batch]:
    """Ask how far a batch is."""
    return Call("GET", _batch(batch_id), _model(models.Batch))


def batches_page(cursor: str | None, *, limit: int) -> Call[models.BatchPage]:
    """Ask for one page of the batches."""
    params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
    return Call("GET", "/v1/batches", _model(models.BatchPage), params=params)


def batch_result(line: str) -> models.BatchResult:
    """Read one line of the results.

    Raises:
        ForeignAnswerError: it is none.
    """
    try:
        return models.BatchResult.model_validate_json(line)
    except ValueError as error:
        message = "the results are not such as CXR Reporter writes; check the address in CXR_URL"
        raise ForeignAnswerError(message) from error


def cancel_batch(batch_id: str) -> Call[models.Batch]:
    """Cancel what is unfinished."""
    return Call("POST", f"{_batch(batch_id)}/cancel", _model(models.Batch))


def batch_reports(batch_id: str, form: ReportFormat) -> Call[None]:
    """Ask for the reports in one zip; the answer is read as a stream, not by the call."""
    accept = {"Accept": "application/zip"}
    return Call("GET", f"{_batch(batch_id)}/reports", _nothing, params={"format": form}, headers=accept)


def batch_results(batch_id: str, form: ResultFormat) -> Call[None]:
    """Ask for the results; the answer is read as a stream, not by the call."""
    return Call("GET", f"{_batch(batch_id)}/results", _nothing, headers={"Accept": MEDIA_TYPES[form]})


def events(study_id: str, *, after: str | None) -> Call[None]:
    """Ask for the event stream; it is read as a stream, not by the call."""
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
    return Call("GET", f"{_study(study_id)}/events", _nothing, headers=headers, wait=60)


def create_key(name: str, scopes: Sequence[str], *, tenant: str | None = None) -> Call[models.Key]:
    """Make an API key."""
    wanted = {"name": name, "scopes": list(scopes), **({"tenant": tenant} if tenant else {})}
    return Call("POST", "/v1/keys", _model(models.Key), json=wanted)


def keys() -> Call[list[models.Key]]:
    """List the API keys."""
    return Call("GET", "/v1/keys", lambda answer: _list(answer, models.Key))


def revoke_key(key_id: str) -> Call[None]:
    """Revoke an API key."""
    return Call("DELETE", f"/v1/keys/{_id(key_id)}", _nothing)


def tenants() -> Call[list[models.Tenant]]:
    """List the tenants."""
    return Call("GET", "/v1/tenants", lambda answer: _list(answer, models.Tenant))


def rename_tenant(tenant_id: str, name: str) -> Call[models.Tenant]:
    """Give a tenant another name."""
    return Call("PATCH", f"/v1/tenants/{_id(tenant_id)}", _model(models.Tenant), json={"name": name})


def info() -> Call[models.Info]:
    """Ask what the server is."""
    return Call("GET", "/v1/info", _model(models.Info))


def _study(study_id: str) -> str:
    return f"/v1/studies/{_id(study_id)}"


def _batch(batch_id: str) -> str:
    return f"/v1/batches/{_id(batch_id)}"


def _id(given: str) -> str:
    """Return an id as addresses have it.

    Raises:
        InputError: it is none.
    """
    try:
        return str(UUID(str(given)))
    except ValueError as error:
        message = (
            f"{str(given)[:80]!r} is no id; one looks like 0199c6a1-5a2e-7c3b-9d1f-2b6a4c8e0f13"
            " and stands in what `submit` returns and in the list of studies"
        )
        raise InputError(message) from error


def _utf8(name: str) -> str:
    """Return a file's name as it can be sent: a byte of it that is not UTF-8 becomes U+FFFD."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _model(model: type[M]) -> Callable[[httpx.Response], M]:
    return lambda answer: model.model_validate_json(answer.content)


def _list(answer: httpx.Response, model: type[M]) -> list[M]:
    return [model.model_validate(item) for item in answer.json()["items"]]


def _ready(read: Callable[[bytes], T]) -> Callable[[httpx.Response], T | NotReadyError]:
    def parse(answer: httpx.Response) -> T | NotReadyError:
        if answer.status_code == httpx.codes.ACCEPTED:
            return NotReadyError(float(answer.headers.get("Retry-After", "1")))
        return read(answer.content)

    return parse


def _content(answer: httpx.Response) -> bytes:
    return answer.content


def _nothing(_answer: httpx.Response) -> None:
    return None


def is_gone(error: ProblemError) -> bool:
    """Tell whether the study was erased before."""
    return error.status == httpx.codes.GONE
