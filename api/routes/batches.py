"""Archive work: open a batch, list them, ask how far it is, read its results, cancel it."""

from collections.abc import Iterator
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.concurrency import iterate_in_threadpool, run_in_threadpool
from fastapi.responses import StreamingResponse

from api.auth import Caller, MayRead, MayWrite
from api.backend import Backend, BackendDep
from api.bodies.answers import problems
from api.bodies.batch import Batch, BatchPage, NewBatch, batch_body
from api.documents import FORMS, form_named
from api.negotiation import choose
from api.paging import Page
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from api.report_archive import MOST_REPORTS, archive
from api.results import CSV, NDJSON, csv_lines, in_pieces, ndjson_lines
from shared.domain.studies import BatchId, StudyId
from shared.records import batches
from shared.records.batches import BatchItem, BatchRecord
from shared.records.database import Session

ZIP: Final = "application/zip"
ITEMS_AT_ONCE: Final = 200
"""Items read in one query: a megabyte or two, however long the batch is."""

_RESULTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {media_type: {"schema": {"type": "string"}} for media_type in (CSV, NDJSON)},
        "description": "One line an item, in the order in which they were taken in.",
    },
    **problems(404, 406, 422),
}

_REPORTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}},
    **problems(404, 406, 413, 422),
}

BatchPath = Annotated[UUID, Path(description="A batch's id.", alias="batch_id")]

router = APIRouter(prefix="/v1/batches", tags=["batches"])


class ResultFormat(StrEnum):
    """The formats of results, as the query names them."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """The format's media type."""
        return CSV if self is ResultFormat.CSV else NDJSON


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(400, 413, 415, 422),
    summary="Open a batch",
)
def post_batch(backend: BackendDep, caller: MayWrite, response: Response, wanted: NewBatch) -> Batch:
    """Open a batch; then post its studies with `batch_id`, and an Idempotency-Key each."""
    with backend.database.session() as session:
        row = batches.create(session, tenant_id=caller.tenant_id, name=wanted.name)
        body = batch_body(row, batches.counts(session, row.id))
    response.headers["Location"] = body.links.self
    return body


@router.get("", responses=problems(400, 422), summary="List batches, newest first")
def list_batches(
    backend: BackendDep,
    caller: MayRead,
    page: Page,
) -> BatchPage:
    """Return a page; batches that are opened meanwhile do not shift the pages that follow."""
    with backend.database.session() as session:
        found = batches.page(
            session,
            limit=page.with_next,
            before=BatchId(page.before) if page.before else None,
            tenant_id=caller.sees,
        )
        shown, more = page.cut(found, lambda batch: batch.id)
        counted = batches.counts_of_each(session, [batch.id for batch in shown])
    items = [batch_body(batch, counted[batch.id]) for batch in shown]
    return BatchPage(items=items, next_cursor=more)


@router.get(
    "/{batch_id}",
    responses=problems(404, 422),
    summary="Ask how far a batch is",
)
def get_batch(batch_id: BatchPath, backend: BackendDep, caller: MayRead) -> Batch:
    """Return how many of its items have which status."""
    with backend.database.session() as session:
        row = _batch_of(session, batch_id, caller)
        return batch_body(row, batches.counts(session, BatchId(batch_id)))


@router.post(
    "/{batch_id}/cancel",
    responses=problems(404, 422),
    summary="Cancel a batch",
)
def cancel_batch(batch_id: BatchPath, backend: BackendDep, caller: MayWrite) -> Batch:
    """Cancel every item that is not final, and take no more; results so far are kept."""
    with backend.database.session() as session:
        row = _batch_of(session, batch_id, caller)
        batches.cancel(session, row.id, actor=caller.actor)
        return batch_body(_batch_of(session, batch_id, caller), batches.counts(session, BatchId(batch_id)))


@router.get(
    "/{batch_id}/results", response_class=Response, responses=_RESULTS, summary="Read a batch's results"
)
def get_results(
    batch_id: BatchPath,
    backend: BackendDep,
    caller: MayRead,
    format: ResultFormat | None = None,  # noqa: A002  the name in the URL
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Stream a line for every item, the unfinished and the refused ones too."""
    media_type = format.media_type if format else choose(accept, (CSV, NDJSON))
    if media_type is None:
        message = "results do not come in any format that Accept names"
        raise ProblemError(Code.NOT_ACCEPTABLE, message, formats=[CSV, NDJSON])
    with backend.database.session() as session:
        _batch_of(session, batch_id, caller)
        labels = batches.labels(session, BatchId(batch_id)) if media_type == CSV else ()
    items = _items(backend, BatchId(batch_id))
    lines = csv_lines(items, labels) if media_type == CSV else ndjson_lines(items)
    extension = "csv" if media_type == CSV else "ndjson"
    headers = {
        "Content-Disposition": f'attachment; filename="batch-{batch_id}.{extension}"',
        "Vary": "Accept",
    }
    return StreamingResponse(in_pieces(lines), headers=headers, media_type=media_type)


@router.get(
    "/{batch_id}/reports",
    response_class=Response,
    responses={
        200: {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}},
        **problems(404, 406, 413, 422),
    },
    summary="Read a batch's reports as a zip",
)
async def get_reports(
    batch_id: BatchPath,
    backend: BackendDep,
    caller: MayRead,
    wanted: Annotated[str, Query(alias="format", description=f"One of {', '.join(FORMS)}.")],
) -> Response:
    """Stream the report of every item that has one, named as the item; an index of all items comes last."""
    form = form_named(wanted)
    total = await run_in_threadpool(_count_items, backend, batch_id, caller)
    if total > MOST_REPORTS:
        message = (
            f"the batch has {total} items, and a zip holds {MOST_REPORTS} reports at most:"
            " `cxr batch reports` writes a folder of any size"
        )
        raise ProblemError(Code.TOO_LARGE, message)
    items = iterate_in_threadpool(_items(backend, BatchId(batch_id)))
    headers = {"Content-Disposition": f'attachment; filename="batch-{batch_id}-{form.name}.zip"'}
    return StreamingResponse(archive(backend, items, form), headers=headers, media_type=ZIP)


def _count_items(backend: Backend, batch_id: UUID, caller: Caller) -> int:
    with backend.database.session() as session:
        row = _batch_of(session, batch_id, caller)
        return sum(batches.counts(session, row.id).values())


def _items(backend: Backend, batch_id: BatchId) -> Iterator[BatchItem]:
    """Read the items in chunks, each in a short transaction, so that a slow reader holds none open."""
    after: StudyId | None = None
    while True:
        with backend.database.session() as session:
            chunk = batches.items_after(session, batch_id, after, limit=ITEMS_AT_ONCE)
        if not chunk:
            return
        yield from chunk
        after = chunk[-1].study.id


def _batch_of(session: Session, batch_id: UUID, caller: Caller) -> BatchRecord:
    row = batches.find(session, BatchId(batch_id), tenant_id=caller.sees)
    if row is None:
        raise not_found(Noun.BATCH)
    return row
