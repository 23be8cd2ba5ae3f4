"""UPS-RS (PS3.18 11): the queue as a worklist, which a performer that is no worker of ours can take from.

Claimed by IN PROGRESS with a Transaction UID, held for `LEASE` and as long again with each update, given back
by CANCELED. Findings and reports come from our workers: a performer cannot complete what it claimed.
"""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, NoReturn

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, MayRead, MayWrite
from api.backend import BackendDep
from api.dicomweb import media
from api.dicomweb.bodies import json_of
from api.dicomweb.places import accept_of, base_of
from api.dicomweb.queries import page_of
from api.dicomweb.workitems import PRIORITIES, workitem_answer, workitem_body
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from shared.dicom import dicom_json
from shared.dicom.dicom_json import first_value
from shared.domain.workitems import WorkState, item_of
from shared.records import claims, studies, workitems
from shared.records.claims import Claim
from shared.records.database import Session
from shared.records.workitems import Workitem

LEASE: Final = timedelta(minutes=5)
"""Much longer than a worker's: a performer renews it by hand, so to speak."""
_UID: Final = re.compile(r"[0-9.]{1,64}")
_INCONSISTENT: Final = "The submitted request is inconsistent with the current state of the UPS Instance."
_WRONG: Final = "The Transaction UID is incorrect."
_MISSING: Final = "The Transaction UID is missing."
"""In the words of PS3.18 11.6."""

router = APIRouter(prefix="/dicomweb/workitems", include_in_schema=False)


@router.get("")
async def search_workitems(request: Request, backend: BackendDep, caller: MayRead) -> Response:
    """Return the workitems of a state and a priority, those that came first first."""
    media.check_json(accept_of(request))
    asked = dict(request.query_params)
    limit, offset = page_of(request.query_params.multi_items())
    state = _one_of(asked, "ProcedureStepState", {state.value: state for state in WorkState})
    named = {name: priority for priority, name in PRIORITIES.items()}
    priority = _one_of(asked, "ScheduledProcedureStepPriority", named)
    if unknown := asked.keys() - {"limit", "offset", "includefield", "fuzzymatching", "accept"}:
        message = (
            f"{len(unknown)} of the query parameters cannot be used: workitems are searched by"
            " ProcedureStepState and ScheduledProcedureStepPriority"
        )
        raise ProblemError(Code.BAD_REQUEST, message)

    def look() -> list[dict[str, Any]]:
        with backend.database.session() as session:
            found = workitems.search(
                session,
                tenant_id=caller.sees,
                limit=limit,
                offset=offset,
                state=state,
                priority=priority,
            )
        return [workitem_answer(item) for item in found]

    return _json(await run_in_threadpool(look))


@router.get("/{uid}")
async def retrieve_workitem(request: Request, backend: BackendDep, caller: MayRead, uid: str) -> Response:
    """Return a workitem, with the images that it is about."""
    media.check_json(accept_of(request))

    def look() -> dict[str, Any]:
        with backend.database.session() as session:
            return workitem_body(_find(session, caller, uid), base_of(request))

    return _json([await run_in_threadpool(look)])


@router.put("/{uid}/state")
async def change_state(request: Request, backend: BackendDep, caller: MayWrite, uid: str) -> Response:
    """Claim a workitem, or give it back."""
    body = await json_of(request)
    transaction = _transaction_of(request, first_value(body, "TransactionUID"))
    wanted = first_value(body, "ProcedureStepState")
    if wanted not in {WorkState.IN_PROGRESS, WorkState.COMPLETED, WorkState.CANCELED}:
        message = "Procedure Step State is IN PROGRESS, COMPLETED or CANCELED"
        raise ProblemError(Code.BAD_REQUEST, message)

    def change() -> None:
        with backend.database.session() as session:
            item = _find(session, caller, uid)
            if wanted == WorkState.IN_PROGRESS:
                _claim(session, caller, item, transaction, request)
                return
            held = _held(session, caller, item, transaction, request)
            if wanted == WorkState.COMPLETED:
                message = "no output is taken by UPS-RS: findings and reports are our workers' to write"
                _refuse(request, _INCONSISTENT, message)
            claims.release(session, held, after=timedelta(0), why="its performer gave it back")

    await run_in_threadpool(change)
    return Response(status_code=200)


