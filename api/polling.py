"""Finding a caller's study, and waiting for it: what all routes under /v1/studies/{id} share."""

from typing import Annotated
from uuid import UUID

from fastapi import Path
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller
from api.backend import Backend
from api.bodies.study import etag_of, study_body
from api.kept import Kept
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from shared.domain.studies import StudyId
from shared.records import reading
from shared.records.database import Session
from shared.records.reading import StudyRecord, StudyView

StudyPath = Annotated[UUID, Path(description="A study's id.", alias="study_id")]


def study_of(session: Session, study_id: UUID, caller: Caller) -> StudyRecord:
    """Return the caller's study.

    Raises:
        ProblemError: 404 for none, or another tenant's; 410 for one that was erased.
    """
    return _visible(reading.study(session, StudyId(study_id)), caller)


def view_of(backend: Backend, study_id: UUID, caller: Caller) -> StudyView:
    """Return the caller's study whole, by one statement; raises as `study_of`."""
    view = reading.poll(backend.database, StudyId(study_id))
    _visible(view.study if view else None, caller)
    assert view is not None  # noqa: S101  nothing is visible of what is not there
    return view


async def kept_of(backend: Backend, study_id: StudyId, caller: Caller) -> Kept:
    """Return the caller's study as polls are answered, asked of Postgres where nothing is kept that holds.

    Raises as `study_of`.
    """
    kept = backend.kept.find(study_id)
    if kept is not None and caller.sees in (None, kept.tenant_id):
        return kept
    asking = backend.kept.ask(study_id)
    kept = await run_in_threadpool(_ask, backend, study_id, caller)
    backend.kept.keep(asking, kept)
    return kept


def _ask(backend: Backend, study_id: StudyId, caller: Caller) -> Kept:
    view = view_of(backend, study_id, caller)
    study = view.study
    body = study_body(view).model_dump_json().encode()
    return Kept(study.id, study.tenant_id, study.status, etag_of(study), body)


def _visible(study: StudyRecord | None, caller: Caller) -> StudyRecord:
    if study is None or caller.sees not in (None, study.tenant_id):
        raise not_found(Noun.STUDY)
    if study.erased_at is not None:
        message = "the study was erased"
        raise ProblemError(Code.ERASED, message)
    return study
