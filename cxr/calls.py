"""Every request of the API as a value: pure, used by the sync and the async client alike.

A `Call` (call.py) says what to send and how to read the answer; several of them make a conversation
(conversations.py). Those of persons who read reports are in review_calls.py.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from urllib.parse import quote
from uuid import uuid4

import httpx

from cxr import models
from cxr.call import (
    Call,
    as_utf8,
    id_in_address,
    once_ready,
    read_as,
    read_content,
    read_items,
    read_nothing,
)
from cxr.errors import ForeignAnswerError, NotReadyError, ProblemError
from cxr.inputs import OrderFields, Upload, uploads
from cxr.report_formats import KINDS, ReportFormat

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
        "path": as_utf8(path) if path else None,
        "mixed": "true" if mixed else None,
        "open": "true" if opened else None,
        "expected_images": str(expected_images) if expected_images is not None else None,
        "close_after": str(close_after) if close_after is not None else None,
    }
    headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
    return Call(
        "POST",
        "/v1/studies",
        read_as(models.Study),
        headers=headers,
        fields={name: value for name, value in fields.items() if value is not None},
        files=() if opened and files is None else uploads(files),
    )


def add_images(study_id: str, files: Upload | Sequence[Upload]) -> Call[models.Study]:
    """Add images to an open study; what it has is not added again."""
    path = f"{_study(study_id)}/images"
    return Call("POST", path, read_as(models.Study), files=uploads(files), idempotent=True)


def close_study(study_id: str) -> Call[models.Study]:
    """Close an open study; one that is closed stays as it is."""
    return Call("POST", f"{_study(study_id)}/close", read_as(models.Study), idempotent=True)


def study(study_id: str, *, wait: float | None = None) -> Call[models.Study]:
    """Ask where a study stands; with `wait`, answer when it is final or the seconds are over."""
    seconds = min(wait or 0, LONGEST_WAIT)
    params = {"wait": f"{seconds:g}"} if seconds else {}
    return Call("GET", _study(study_id), read_as(models.Study), params=params, wait=seconds)


def studies_page(
    cursor: str | None, *, limit: int, critical: bool | None = None, **filters: str | None
) -> Call[models.StudyPage]:
    """Ask for one page of the list."""
    flag = None if critical is None else str(critical).lower()
    params = {"limit": str(limit), "cursor": cursor, "critical": flag, **filters}
    return Call(
        "GET",
        "/v1/studies",
        read_as(models.StudyPage),
        params={name: value for name, value in params.items() if value is not None},
    )


def findings(study_id: str) -> Call[models.Findings | NotReadyError]:
    """Ask for the findings."""
    return Call("GET", f"{_study(study_id)}/findings", once_ready(models.Findings.model_validate_json))


def similar(study_id: str, *, limit: int) -> Call[models.SimilarStudies | NotReadyError]:
    """Ask for the studies that look like one."""
    path, read = f"{_study(study_id)}/similar", once_ready(models.SimilarStudies.model_validate_json)
    return Call("GET", path, read, params={"limit": str(limit)})


def report(study_id: str) -> Call[models.Report | NotReadyError]:
    """Ask for the report."""
    return Call(
        "GET",
        f"{_study(study_id)}/report",
        once_ready(models.Report.model_validate_json),
        headers={"Accept": MEDIA_TYPES["json"]},
    )


def report_as(study_id: str, form: TextFormat) -> Call[str | NotReadyError]:
    """Ask for the report, written out."""
    return Call(
        "GET",
        f"{_study(study_id)}/report",
        once_ready(bytes.decode),
        headers={"Accept": MEDIA_TYPES[form]},
    )


def report_file(study_id: str, form: ReportFormat) -> Call[bytes | NotReadyError]:
    """Ask for the report in any format."""
    return Call(
        "GET",
        f"{_study(study_id)}/report",
        once_ready(lambda content: content),
        params={"format": form},
        headers={"Accept": KINDS[form].media_type},
    )


def retry(study_id: str) -> Call[models.Study]:
    """Start a failed study again."""
    return Call("POST", f"{_study(study_id)}/retry", read_as(models.Study))


def cancel(study_id: str) -> Call[models.Study]:
    """Cancel a study that is not at its end, and keep it."""
    return Call("POST", f"{_study(study_id)}/cancel", read_as(models.Study))


def preview(study_id: str, index: int) -> Call[bytes]:
    """Ask for an image as the classifier saw it."""
    return Call("GET", f"{_study(study_id)}/images/{index}/preview.png", read_content, headers=_PNG)


def heatmap(study_id: str, label: str, index: int) -> Call[bytes]:
    """Ask for what moved the model to a label."""
    return Call(
        "GET",
        f"{_study(study_id)}/images/{index}/heatmaps/{quote(label, safe='')}.png",
        read_content,
        headers=_PNG,
    )


def original(study_id: str, index: int) -> Call[bytes]:
    """Ask for an image's file as it was sent."""
    return Call("GET", f"{_study(study_id)}/images/{index}/original", read_content)


