"""Senders of HL7 messages: an administrator adds, lists and removes them."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from api.auth import MayAdminister
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.hl7_sender import Hl7Sender, Hl7SenderList, NewHl7Sender, hl7_sender_body
from api.problems import Noun, not_found
from shared.records import hl7

router = APIRouter(prefix="/v1/hl7-senders", tags=["hospital"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(400, 409, 413, 415, 422),
    summary="Let a system send HL7 messages",
)
def post_hl7_sender(backend: BackendDep, _caller: MayAdminister, wanted: NewHl7Sender) -> Hl7Sender:
    """Take the orders of a system, from its next message on."""
    with backend.database.session() as session:
        names = {"application": wanted.application, "facility": wanted.facility}
        return hl7_sender_body(hl7.add_sender(session, **names, tenant=wanted.tenant))


@router.get("", responses=problems(), summary="List who sends HL7 messages")
def list_hl7_senders(backend: BackendDep, _caller: MayAdminister) -> Hl7SenderList:
    """Return all senders, as they were added."""
    with backend.database.session() as session:
        return Hl7SenderList(items=[hl7_sender_body(sender) for sender in hl7.senders(session)])


@router.delete(
    "/{sender_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(404, 422),
    summary="Take no more of a system",
)
def delete_hl7_sender(
    sender_id: Annotated[UUID, Path(description="A sender's id.")],
    backend: BackendDep,
    _caller: MayAdminister,
) -> None:
    """Reject the system's next message; the orders that it sent stay."""
    with backend.database.session() as session:
        if not hl7.remove_sender(session, sender_id):
            raise not_found(Noun.HL7_SENDER)
