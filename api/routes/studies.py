"""POST, GET, list, DELETE and retry of studies: where a study's way through the system begins."""

from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from api import submission, upload
from api.auth import Caller, MayRead, MayWrite
from api.backend import Backend, BackendDep
from api.bodies.answers import LATER, PLACE, VERSION, problems
from api.bodies.image import study_path
from api.bodies.study import Study, StudyPage, for_caller, study_body
from api.bodies.upload import UPLOAD_BODY
from api.kept import RETRY_AFTER, Kept
from api.negotiation import LONGEST_WAIT, preferred_language, preferred_wait, same
from api.paging import Page
from api.polling import StudyPath, kept_of, study_of, view_of
from api.problem_kinds import Code
from api.problems import ProblemError
from api.submission import LONGEST_KEY, PLAIN_LETTERS, Accepted
from shared.domain.reports import Language, ReportStatus
from shared.domain.studies import BatchId, Priority, StudyId, StudyStatus
from shared.errors import TryAgainError
from shared.records import erasure, reading, studies
from shared.records.keys import Scope
from shared.records.moves import Hint
from shared.records.reading import StudyRecord

_ERASING_SECONDS: Final = 5.0
"""That a client waits for the pictures of an erased study to be gone."""

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Study,
    openapi_extra=UPLOAD_BODY,
    responses={
        200: {
            "model": Study,
            "description": "Final within the wait of `Prefer: wait=N`.",
            "headers": PLACE,
        },
        202: {"description": "Taken in; poll its `Location`.", "headers": PLACE | LATER},
        **problems(400, 404, 409, 413, 415, 422),
    },
    summary="Send a study",
)
async def post_study(
    request: Request,
    backend: BackendDep,
    caller: MayWrite,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=LONGEST_KEY,
            pattern=PLAIN_LETTERS,
            description="The same key takes the study in once.",
        ),
    ] = None,
    prefer: Annotated[str | None, Header(description="`wait=N` answers 200 if it is done in time.")] = None,
    accept_language: Annotated[
        str | None, Header(description="Of a report whose `language` is not said.")
    ] = None,
) -> Response:
    """Take in 1 to 16 images of one study, or open it for more; answers as soon as they are safe."""
    language = preferred_language(accept_language)
    accepted = await _take(request, backend, caller, language=language, key=idempotency_key)
    headers = {"Location": study_path(accepted.study_id)}
    if accepted.replayed:
        headers["Idempotency-Replayed"] = "true"
    seconds = preferred_wait(prefer)
    if seconds is None:
        return _json(for_caller(accepted.body, caller), HTTPStatus.ACCEPTED, headers | RETRY_AFTER)
    headers["Preference-Applied"] = f"wait={seconds:g}"
    study, body = await _wait(backend, caller, accepted.study_id, seconds=seconds)
    if study.status.is_final:
        return _json(body, HTTPStatus.OK, headers)
    return _json(body, HTTPStatus.ACCEPTED, headers | RETRY_AFTER)


