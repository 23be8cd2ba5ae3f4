"""/v1/reviews: how fast reports are signed, what became of their drafts, and what a shadow made of them."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from api.auth import MayRead
from api.backend import Backend, BackendDep
from api.bodies.answers import problems
from api.bodies.review import ReviewSummaries, review_summaries
from api.bodies.writer_pair import WriterPairs, writer_pairs
from api.results import NDJSON, in_pieces
from api.signed_reports import ndjson_lines
from shared.domain.studies import StudyId, TenantId
from shared.records import shadow_reports, signed_reports
from shared.records.signed_reports import SignedReport

AT_ONCE: Final = 50
"""Reports that are read in one transaction; each comes with its texts and its findings."""
_EXPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {NDJSON: {"schema": {"type": "string"}}}},
    **problems(),
}

router = APIRouter(prefix="/v1/reviews", tags=["reviews"])


@router.get("/summary", responses=problems(), summary="Summarise how reports are reviewed")
def get_summary(backend: BackendDep, caller: MayRead) -> ReviewSummaries:
    """Return a line for each classifier and writer: of all reports that are signed and not withdrawn."""
    with backend.database.session() as session:
        return review_summaries(signed_reports.summary(session, tenant_id=caller.sees))


@router.get("/writers", responses=problems(), summary="Compare a shadow writer with the first")
def get_writers(backend: BackendDep, caller: MayRead) -> WriterPairs:
    """Return counts for each two writers of the same studies; the shadow's texts are shown to nobody."""
    with backend.database.session() as session:
        return writer_pairs(shadow_reports.pairs(session, tenant_id=caller.sees))


@router.get("/export", response_class=Response, responses=_EXPORT, summary="Export signed reports")
def get_export(backend: BackendDep, caller: MayRead) -> Response:
    """Stream each report that is signed and not withdrawn beside its draft, a JSON object a line.

    It holds no name and no id of a patient but what somebody wrote into a text.
    """
    lines = ndjson_lines(_signed(backend, caller.sees))
    headers = {"Content-Disposition": 'attachment; filename="reviews.ndjson"'}
    return StreamingResponse(in_pieces(lines), headers=headers, media_type=NDJSON)


def _signed(backend: Backend, tenant_id: TenantId | None) -> Iterator[SignedReport]:
    """Read the reports in chunks, each in a short transaction, so that a slow reader holds none open."""
    after: StudyId | None = None
    while True:
        with backend.database.session() as session:
            chunk = signed_reports.after(session, after, tenant_id=tenant_id, limit=AT_ONCE)
        if not chunk:
            return
        yield from chunk
        after = chunk[-1].study_id
