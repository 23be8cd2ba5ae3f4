"""…/report/draft: what one person has made of a report so far; saved again and again until they sign."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.auth import MayReview
from api.backend import BackendDep
from api.bodies.act import NewDraft, PersonName
from api.bodies.answers import VERSION, problems
from api.bodies.draft import DraftBody, draft_body
from api.polling import StudyPath, study_of
from api.problems import Noun, not_found
from api.reviewing import basis_of, check_allowed, report_of
from api.tags import draft_tag, revision_of
from shared.domain.reports import Act, Person
from shared.domain.studies import StudyId
from shared.errors import ConflictError
from shared.records import drafts, reports
from shared.records.database import Session
from shared.records.drafts import DraftRecord

Author = Annotated[
    PersonName | None,
    Query(description="Whose: needed where the server asks for no keys; else it is whose key it is."),
]

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.put(
    "/{study_id}/report/draft",
    response_model=DraftBody,
    responses={200: {"headers": VERSION}, **problems(400, 404, 409, 410, 412, 413, 415, 422)},
    summary="Keep a draft of the report",
)
def put_draft(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayReview,
    wanted: NewDraft,
    if_match: Annotated[
        str | None,
        Header(description="The draft's `ETag` as it was read or saved last; none the first time."),
    ] = None,
) -> Response:
    """Keep what a person has made of a version so far, and grade it; the first time tells when they began."""
    person = caller.person(wanted.named)
    replaces = None if if_match is None else revision_of(if_match)
    if if_match is not None and replaces is None:
        message = "If-Match names no draft"
        raise ConflictError(message)
    this = StudyId(study_id)
    with backend.database.session() as session:
        report = report_of(session, study_of(session, study_id, caller))
        check_allowed(report, Act.EDITED, Act.SIGNED, Act.AMENDED)
        base = reports.version(session, this, wanted.base_version)
        if base is None:
            raise not_found(Noun.VERSION)
        settled = basis_of(session, base).settled([line.line() for line in wanted.lines])
        draft = drafts.save(session, this, person, settled, base_version=base.version, replaces=replaces)
        return _answer(session, this, draft)


@router.get(
    "/{study_id}/report/draft",
    response_model=DraftBody,
    responses={200: {"headers": VERSION}, **problems(404, 409, 410, 422)},
    summary="Read one's draft of the report",
)
def get_draft(study_id: StudyPath, backend: BackendDep, caller: MayReview, author: Author = None) -> Response:
    """Return what the person has made of the report so far, graded as it is now."""
    person = caller.person(author)
    this = StudyId(study_id)
    with backend.database.session() as session:
        study_of(session, study_id, caller)
        draft = drafts.find(session, this, person)
        if draft is None:
            raise not_found(Noun.DRAFT)
        return _answer(session, this, draft)


@router.delete(
    "/{study_id}/report/draft",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(404, 410, 422),
    summary="Discard one's draft of the report",
)
def delete_draft(study_id: StudyPath, backend: BackendDep, caller: MayReview, author: Author = None) -> None:
    """Discard what the person has made of the report; nothing happens where they have made nothing of it."""
    person = caller.person(author)
    with backend.database.session() as session:
        study_of(session, study_id, caller)
        drafts.take(session, StudyId(study_id), person)


def _answer(session: Session, study_id: StudyId, draft: DraftRecord) -> Response:
    report = reports.in_force(session, study_id)
    base = reports.version(session, study_id, draft.base_version)
    assert report is not None and base is not None  # noqa: S101, PT018  the draft's row points at it
    basis = basis_of(session, base)
    body = draft_body(
        draft,
        basis.graded(draft.lines),
        basis.rows,
        drafts.of_others(session, study_id, Person(draft.person)),
        stale=base.version != report.version,
    )
    headers = {"ETag": draft_tag(draft.revision), "Cache-Control": "private, no-cache"}
    return Response(body.model_dump_json(), headers=headers, media_type="application/json")
