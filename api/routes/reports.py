"""…/report: the report in any of its formats, where a study's way ends, and a person's version of it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, MayRead, MayWrite
from api.backend import Backend, BackendDep
from api.bodies.answers import LATER, VERSION, problems
from api.bodies.report import NewVersion, ReportBody, report_body
from api.documents import (
    FORMS,
    JSON,
    NO_PICTURES,
    PICTURES_SECONDS,
    Form,
    Pictures,
    StoredReport,
    form_named,
    pictures_of,
    stored,
)
from api.negotiation import choose, same
from api.polling import RETRY_AFTER, StudyPath, study_of, view_of
from api.problem_kinds import Code
from api.problems import ProblemError
from shared.domain.reports import EditedReport, Grade, Person, ReportSections, Section
from shared.domain.studies import StudyId, StudyStatus
from shared.errors import ConflictError, NotPossibleError
from shared.records import analyses, findings, reading, reports
from shared.records.database import Session
from shared.records.findings import FindingRecord
from shared.records.reading import StudyRecord
from shared.records.reports import ReportRecord
from shared.rendering import html
from shared.reporting import warnings
from shared.reporting.comparison import Comparison, Statement
from shared.reporting.edits import edited
from shared.reporting.request import request_of

_HTML_POLICY: Final = f"default-src 'none'; style-src {html.STYLE_HASH}; frame-ancestors 'self'; sandbox"
_HEADERS: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
_CONTENT: Final[dict[str, Any]] = {
    form.media_type: {"schema": {"type": "string"}} for form in FORMS.values() if form is not JSON
}

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
async def get_report(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayRead,
    wanted: Annotated[
        str | None, Query(alias="format", description=f"One of {', '.join(FORMS)}; else what Accept names.")
    ] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the newest version of the report, in the format that is asked for."""
    form = form_named(wanted) if wanted is not None else _accepted(accept)
    found = await run_in_threadpool(_find, backend, study_id, caller)
    if isinstance(found, Response):
        return found
    etag = _etag(found.report.version, form.name)
    headers = {"ETag": etag, **_HEADERS}
    if same(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    pictures = await _pictures(backend, found) if form.pictures else NO_PICTURES
    content = await run_in_threadpool(_written, form, found, pictures)
    return Response(content, headers=headers | _file_headers(form, study_id), media_type=form.media_type)


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
        if not any(same(if_match, _etag(earlier.version, name)) for name in FORMS):
            message = f"If-Match names another version than {earlier.version}, which is the newest"
            raise ConflictError(message)
        rows = findings.records_of(session, earlier.analysis_id)
        report = _changed(session, earlier, rows, wanted)
        reports.add_version(session, this, report, made_from=earlier.version, actor=caller.actor)
        newest = reports.newest(session, this)
    assert newest is not None  # noqa: S101  it was added above
    headers = {"ETag": _etag(newest.version, JSON.name), **_HEADERS}
    body = report_body(view_of(backend, study_id, caller), newest, rows)
    return Response(body.model_dump_json(), headers=headers, media_type=JSON.media_type)


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


def _find(backend: Backend, study_id: UUID, caller: Caller) -> StoredReport | Response:
    view = view_of(backend, study_id, caller)
    with backend.database.session() as session:
        report = reports.newest(session, StudyId(study_id))
        return _without_report(view.study) if report is None else stored(session, view, report)


def _accepted(accept: str | None) -> Form:
    offered = {form.media_type: form for form in FORMS.values() if form.by_accept}
    media_type = choose(accept, list(offered))
    if media_type is None:
        message = "the report does not come in any format that Accept names; `?format=` takes one by its name"
        raise ProblemError(Code.NOT_ACCEPTABLE, message, formats=list(offered))
    return offered[media_type]


async def _pictures(backend: Backend, found: StoredReport) -> Pictures:
    read = partial(pictures_of, backend.storage, found)
    return await backend.reading.run(read, seconds=PICTURES_SECONDS)


def _written(form: Form, found: StoredReport, pictures: Pictures) -> bytes:
    try:
        return form.write(found, pictures)
    except NotPossibleError as error:
        raise ProblemError(Code.FORMAT_NOT_POSSIBLE, str(error), formats=list(FORMS)) from error


def _file_headers(form: Form, study_id: UUID) -> dict[str, str]:
    if form.media_type == html.MEDIA_TYPE:
        return {"Content-Security-Policy": _HTML_POLICY}
    return {"Content-Disposition": f'inline; filename="report-{study_id}.{form.extension}"'}


def _etag(version: int, format_name: str) -> str:
    return f'"{version}-{format_name}"'


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
