"""…/report: the report in any of its formats, where a study's way ends, and each of its versions."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, MayRead
from api.backend import Backend, BackendDep
from api.bodies.answers import LATER, VERSION, problems
from api.bodies.report import ReportBody
from api.documents import (
    FORMS,
    JSON,
    Form,
    content_of,
    form_named,
    stored,
)
from api.kept import RETRY_AFTER
from api.negotiation import choose, same
from api.polling import StudyPath, view_of
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from api.tags import report_tag
from shared.documents import StoredReport
from shared.domain.studies import StudyId, StudyStatus
from shared.errors import NotPossibleError
from shared.records import reports
from shared.records.reading import StudyRecord
from shared.rendering import html

HTML_POLICY: Final = f"default-src 'none'; style-src {html.STYLE_HASH}; frame-ancestors 'self'; sandbox"
_HEADERS: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
_CONTENT: Final[dict[str, Any]] = {
    form.media_type: {"schema": {"type": "string"}} for form in FORMS.values() if form is not JSON
}

_Wanted = Annotated[
    str | None, Query(alias="format", description=f"One of {', '.join(FORMS)}; else what Accept names.")
]
_Accept = Annotated[str | None, Header(include_in_schema=False)]

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.get(
    "/{study_id}/report",
    response_model=ReportBody,
    responses={
        200: {"content": _CONTENT, "headers": VERSION},
        202: {"description": "Not written yet.", "headers": LATER},
        304: {"description": "The report is still as `If-None-Match` says."},
        **problems(404, 406, 409, 410, 422),
    },
    summary="Read the report",
)
async def get_report(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayRead,
    wanted: _Wanted = None,
    accept: _Accept = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the report as it stands, in the format that is asked for.

    That is the newest version that a person signed, else the newest of all.
    """
    form = form_named(wanted) if wanted is not None else _accepted(accept)
    found = await run_in_threadpool(_find, backend, study_id, caller)
    if isinstance(found, Response):
        return found
    return await _answer(backend, found, form, if_none_match)


@router.get(
    "/{study_id}/report/versions/{version}",
    response_model=ReportBody,
    responses={
        200: {"content": _CONTENT, "headers": VERSION},
        304: {"description": "It is still as `If-None-Match` says."},
        **problems(404, 406, 409, 410, 422),
    },
    summary="Read a version of the report",
)
async def get_version(
    study_id: StudyPath,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    backend: BackendDep,
    caller: MayRead,
    wanted: _Wanted = None,
    accept: _Accept = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return one version of the report, be it the report still or not, in the format that is asked for."""
    form = form_named(wanted) if wanted is not None else _accepted(accept)
    found = await run_in_threadpool(_find_version, backend, study_id, caller, version)
    return await _answer(backend, found, form, if_none_match)


async def _answer(backend: Backend, found: StoredReport, form: Form, if_none_match: str | None) -> Response:
    etag = report_tag(found.history, form.name)
    headers = {"ETag": etag, **_HEADERS}
    if same(if_none_match, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    try:
        content = await content_of(backend, form, found)
    except NotPossibleError as error:
        others = [name for name in FORMS if name != form.name]
        raise ProblemError(Code.FORMAT_NOT_POSSIBLE, str(error), formats=others) from error
    return Response(content, headers=headers | _file_headers(form, found), media_type=form.media_type)


def _find(backend: Backend, study_id: UUID, caller: Caller) -> StoredReport | Response:
    view = view_of(backend, study_id, caller)
    with backend.database.session() as session:
        report = reports.in_force(session, StudyId(study_id))
        return _without_report(view.study) if report is None else stored(session, view, report)


def _find_version(backend: Backend, study_id: UUID, caller: Caller, number: int) -> StoredReport:
    view = view_of(backend, study_id, caller)
    with backend.database.session() as session:
        report = reports.version(session, StudyId(study_id), number)
        if report is None:
            raise not_found(Noun.VERSION)
        return stored(session, view, report)


def _accepted(accept: str | None) -> Form:
    offered = {form.media_type: form for form in FORMS.values() if form.by_accept}
    media_type = choose(accept, list(offered))
    if media_type is None:
        message = "the report does not come in any format that Accept names; `?format=` takes one by its name"
        raise ProblemError(Code.NOT_ACCEPTABLE, message, formats=list(offered))
    return offered[media_type]


def _file_headers(form: Form, found: StoredReport) -> dict[str, str]:
    if form.media_type == html.MEDIA_TYPE:
        return {"Content-Security-Policy": HTML_POLICY}
    name = f"report-{found.view.study.id}.{form.extension}"
    return {"Content-Disposition": f'inline; filename="{name}"'}


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
