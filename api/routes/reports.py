"""GET …/report: the verified report, as JSON, text or HTML; where a study's way through the system ends."""

from collections.abc import Callable, Sequence
from datetime import UTC
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Response

from api.auth import MayRead
from api.backend import BackendDep
from api.bodies.answers import LATER, VERSION, problems
from api.bodies.finding import best_rows, name_of
from api.bodies.report import ReportBody, report_body, warnings_of
from api.negotiation import choose, same
from api.polling import RETRY_AFTER, StudyPath, view_of
from api.problems import Code, ProblemError
from shared.domain import (
    ModelVersion,
    ReportSections,
    StudyId,
    StudyStatus,
    ViewPosition,
    ViewSource,
    WriterVersion,
)
from shared.records import analyses, findings, reports
from shared.records.database import Session
from shared.records.findings import FindingRecord
from shared.records.reading import StudyRecord, StudyView
from shared.records.reports import ReportRecord
from shared.rendering import html, text
from shared.rendering.document import FindingLine, ImageLine, ReportDocument

JSON: Final = "application/json"
RENDERERS: Final[dict[str, Callable[[ReportDocument], bytes]]] = {
    text.MEDIA_TYPE: text.render,
    html.MEDIA_TYPE: html.render,
}
FORMATS: Final = (JSON, *RENDERERS)

_HTML_POLICY: Final = f"default-src 'none'; style-src {html.STYLE_HASH}; frame-ancestors 'self'; sandbox"
_CONTENT: Final[dict[str, Any]] = {media_type: {"schema": {"type": "string"}} for media_type in RENDERERS}

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.get(
    "/{study_id}/report",
    response_model=ReportBody,
    responses={
        200: {"content": _CONTENT, "headers": VERSION},
        202: {"description": "Not written yet.", "headers": LATER},
        304: {"description": "The version of `If-None-Match` is the newest."},
        **problems(404, 406, 409, 410, 422),
    },
    summary="Read the report",
)
def get_report(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayRead,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the newest version of the report in the format that Accept asks for."""
    media_type = choose(accept, FORMATS)
    if media_type is None:
        message = "the report does not come in any format that Accept names"
        raise ProblemError(Code.NOT_ACCEPTABLE, message, formats=list(FORMATS))
    view = view_of(backend, study_id, caller)
    with backend.database.session() as session:
        report = reports.newest(session, StudyId(study_id))
        written_from = _written_from(session, report) if report and media_type != JSON else None
    if report is None:
        return _without_report(view.study)
    etag = f'"{report.version}-{media_type.rpartition("/")[2]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept"}
    if same(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if written_from is None:
        return Response(report_body(view, report).model_dump_json(), headers=headers, media_type=JSON)
    if media_type == html.MEDIA_TYPE:
        headers["Content-Security-Policy"] = _HTML_POLICY
    content = RENDERERS[media_type](document_of(view, report, *written_from))
    return Response(content, headers=headers, media_type=media_type)


def document_of(
    view: StudyView, report: ReportRecord, model: ModelVersion, rows: Sequence[FindingRecord]
) -> ReportDocument:
    """Gather what a report holds on paper.

    Args:
        rows: the findings that it was written from, which `model` made.
    """
    study = view.study
    return ReportDocument(
        study_id=str(study.id),
        version=report.version,
        status=report.status,
        language=report.language,
        reported_at=report.created_at.astimezone(UTC),
        warnings=warnings_of(view, report),
        sections=ReportSections(report.technique, report.findings, report.impression),
        sentences=report.sentences,
        findings=[
            FindingLine(name_of(row.label, report.language), row.status, row.probability, row.threshold)
            for row in best_rows(rows)
        ],
        images=[
            ImageLine(
                image.index + 1,
                image.view or ViewPosition.UNKNOWN,
                bool(image.used),
                judged=image.view_source is ViewSource.IMAGE,
            )
            for image in view.images
        ],
        model=model,
        writer=WriterVersion(report.writer_id, report.writer_version),
        fallback=report.fallback,
        patient=view.order.patient,
        study_date=view.order.study_date,
        indication=report.indication,
    )


def _written_from(session: Session, report: ReportRecord) -> tuple[ModelVersion, Sequence[FindingRecord]]:
    """Return the model and the findings that a report was written from, though the study was read again."""
    analysis = analyses.find(session, report.analysis_id)
    if analysis is None:
        message = "the study was erased"
        raise ProblemError(Code.ERASED, message)
    return analysis.model, findings.records_of(session, analysis.id)


def _without_report(study: StudyRecord) -> Response:
    if not study.status.is_final:
        return Response(status_code=HTTPStatus.ACCEPTED, headers=RETRY_AFTER)
    reason = study.error_detail if study.status is not StudyStatus.CANCELLED else "it was cancelled"
    message = f"the study is {study.status} and has no report" + (f": {reason}" if reason else "")
    raise ProblemError(
        Code.NO_REPORT,
        message,
        study_status=study.status,
        error_type=study.error_type,
        file=study.error_file,
    )
