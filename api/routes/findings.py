"""GET …/findings: what the classifier says about every label, for the study and for each image."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.auth import MayRead
from api.backend import BackendDep
from api.bodies.answers import LATER, problems
from api.bodies.finding import Findings, ImageFindings, finding_entry
from api.bodies.model import model_body
from api.kept import RETRY_AFTER
from api.polling import StudyPath, view_of
from api.problem_kinds import Code
from api.problems import ProblemError
from shared.records import findings
from shared.records.findings import best_rows
from shared.records.reading import StudyRecord
from shared.reporting import warnings

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.get(
    "/{study_id}/findings",
    response_model=Findings,
    responses={202: {"description": "Not classified yet.", "headers": LATER}, **problems(404, 409, 410, 422)},
    summary="Read the findings",
)
def get_findings(study_id: StudyPath, backend: BackendDep, caller: MayRead) -> Response:
    """Return one entry for every label, present or not, and the same for each image."""
    view = view_of(backend, study_id, caller)
    study = view.study
    if view.analysis is None:
        return _without_findings(study)
    with backend.database.session() as session:
        rows = findings.records_of(session, view.analysis.id)
    of_image = {image.index: [row for row in rows if row.image_index == image.index] for image in view.images}
    body = Findings(
        study_id=str(study.id),
        model=model_body(view.analysis),
        warnings=warnings.of_study(view.images, study.language),
        findings=[finding_entry(row, study) for row in best_rows(rows)],
        images=[
            ImageFindings(
                index=image.index,
                view=image.view,
                findings=[finding_entry(row, study) for row in of_image[image.index]],
            )
            for image in view.images
            if of_image[image.index]
        ],
    )
    return Response(body.model_dump_json(), media_type="application/json")


def _without_findings(study: StudyRecord) -> Response:
    if study.status.is_final:
        message = f"the study is {study.status} and has no findings"
        raise ProblemError(Code.NO_FINDINGS, message, study_status=study.status)
    return Response(status_code=HTTPStatus.ACCEPTED, headers=RETRY_AFTER)
