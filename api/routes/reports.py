"""…/report: the report as JSON, text or HTML, where a study's way ends, and a person's version of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Response

from api.auth import MayRead, MayWrite
from api.backend import BackendDep
from api.bodies.answers import LATER, VERSION, problems
from api.bodies.finding import best_rows, name_of
from api.bodies.report import NewVersion, ReportBody, report_body, warnings_of
from api.negotiation import choose, same
from api.polling import RETRY_AFTER, StudyPath, study_of, view_of
from api.problems import Code, ProblemError
from shared.domain.findings import ModelVersion, ViewPosition, ViewSource
from shared.domain.reports import EditedReport, Grade, Person, ReportSections, Section
from shared.domain.studies import StudyId, StudyStatus
from shared.errors import ConflictError
from shared.records import analyses, findings, reading, reports
from shared.records.database import Session
from shared.records.findings import FindingRecord
from shared.records.reading import StudyRecord, StudyView
from shared.records.reports import ReportRecord
from shared.rendering import html, text
from shared.rendering.document import FindingLine, ImageLine, ReportDocument
from shared.reporting import warnings
from shared.reporting.comparison import Comparison, Statement
from shared.reporting.edits import edited
from shared.reporting.request import request_of

JSON: Final = "application/json"
RENDERERS: Final[dict[str, Callable[[ReportDocument], bytes]]] = {
    text.MEDIA_TYPE: text.render,
    html.MEDIA_TYPE: html.render,
}
FORMATS: Final = (JSON, *RENDERERS)

_HTML_POLICY: Final = f"default-src 'none'; style-src {html.STYLE_HASH}; frame-ancestors 'self'; sandbox"
_HEADERS: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
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
        written_from = _written_from(session, report) if report else None
    if report is None or written_from is None:
        return _without_report(view.study)
    etag = _etag(report.version, media_type)
    headers = {"ETag": etag, **_HEADERS}
    if same(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    model, rows = written_from
    if media_type == JSON:
        return Response(report_body(view, report, rows).model_dump_json(), headers=headers, media_type=JSON)
    if media_type == html.MEDIA_TYPE:
        headers["Content-Security-Policy"] = _HTML_POLICY
    content = RENDERERS[media_type](document_of(view, report, model, rows))
    return Response(content, headers=headers, media_type=media_type)


@router.put(
    "/{study_id}/report",
    response_model=ReportBody,
    responses={200: {"headers": VERSION}, **problems(400, 404, 409, 410, 412, 413, 415, 422, 428)},
    summary="Change the report",
)
def put_report(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayWrite,
    wanted: NewVersion,
    if_match: Annotated[str | None, Header(description="The `ETag` of the version that is changed.")] = None,
) -> Response:
    """Add the version that a person made of the newest; its sentences are graded, and none is refused."""
    if if_match is None or if_match.strip() == "*":
        message = "If-Match does not name a version: only who read the newest one may change it"
        raise ProblemError(Code.VERSION_REQUIRED, message)
    this = StudyId(study_id)
    with backend.database.session() as session:
        study = study_of(session, study_id, caller)
        earlier = reports.newest(session, this)
        if earlier is None:
            raise ProblemError(Code.NO_REPORT, f"the study is {study.status} and has no report to change")
        # A tag names the version, in whatever format it was read, and though a proxy weakened it.
        if not any(same(if_match, _etag(earlier.version, media_type)) for media_type in FORMATS):
            message = f"If-Match names another version than {earlier.version}, which is the newest"
            raise ConflictError(message)
        rows = findings.records_of(session, earlier.analysis_id)
        report = _changed(session, earlier, rows, wanted)
        reports.add_version(session, this, report, made_from=earlier.version, actor=caller.actor)
        newest = reports.newest(session, this)
    assert newest is not None  # noqa: S101  it was added above
    headers = {"ETag": _etag(newest.version, JSON), **_HEADERS}
    body = report_body(view_of(backend, study_id, caller), newest, rows)
    return Response(body.model_dump_json(), headers=headers, media_type=JSON)


def _changed(
    session: Session, earlier: ReportRecord, rows: Sequence[FindingRecord], wanted: NewVersion
) -> EditedReport:
    images = reading.images(session, earlier.study_id)
    analysis = analyses.find(session, earlier.analysis_id)
    request = request_of(
        images,
        [[row.finding for row in rows]],
        language=earlier.language,
        seed="",
        critical=analysis.critical if analysis else (),
    )
    statements = tuple(
        Statement(sentence.text, sentence.labels)
        for sentence in earlier.sentences
        if sentence.section is Section.COMPARISON and sentence.grade is Grade.SUPPORTED
    )
    return edited(
        ReportSections(
            technique=wanted.sections.technique,
            comparison=earlier.comparison
            if wanted.sections.comparison is None
            else wanted.sections.comparison,
            findings=wanted.sections.findings,
            impression=wanted.sections.impression,
        ),
        Person(wanted.author.name),
        replace(request, comparison=Comparison(statements)),
        warnings=warnings.of_study(images, earlier.language),
        earlier=earlier.warnings,
    )


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
        sections=report.sections,
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
        author=report.author,
        made_from=report.made_from,
        fallback=bool(report.fallback),
        patient=view.order.patient,
        study_date=view.order.study_date,
        indication=report.indication,
    )


def _etag(version: int, media_type: str) -> str:
    return f'"{version}-{media_type.rpartition("/")[2]}"'


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