def delete(study_id: str) -> Call[None]:
    """Cancel and erase a study; one that is erased already is no error."""
    return Call("DELETE", _study(study_id), read_nothing)


def create_batch(name: str | None) -> Call[models.Batch]:
    """Open a batch."""
    return Call("POST", "/v1/batches", read_as(models.Batch), json={"name": as_utf8(name) if name else None})


def batch(batch_id: str) -> Call[models.Batch]:
    """Ask how far a batch is."""
    return Call("GET", _batch(batch_id), read_as(models.Batch))


def batches_page(cursor: str | None, *, limit: int) -> Call[models.BatchPage]:
    """Ask for one page of the batches."""
    params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
    return Call("GET", "/v1/batches", read_as(models.BatchPage), params=params)


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
    return Call("POST", f"{_batch(batch_id)}/cancel", read_as(models.Batch))


def batch_reports(batch_id: str, form: ReportFormat) -> Call[None]:
    """Ask for the reports in one zip; the answer is read as a stream, not by the call."""
    accept = {"Accept": "application/zip"}
    return Call("GET", f"{_batch(batch_id)}/reports", read_nothing, params={"format": form}, headers=accept)


def batch_results(batch_id: str, form: ResultFormat) -> Call[None]:
    """Ask for the results; the answer is read as a stream, not by the call."""
    return Call("GET", f"{_batch(batch_id)}/results", read_nothing, headers={"Accept": MEDIA_TYPES[form]})


def events(study_id: str, *, after: str | None) -> Call[None]:
    """Ask for the event stream; it is read as a stream, not by the call."""
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
    return Call("GET", f"{_study(study_id)}/events", read_nothing, headers=headers, wait=60)


def create_key(name: str, scopes: Sequence[str], *, tenant: str | None = None) -> Call[models.Key]:
    """Make an API key."""
    wanted = {"name": name, "scopes": list(scopes), **({"tenant": tenant} if tenant else {})}
    return Call("POST", "/v1/keys", read_as(models.Key), json=wanted)


def keys() -> Call[list[models.Key]]:
    """List the API keys."""
    return Call("GET", "/v1/keys", read_items(models.Key))


def revoke_key(key_id: str) -> Call[None]:
    """Revoke an API key."""
    return Call("DELETE", f"/v1/keys/{id_in_address(key_id)}", read_nothing)


def tenants() -> Call[list[models.Tenant]]:
    """List the tenants."""
    return Call("GET", "/v1/tenants", read_items(models.Tenant))


def rename_tenant(tenant_id: str, name: str) -> Call[models.Tenant]:
    """Give a tenant another name."""
    return Call(
        "PATCH", f"/v1/tenants/{id_in_address(tenant_id)}", read_as(models.Tenant), json={"name": name}
    )


def retention(tenant_id: str) -> Call[models.Retention]:
    """Ask how long a tenant's studies are kept."""
    return Call("GET", f"/v1/tenants/{id_in_address(tenant_id)}/retention", read_as(models.Retention))


def set_retention(tenant_id: str, days: Mapping[str, int | None], *, dry_run: bool) -> Call[models.Retention]:
    """Say how long a tenant's studies are kept, or ask what that would erase."""
    return Call(
        "PUT",
        f"/v1/tenants/{id_in_address(tenant_id)}/retention",
        read_as(models.Retention),
        params={"dry_run": "true"} if dry_run else {},
        json=dict(days),
    )


def erase_patient(
    patient_id: str, *, issuer: str | None, tenant_id: str | None, dry_run: bool
) -> Call[models.Erasure]:
    """Erase a patient's studies, or count them."""
    named = {"issuer": issuer, "tenant_id": tenant_id}
    wanted = {name: value for name, value in named.items() if value is not None}
    body = {"patient_id": patient_id, "dry_run": dry_run, **wanted}
    # Done twice it erases no more than once.
    return Call("POST", "/v1/patients/erase", read_as(models.Erasure), json=body, idempotent=True)


def add_dicom_peer(wanted: Mapping[str, object]) -> Call[models.DicomPeer]:
    """Let a DICOM peer be known."""
    return Call("POST", "/v1/dicom-peers", read_as(models.DicomPeer), json=dict(wanted))


def dicom_peers() -> Call[list[models.DicomPeer]]:
    """List the DICOM peers."""
    return Call("GET", "/v1/dicom-peers", read_items(models.DicomPeer))


def remove_dicom_peer(peer_id: str) -> Call[None]:
    """Remove a DICOM peer."""
    return Call("DELETE", f"/v1/dicom-peers/{id_in_address(peer_id)}", read_nothing)


def info() -> Call[models.Info]:
    """Ask what the server is."""
    return Call("GET", "/v1/info", read_as(models.Info))


def _study(study_id: str) -> str:
    return f"/v1/studies/{id_in_address(study_id)}"


def _batch(batch_id: str) -> str:
    return f"/v1/batches/{id_in_address(batch_id)}"


def is_gone(error: ProblemError) -> bool:
    """Tell whether the study was erased before."""
    return error.status == httpx.codes.GONE
