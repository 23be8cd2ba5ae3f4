"""Deliveries: what was sent where, what is under way, and what was given up and may be sent again."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from api.auth import Caller, MayRead, MayWrite
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.delivery import Delivery, DeliveryList, DeliveryPage, delivery_body
from api.paging import Page
from api.polling import StudyPath, study_of
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from shared.domain.deliveries import DeliveryState
from shared.domain.studies import StudyId
from shared.records import deliveries, delivery_lists
from shared.records.database import Session
from shared.records.delivery_lists import DeliveryRecord

router = APIRouter(prefix="/v1", tags=["deliveries"])


@router.get(
    "/studies/{study_id}/deliveries", responses=problems(404, 410, 422), summary="List a study's deliveries"
)
def list_deliveries_of_study(study_id: StudyPath, backend: BackendDep, caller: MayRead) -> DeliveryList:
    """Return what each destination was sent of the study, or is to be sent, with each attempt."""
    with backend.database.session() as session:
        study_of(session, study_id, caller)
        found = delivery_lists.of_study(session, StudyId(study_id))
        return DeliveryList(items=_bodies(session, found))


@router.get("/deliveries", responses=problems(400, 422), summary="List deliveries, newest first")
def list_deliveries(
    backend: BackendDep,
    caller: MayRead,
    page: Page,
    state: Annotated[DeliveryState | None, Query(description="Only those that stand so.")] = None,
    destination_id: Annotated[UUID | None, Query(description="Only those to one destination.")] = None,
) -> DeliveryPage:
    """Return a page of deliveries with each attempt; `state=dead` lists what was given up."""
    with backend.database.session() as session:
        found = delivery_lists.page(
            session,
            limit=page.with_next,
            before=page.before,
            tenant_id=caller.sees,
            state=state,
            destination_id=destination_id,
        )
        items, cursor = page.cut(found, lambda record: record.id)
        return DeliveryPage(items=_bodies(session, items), next_cursor=cursor)


@router.post(
    "/deliveries/{delivery_id}/retry", responses=problems(404, 409, 422), summary="Send a delivery again"
)
def retry_delivery(
    delivery_id: Annotated[UUID, Path(description="A delivery's id.")], backend: BackendDep, caller: MayWrite
) -> Delivery:
    """Send again, for another three days, what was given up; of a report, what is in force by now."""
    with backend.database.session() as session:
        _find(session, delivery_id, caller)
        if not deliveries.retry(session, delivery_id):
            message = "the delivery is not dead, or its destination was removed"
            raise ProblemError(Code.NOT_DEAD, message)
        return _bodies(session, [_find(session, delivery_id, caller)])[0]


def _find(session: Session, delivery_id: UUID, caller: Caller) -> DeliveryRecord:
    found = delivery_lists.find(session, delivery_id)
    if found is None or caller.sees not in (None, found.tenant_id):
        raise not_found(Noun.DELIVERY)
    return found


def _bodies(session: Session, records: Sequence[DeliveryRecord]) -> list[Delivery]:
    attempts = delivery_lists.attempts_of_each(session, records)
    return [delivery_body(record, attempts[record.id]) for record in records]
