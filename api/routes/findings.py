"""GET …/findings: what the classifier says about every label, for the study and for each image."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from fastapi import APIRouter, Response

from api import schemas
from api.auth import Reader
from api.backend import Stack
from api.bodies import heatmap_path, model_body
from api.polling import RETRY_AFTER, StudyPath, study_of
from api.problems import Code, ProblemError
from api.schemas import LATER, problems
from shared.domain import Language, StudyId
from shared.labels import LABELS, display_name
from shared.records import findings, reading
from shared.records.findings import FindingRecord
from shared.records.reading import StudyRecord

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.get(
    "/{study_id}/findings",
    response_model=schemas.Findings,
    responses={202: {"description": "Not classified yet.", "headers": LATER}, **problems(404, 409, 410, 422)},
    summary="Read the findings",
)
def get_findings(study_id: StudyPath, backend: Stack, caller: Reader) -> Response:
    """Return one entry for every label, present or not, and the same for each image."""
    with backend.database.session() as session:
        study = study_of(session, study_id, caller)
        rows = findings.records_of(session, StudyId(study_id))
        images = reading.images(session, StudyId(study_id))
    model = model_body(study)
    if model is None or not rows:
        return _without_findings(study)
    of_image = {image.index: [row for row in rows if row.image_index == image.index] for image in images}
    body = schemas.Findings(
        study_id=str(study.id),
        model=model,
        findings=[finding_entry(row, study) for row in best_rows(rows)],
        images=[
            schemas.ImageFindings(
                index=image.index,
                view=image.view,
                findings=[finding_entry(row, study) for row in of_image[image.index]],
            )
            for image in images
            if of_image[image.index]
        ],
    )
    return Response(body.model_dump_json(), media_type="application/json")


def best_rows(rows: Sequence[FindingRecord]) -> Iterable[FindingRecord]:
    """Return for each label the row of the image that shows it best, as `domain.study_findings` does."""
    best: dict[str, FindingRecord] = {}
    for row in rows:
        if row.label not in best or row.probability > best[row.label].probability:
            best[row.label] = row
    return best.values()


def finding_entry(row: FindingRecord, study: StudyRecord) -> schemas.FindingEntry:
    """Write a finding down."""
    label = LABELS.get(row.label)
    heatmap = heatmap_path(study.id, row.image_index, row.label) if row.heatmap else None
    return schemas.FindingEntry(
        label=row.label,
        name=name_of(row.label, study.language),
        probability=row.probability,
        threshold=row.threshold,
        uncertain_from=row.uncertain_from,
        status=row.status,
        image=row.image_index,
        box=list(row.box) if row.box else None,
        codes=schemas.Codes(
            snomed_ct=label.snomed_ct.code if label and label.snomed_ct else None,
            radlex=label.radlex.code if label and label.radlex else None,
        ),
        links=schemas.FindingLinks(heatmap=heatmap),
    )


def name_of(label: str, language: Language) -> str:
    """Return what a person reads for a label; a model's own label stands for itself."""
    return display_name(label, language) if label in LABELS else label


def _without_findings(study: StudyRecord) -> Response:
    if study.status.is_final:
        message = f"the study is {study.status} and has no findings"
        raise ProblemError(Code.NO_FINDINGS, message, study_status=study.status)
    return Response(status_code=HTTPStatus.ACCEPTED, headers=RETRY_AFTER)
