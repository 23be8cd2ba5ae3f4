"""What persons do to a report, each as a version of its own: change it, sign it, add to it, withdraw it."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Response

from api.auth import Caller, MayReview
from api.backend import Backend, BackendDep
from api.bodies.act import NewAddendum, NewVersion, Signature, Withdrawal
from api.bodies.answers import VERSION, problems
from api.bodies.report import ReportBody, report_body
from api.documents import stored
from api.polling import StudyPath, study_of
from api.problem_kinds import Code
from api.problems import ProblemError
from api.reviewing import basis_of, check_allowed, check_named, check_seen, report_of
from api.tags import report_tag
from shared.domain.reports import Act, Person, ReportSections, ReportStatus
from shared.domain.studies import StudyId
from shared.records import acts, reading, reports
from shared.records.acts import Deed
from shared.records.database import Session
from shared.records.reports import ReportRecord
from shared.reporting import lines

IfMatch = Annotated[
    str | None, Header(description="The `ETag` of the report that the person saw, in any of its formats.")
]

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": VERSION},
    **problems(400, 404, 409, 410, 412, 413, 415, 422, 428),
}
_Doing = Callable[[Session, ReportRecord, Person], Deed]
"""What a person does to the version that they saw, once it is known to be the report still."""

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.put("/{study_id}/report", response_model=ReportBody, responses=_ANSWERS, summary="Change the report")
def put_report(
    study_id: StudyPath, backend: BackendDep, caller: MayReview, wanted: NewVersion, if_match: IfMatch = None
) -> Response:
    """Add the version that a person made of a preliminary report: graded, and refused for nothing."""

    def edit(session: Session, report: ReportRecord, person: Person) -> Deed:
        check_allowed(report, Act.EDITED)
        typed = wanted.sections
        sections = ReportSections(
            technique=typed.technique,
            comparison=report.comparison if typed.comparison is None else typed.comparison,
            findings=typed.findings,
            impression=typed.impression,
        )
        return Deed(Act.EDITED, person, report.version, basis_of(session, report).edited(sections))

    return _done(backend, study_id, caller, if_match, wanted.named, edit)


@router.post(
    "/{study_id}/report/sign", response_model=ReportBody, responses=_ANSWERS, summary="Sign the report"
)
def sign_report(
    study_id: StudyPath, backend: BackendDep, caller: MayReview, wanted: Signature, if_match: IfMatch = None
) -> Response:
    """Make a preliminary report final, or change a signed one and sign it again, which makes it amended."""

    def sign(session: Session, report: ReportRecord, person: Person) -> Deed:
        act = Act.SIGNED if report.status is ReportStatus.PRELIMINARY else Act.AMENDED
        check_allowed(report, act)
        if (act is Act.AMENDED) is (wanted.reason is None):
            message = (
                f"a reason is for changing a signed report, and needed for it; this one is {report.status}"
            )
            fault = {"field": "reason", "in": "body", "message": message}
            raise ProblemError(Code.INVALID_REQUEST, "not as it should be: reason", errors=[fault])
        basis = basis_of(session, report)
        if wanted.lines is None:
            decided = basis.as_it_stands()
        else:
            decided = lines.accepted(basis.settled([line.line() for line in wanted.lines]))
        return Deed(act, person, report.version, basis.signed(decided), decided, reason=wanted.reason)

    return _done(backend, study_id, caller, if_match, wanted.named, sign)


@router.post(
    "/{study_id}/report/addendum",
    response_model=ReportBody,
    responses=_ANSWERS,
    summary="Add something below a signed report",
)
def add_addendum(
    study_id: StudyPath, backend: BackendDep, caller: MayReview, wanted: NewAddendum, if_match: IfMatch = None
) -> Response:
    """Add a text below a signed report, which stays as it was signed, and is amended."""

    def add(_session: Session, report: ReportRecord, person: Person) -> Deed:
        check_allowed(report, Act.ADDENDUM)
        return Deed(Act.ADDENDUM, person, report.version, addendum=wanted.text)

    return _done(backend, study_id, caller, if_match, wanted.named, add)


@router.post(
    "/{study_id}/report/error",
    response_model=ReportBody,
    responses=_ANSWERS,
    summary="Withdraw a report that should never have been",
)
def withdraw_report(
    study_id: StudyPath, backend: BackendDep, caller: MayReview, wanted: Withdrawal, if_match: IfMatch = None
) -> Response:
    """Mark the report as entered in error, for good; what it said can still be read."""

    def withdraw(_session: Session, report: ReportRecord, person: Person) -> Deed:
        check_allowed(report, Act.ENTERED_IN_ERROR)
        return Deed(Act.ENTERED_IN_ERROR, person, report.version, reason=wanted.reason)

    return _done(backend, study_id, caller, if_match, wanted.named, withdraw)


def _done(
    backend: Backend, study_id: StudyPath, caller: Caller, if_match: str | None, named: str | None, do: _Doing
) -> Response:
    """Do it in one transaction, and answer with the report that comes of it."""
    person = caller.person(named)
    seen = check_named(if_match)
    this = StudyId(study_id)
    with backend.database.session() as session:
        report = report_of(session, study_of(session, study_id, caller))
        check_seen(seen, report)
        number = acts.add(session, this, do(session, report, person), actor=caller.actor)
        view, made = reading.view(session, this), reports.version(session, this, number)
        assert view is not None and made is not None  # noqa: S101, PT018  it was just added
        found = stored(session, view, made)
    body = report_body(found.view, found.report, found.rows, found.history)
    headers = {"ETag": report_tag(found.history, "json"), "Cache-Control": "private, no-cache"}
    return Response(body.model_dump_json(), headers=headers, media_type="application/json")
