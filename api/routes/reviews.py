"""/v1/reviews: reading one report after the other, as long as any waits."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.auth import MayRead, MayReview
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.review import WaitingBody
from api.bodies.study import Study, for_caller, study_body
from api.routes.drafts import Author
from shared.domain.studies import StudyId
from shared.records import reading, reviews

_MOST_SKIPPED = 100

router = APIRouter(prefix="/v1/reviews", tags=["reviews"])


@router.get(
    "/next",
    response_model=Study,
    responses={204: {"description": "No report waits to be signed."}, **problems(422)},
    summary="Ask which study to read next",
)
def next_review(
    backend: BackendDep,
    caller: MayReview,
    skip: Annotated[
        list[UUID] | None,
        Query(max_length=_MOST_SKIPPED, description="Studies to leave for later; repeat it."),
    ] = None,
    author: Author = None,
) -> Response:
    """Return the study whose report waits longest to be signed: critical first, then by priority.

    One that somebody else has had open in the last 15 minutes is left to them.
    """
    person = caller.person(author) if caller.name or author else None
    with backend.database.session() as session:
        found = reviews.next_study(
            session,
            tenant_id=caller.sees,
            person=person,
            skip=[StudyId(study_id) for study_id in skip or ()],
        )
        view = None if found is None else reading.view(session, found)
    if view is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    body = for_caller(study_body(view), caller)
    return Response(body.model_dump_json(), media_type="application/json")


@router.get("/waiting", responses=problems(), summary="Count the reports that wait to be signed")
def get_waiting(backend: BackendDep, caller: MayRead) -> WaitingBody:
    """Return how many wait; beyond some number they are not counted any more."""
    with backend.database.session() as session:
        waiting = reviews.count_waiting(session, tenant_id=caller.sees)
    return WaitingBody(unsigned=waiting.unsigned, critical=waiting.critical)
