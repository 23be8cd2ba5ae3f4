"""Images for a study that is open, one by one or several at once, and its closing."""

from http import HTTPStatus

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api import submission, upload
from api.auth import MayWrite
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.study import Study, for_caller
from api.bodies.upload import FILES_BODY
from api.polling import StudyPath
from shared.domain.studies import StudyId

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.post(
    "/{study_id}/images",
    response_model=Study,
    openapi_extra=FILES_BODY,
    responses=problems(400, 404, 409, 410, 413, 415, 422),
    summary="Add images to an open study",
)
async def post_images(
    request: Request, study_id: StudyPath, backend: BackendDep, caller: MayWrite
) -> Response:
    """Add images; answers once they are safe. What the study has already is not added again."""
    await run_in_threadpool(submission.announce, backend, caller, StudyId(study_id))
    async with upload.incoming(request, backend, caller) as received:
        upload.fields_of(received, upload.NoFields)

        def add() -> Study:
            with upload.checked(received, backend.settings) as files:
                return submission.add(backend, caller, StudyId(study_id), files)

        # Threads of their own: an object store that hangs must not hold up the polls.
        body = await to_thread.run_sync(add, limiter=backend.upload_threads)
    return _json(for_caller(body, caller))


@router.post(
    "/{study_id}/close",
    response_model=Study,
    responses=problems(404, 409, 410, 422),
    summary="Close an open study",
)
def close_study(study_id: StudyPath, backend: BackendDep, caller: MayWrite) -> Response:
    """Say that all images are there: a worker takes the study. One that is closed already stays as it is."""
    return _json(for_caller(submission.close(backend, caller, StudyId(study_id)), caller))


def _json(body: Study) -> Response:
    return Response(body.model_dump_json(), HTTPStatus.OK, media_type="application/json")
