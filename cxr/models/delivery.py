"""Where results are sent, and how each delivery stands."""

from datetime import datetime

from pydantic import Field

from cxr.models.answer import Answer


class DestinationTest(Answer):
    """Whether a destination answered when somebody asked; `passed` is None until that is known."""

    asked_at: datetime
    done_at: datetime | None = None
    passed: bool | None = None
    answer: str | None = None


class Destination(Answer):
    """Where results are sent; `secret` is what was made for a webhook, in the answer to its making alone."""

    id: str
    tenant: str
    name: str
    kind: str
    url: str | None = None
    host: str | None = None
    port: int | None = None
    ae_title: str | None = None
    formats: list[str] = Field(default=[])
    events: list[str] = Field(default=[])
    labels: list[str] = Field(default=[])
    priorities: list[str] = Field(default=[])
    paused: bool = False
    failures: int = 0
    tried_again_at: datetime | None = None
    last_error: str | None = None
    test: DestinationTest | None = None
    secret: str | None = None

    @property
    def address(self) -> str:
        """Where it is, as `cxr destinations add` takes it."""
        if self.url is not None:
            return self.url
        there = f"{self.host}:{self.port}"
        return f"{self.ae_title}@{there}" if self.ae_title else there


class DeliveryAttempt(Answer):
    """One attempt; without an outcome while it lasts, and of one whose gateway died in it."""

    number: int
    began_at: datetime
    outcome: str | None = None
    answer: str | None = None
    milliseconds: int | None = None


class Delivery(Answer):
    """What a destination is owed of an event, and how that stands."""

    id: str
    study_id: str
    destination_id: str
    destination: str
    kind: str
    event: str
    state: str
    version: int | None = None
    error: str | None = None
    created_at: datetime
    attempts: list[DeliveryAttempt] = Field(default=[])


class DeliveryPage(Answer):
    """A page of deliveries."""

    items: list[Delivery]
    next_cursor: str | None = None


class Retried(Answer):
    """How many deliveries are sent again."""

    retried: int