@router.get(
    "/{study_id}",
    response_model=Study,
    responses={
        200: {"headers": VERSION},
        304: {"description": "Nothing has changed since the version of `If-None-Match`."},
        **problems(404, 410, 422),
    },
    summary="Ask where a study stands",
)
async def get_study(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayRead,
    wait: Annotated[
        float | None,
        Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for a change (or for the end)."),
    ] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the study; with `wait`, as soon as it differs from If-None-Match, or else when it is final."""

    async def look() -> tuple[bool, Kept]:
        await backend.key_ring.check_again(caller, Scope.READ)
        kept = await kept_of(backend, StudyId(study_id), caller)
        return (kept.status.is_final if if_none_match is None else not same(if_none_match, kept.etag)), kept

    if wait:
        kept = await backend.feed.until(StudyId(study_id), look, seconds=wait)
    else:
        kept = await kept_of(backend, StudyId(study_id), caller)
    if same(if_none_match, kept.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept.headers)
    return Response(kept.body, HTTPStatus.OK, kept.headers, "application/json")


@router.get("", response_model=StudyPage, responses=problems(400, 422), summary="List studies, newest first")
def list_studies(
    backend: BackendDep,
    caller: MayRead,
    page: Page,
    status: StudyStatus | None = None,
    priority: Priority | None = None,
    batch_id: UUID | None = None,
    critical: Annotated[
        bool | None, Query(description="Only those with a critical finding, or only those without.")
    ] = None,
    report_status: Annotated[
        ReportStatus | None, Query(description="Only those whose report has this status.")
    ] = None,
) -> Response:
    """Return a page; studies that arrive meanwhile do not shift the pages that follow."""
    with backend.database.session() as session:
        views = reading.page(
            session,
            limit=page.with_next,
            before=StudyId(page.before) if page.before else None,
            tenant_id=caller.sees,
            status=status,
            priority=priority,
            batch_id=BatchId(batch_id) if batch_id else None,
            critical=critical,
            report_status=report_status,
        )
    shown, more = page.cut(views, lambda view: view.study.id)
    items = [study_body(view) for view in shown]
    return _json(StudyPage(items=items, next_cursor=more), HTTPStatus.OK)


@router.delete(
    "/{study_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(404, 410, 422),
    summary="Cancel and erase a study",
)
async def delete_study(study_id: StudyPath, backend: BackendDep, caller: MayWrite) -> None:
    """Cancel the study if it still runs, and erase its images, findings, report and patient data."""

    def erase() -> None:
        with backend.database.session() as session:
            study_of(session, study_id, caller)
            erasure.erase(session, StudyId(study_id), actor=caller.actor)

    await run_in_threadpool(erase)
    # The collector would do it too, in ten minutes; after the commit, since no row may name what is gone.
    with suppress(TryAgainError, ProblemError):
        erase_pictures = partial(backend.storage.delete_derived, StudyId(study_id))
        await backend.reading.run(erase_pictures, seconds=_ERASING_SECONDS)


@router.post(
    "/{study_id}/retry",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Study,
    responses=problems(404, 409, 410, 422),
    summary="Try a failed study again",
)
def retry_study(study_id: StudyPath, backend: BackendDep, caller: MayWrite) -> Response:
    """Start a FAILED study again from the beginning."""
    with backend.database.session() as session:
        row = study_of(session, study_id, caller)
        hint: Hint | None = studies.retry(session, StudyId(study_id), actor=caller.actor)
        if hint is None:
            message = f"the study is {row.status}; only a failed one can be retried"
            raise ProblemError(Code.NOT_FAILED, message)
    backend.hints.send(hint)
    body = for_caller(study_body(view_of(backend, study_id, caller)), caller)
    return _json(body, HTTPStatus.ACCEPTED, {"Location": study_path(study_id)} | RETRY_AFTER)


@router.post(
    "/{study_id}/cancel",
    response_model=Study,
    responses=problems(404, 409, 410, 422),
    summary="Cancel a study",
)
def cancel_study(study_id: StudyPath, backend: BackendDep, caller: MayWrite) -> Response:
    """Stop a study that is not at its end; what was sent is kept until it is erased."""
    with backend.database.session() as session:
        study_of(session, study_id, caller)
        if not studies.cancel(session, StudyId(study_id), actor=caller.actor):
            message = f"the study is {study_of(session, study_id, caller).status}"
            raise ProblemError(Code.ALREADY_ENDED, message)
    return _json(for_caller(study_body(view_of(backend, study_id, caller)), caller), HTTPStatus.OK)


async def _take(
    request: Request, backend: Backend, caller: Caller, *, language: Language, key: str | None
) -> Accepted:
    async with upload.incoming(request, backend, caller) as received:
        fields = upload.fields_of(received, upload.Fields)

        def take() -> Accepted:
            with upload.checked(received, backend.settings) as files:
                sent = upload.fingerprint(received, fields) if key else ""
                return submission.take(
                    backend, caller, fields, files, language=language, key=key, fingerprint=sent
                )

        # Threads of their own: an object store that hangs must not hold up the polls.
        return await to_thread.run_sync(take, limiter=backend.upload_threads)


async def _wait(
    backend: Backend, caller: Caller, study_id: StudyId, *, seconds: float
) -> tuple[StudyRecord, Study]:
    def look() -> tuple[StudyRecord, Study]:
        view = view_of(backend, study_id, caller)
        return view.study, for_caller(study_body(view), caller)

    async def look_and_judge() -> tuple[bool, tuple[StudyRecord, Study]]:
        await backend.key_ring.check_again(caller, Scope.WRITE)
        row, body = await run_in_threadpool(look)
        return row.status.is_final, (row, body)

    return await backend.feed.until(study_id, look_and_judge, seconds=seconds)


def _json(body: BaseModel, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(body.model_dump_json(), status, headers, "application/json")
