"""Senders of HL7 messages as administrators see them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.bodies.base import Body
from api.bodies.tenant import TenantName
from api.plain_text import Line
from shared.domain.studies import DEFAULT_TENANT_NAME
from shared.records.hl7 import Hl7Sender as Sender


class NewHl7Sender(BaseModel):
    """Who may send."""

    model_config = ConfigDict(extra="forbid")

    facility: Annotated[Line, Field(min_length=1, max_length=200, description="MSH-4 of its messages.")]
    application: Annotated[
        Line, Field(max_length=200, description="MSH-3; empty: any application of the facility.")
    ] = ""
    tenant: Annotated[
        TenantName, Field(description="Whose orders it sends; a new name makes a new tenant.")
    ] = DEFAULT_TENANT_NAME


class Hl7Sender(Body):
    """A system that may send HL7 messages, by the names that it gives itself."""

    id: str
    facility: str
    application: str
    tenant: str
    created_at: datetime


class Hl7SenderList(Body):
    """All senders."""

    items: list[Hl7Sender]


def hl7_sender_body(sender: Sender) -> Hl7Sender:
    """Write a sender down."""
    return Hl7Sender(
        id=str(sender.id),
        facility=sender.facility,
        application=sender.application,
        tenant=sender.tenant,
        created_at=sender.created_at,
    )
