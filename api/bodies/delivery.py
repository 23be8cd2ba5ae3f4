"""Deliveries as clients see them, with each attempt."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from api.bodies.base import Body
from shared.domain.deliveries import AttemptOutcome, DeliveryState, DestinationKind
from shared.domain.studies import StudyEvent
from shared.records.delivery_lists import AttemptRecord, DeliveryRecord


class Attempt(Body):
    """One attempt."""

    number: int
    began_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None = Field(
        description="Null while it lasts, and of one whose gateway died in it: then it may have arrived."
    )
    answer: str | None = Field(description="What the destination answered, or what is in the way.")
    milliseconds: int | None


class Delivery(Body):
    """What a destination is owed of an event, and how that stands."""

    id: str = Field(description="Of a webhook, after `msg_`, the notice's `webhook-id`.")
    study_id: str
    destination_id: str
    destination: str = Field(description="Its name.")
    kind: DestinationKind
    event: StudyEvent
    state: DeliveryState
    version: int | None = Field(description="Of the report that was delivered; of a notice null.")
    error: str | None = Field(description="What keeps it, or kept it, from being delivered.")
    created_at: datetime
    ended_at: datetime | None
    next_at: datetime | None = Field(description="Of one that waits: it is not tried sooner.")
    given_up_at: datetime | None = Field(description="Of one that waits: it is tried until then.")
    attempts: list[Attempt]


class DeliveryList(Body):
    """A study's deliveries, in the order of their events."""

    items: list[Delivery]


class DeliveryPage(Body):
    """A page of deliveries, newest first."""

    items: list[Delivery]
    next_cursor: str | None


def delivery_body(record: DeliveryRecord, attempts: Sequence[AttemptRecord]) -> Delivery:
    """Write a delivery down."""
    waits = record.state is DeliveryState.WAITING
    return Delivery(
        id=str(record.id),
        study_id=str(record.study_id),
        destination_id=str(record.destination_id),
        destination=record.destination,
        kind=record.kind,
        event=record.event,
        state=record.state,
        version=record.version,
        error=record.error,
        created_at=record.created_at,
        ended_at=record.ended_at,
        next_at=record.next_at if waits else None,
        given_up_at=record.give_up_at if waits else None,
        attempts=[
            Attempt(
                number=one.number,
                began_at=one.began_at,
                ended_at=one.ended_at,
                outcome=one.outcome,
                answer=one.answer,
                milliseconds=round((one.ended_at - one.began_at).total_seconds() * 1000)
                if one.ended_at
                else None,
            )
            for one in attempts
        ],
    )
