"""A batch as clients see it, and what opens one."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.bodies.base import Body
from api.plain_text import Line
from shared.domain.studies import StudyStatus
from shared.records.batches import BatchRecord


class NewBatch(BaseModel):
    """What opens a batch."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(min_length=1, max_length=200)] | None = None


class BatchLinks(Body):
    """Where the rest of a batch is."""

    self: str
    results: str
    reports: str
    cancel: str


class Batch(Body):
    """A batch and how far it is."""

    id: str
    name: str | None
    status: Literal["open", "cancelled"]
    total: int
    counts: dict[StudyStatus, int] = Field(description="All statuses, also those with none.")
    done: bool = Field(description="Whether no item of it is still being worked on.")
    created_at: datetime
    links: BatchLinks


class BatchPage(Body):
    """A page of batches, newest first."""

    items: list[Batch]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


def batch_body(batch: BatchRecord, counts: dict[StudyStatus, int]) -> Batch:
    """Write a batch down."""
    path = f"/v1/batches/{batch.id}"
    return Batch(
        id=str(batch.id),
        name=batch.name,
        status="cancelled" if batch.cancelled_at else "open",
        total=sum(counts.values()),
        counts=counts,
        done=not any(number for status, number in counts.items() if not status.is_final),
        created_at=batch.created_at,
        links=BatchLinks(
            self=path, results=f"{path}/results", reports=f"{path}/reports", cancel=f"{path}/cancel"
        ),
    )