@router.post("/{uid}/cancelrequest")
async def request_cancellation(backend: BackendDep, caller: MayWrite, request: Request, uid: str) -> Response:
    """Cancel the study of a workitem, whoever works on it."""

    def cancel() -> None:
        with backend.database.session() as session:
            item = _find(session, caller, uid)
            if item.state in {WorkState.COMPLETED, WorkState.CANCELED}:
                _refuse(request, _INCONSISTENT, f"the workitem is {item.state}")
            if not studies.cancel(session, item.view.study.id, actor=caller.actor):
                _refuse(request, _INCONSISTENT, "the study is at its end")

    await run_in_threadpool(cancel)
    return Response(status_code=202)


@router.post("/{uid}")
async def update_workitem(request: Request, backend: BackendDep, caller: MayWrite, uid: str) -> Response:
    """Tell that the work goes on: the claim holds as long again. What else is told is not kept."""
    await json_of(request)
    named = request.query_params.get("transaction-uid") or _bare_parameter(request)
    transaction = _transaction_of(request, named)

    def renew() -> None:
        with backend.database.session() as session:
            item = _find(session, caller, uid)
            held = _held(session, caller, item, transaction, request)
            workitems.renew(session, held, lease=LEASE)

    await run_in_threadpool(renew)
    return Response(status_code=200)


@router.post("")
@router.post("/{uid}/subscribers/{aet}")
@router.delete("/{uid}/subscribers/{aet}")
@router.post("/{uid}/subscribers/{aet}/suspend")
async def refuse(caller: MayWrite) -> Response:
    """Refuse what is done otherwise here."""
    del caller
    message = (
        "workitems come of studies that are stored, and none is subscribed to: search again, or have results"
        " sent by a destination"
    )
    raise ProblemError(Code.NOT_IMPLEMENTED, message)


def _find(session: Session, caller: Caller, uid: str) -> Workitem:
    named = item_of(uid)
    if named is None:
        raise not_found(Noun.WORKITEM)
    study_id, stage = named
    found = workitems.search(session, tenant_id=caller.sees, limit=1, study_id=study_id, stage=stage)
    if not found:
        raise not_found(Noun.WORKITEM)
    return found[0]


def _claim(session: Session, caller: Caller, item: Workitem, transaction: str, request: Request) -> None:
    claimed = workitems.claim(
        session,
        item.view.study.id,
        item.stage,
        transaction_uid=transaction,
        lease=LEASE,
        actor=caller.actor,
    )
    if not claimed:
        _refuse(request, _INCONSISTENT, f"the workitem is {item.state}")


def _held(session: Session, caller: Caller, item: Workitem, transaction: str, request: Request) -> Claim:
    if item.state is not WorkState.IN_PROGRESS:
        _refuse(request, _INCONSISTENT, f"the workitem is {item.state}")
    held = workitems.held(session, item.view.study.id, transaction, actor=caller.actor)
    if held is None:
        _refuse(request, _WRONG, "the Transaction UID is not that of the claim, or the claim ran out")
    return held


def _transaction_of(request: Request, named: object) -> str:
    if named is None:
        _refuse(request, _MISSING, "the request needs the Transaction UID")
    if not isinstance(named, str) or _UID.fullmatch(named) is None:
        message = "the Transaction UID is no UID"
        raise ProblemError(Code.BAD_REQUEST, message)
    return named


def _bare_parameter(request: Request) -> str | None:
    """Return the Transaction UID that stands alone behind the question mark, as PS3.18 11.6.1 has it."""
    names = [name for name, value in request.query_params.multi_items() if not value]
    return names[0] if len(names) == 1 else None


def _refuse(request: Request, warning: str, message: str) -> NoReturn:
    headers = {"Warning": f'299 {base_of(request)}: "{warning}"'}
    raise ProblemError(Code.WORKITEM_STATE, message, headers=headers)


def _one_of(asked: dict[str, str], keyword: str, known: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Take a parameter by its keyword or its tag, and return what it names; None where it is not given."""
    wanted = asked.pop(keyword, None) or asked.pop(dicom_json.tag_of(keyword), None)
    if wanted is not None and wanted not in known:
        message = f"{keyword} is one of {', '.join(known)}"
        raise ProblemError(Code.BAD_REQUEST, message)
    return None if wanted is None else known[wanted]


def _json(body: list[dict[str, Any]]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False).encode(), media_type=dicom_json.MEDIA_TYPE)
