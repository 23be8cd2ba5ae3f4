"""GET …/similar: the studies of the same tenant whose images look most like a study's."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.auth import MayRead
from api.backend import BackendDep
from api.bodies.answers import LATER, problems
from api.bodies.model import ModelId
from api.bodies.similar import SimilarStudies, SimilarStudy, similar_body
from api.kept import RETRY_AFTER
from api.polling import StudyPath, study_of
from api.problem_kinds import Code
from api.problems import ProblemError
from shared.domain.findings import study_findings
from shared.records import embeddings, findings, reading, reports
from shared.records.database import Session
from shared.records.embeddings import Neighbour
from shared.records.reading import StudyRecord

_MOST: Final = 50

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.get(
    "/{study_id}/similar",
    response_model=SimilarStudies,
    responses={202: {"description": "Not classified yet.", "headers": LATER}, **problems(404, 409, 410, 422)},
    summary="Find studies that look alike",
)
def get_similar(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayRead,
    limit: Annotated[int, Query(ge=1, le=_MOST, description="Most studies to return.")] = 10,
) -> Response:
    """Return the nearest studies of the same tenant, each with its findings and what was signed of it.

    A study that is entered in error is not among them, and none of another tenant ever is.
    """
    with backend.database.session() as session:
        study = study_of(session, study_id, caller)
        encoder = embeddings.encoder(session, study.id)
        if encoder is None:
            return _without_vectors(study)
        if (missing := embeddings.lacking(session)) is not None:
            raise ProblemError(Code.NOT_COMPARABLE, missing)
        near = embeddings.nearest(session, study.id, encoder, limit=limit)
        version = encoder.version
        body = SimilarStudies(
            study_id=str(study.id),
            encoder=ModelId(id=version.id, version=version.version, digest=version.digest),
            items=_items(session, near),
        )
    return Response(body.model_dump_json(), media_type="application/json")


def _items(session: Session, near: Sequence[Neighbour]) -> list[SimilarStudy]:
    ids = [neighbour.study_id for neighbour in near]
    views = {view.study.id: view for view in reading.views_of(session, ids)}
    found = findings.of_each(session, ids)
    stand = reports.in_force_of_each(session, reports.versions_of_each(session, ids))
    return [
        similar_body(one, view, study_findings(found[one.study_id].values()), stand.get(one.study_id))
        for one in near
        # Erased between the two statements, it has no findings any more.
        if (view := views[one.study_id]).study.erased_at is None
    ]


def _without_vectors(study: StudyRecord) -> Response:
    if study.status.is_final:
        message = (
            f"the study is {study.status} and its images have no vectors: they were not used, or were read "
            "by a classifier without a feature map, or with CXR_MODEL_ENCODER=off"
        )
        raise ProblemError(Code.NOT_COMPARABLE, message)
    return Response(status_code=HTTPStatus.ACCEPTED, headers=RETRY_AFTER)
