"""…/report/versions and …/report/diff: what became of a report, version by version."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import MayRead
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.version import DifferenceList, VersionList, difference_body, version_body
from api.polling import StudyPath, study_of
from api.problems import Noun, not_found
from shared.domain.studies import StudyId
from shared.records import reports
from shared.reporting.differences import differences

_Number = Annotated[int, Query(ge=1, le=2**31 - 1)]

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.get(
    "/{study_id}/report/versions", responses=problems(404, 410, 422), summary="List the report's versions"
)
def list_versions(study_id: StudyPath, backend: BackendDep, caller: MayRead) -> VersionList:
    """Return who made each version, when and by what; none of a study without a report."""
    with backend.database.session() as session:
        study_of(session, study_id, caller)
        found = reports.versions_of(session, StudyId(study_id))
    return VersionList(items=[version_body(version) for version in found])


@router.get(
    "/{study_id}/report/diff", responses=problems(404, 410, 422), summary="Compare two versions of the report"
)
def compare_versions(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayRead,
    earlier: Annotated[_Number, Query(alias="from")],
    later: Annotated[_Number, Query(alias="to")],
) -> DifferenceList:
    """Return each sentence of both, section by section, and what became of it."""
    with backend.database.session() as session:
        study_of(session, study_id, caller)
        before, after = (reports.version(session, StudyId(study_id), number) for number in (earlier, later))
    if before is None or after is None:
        raise not_found(Noun.VERSION)
    found = differences(before.sentences, after.sentences)
    return DifferenceList(items=[difference_body(one) for one in found])
