"""What a server is told of the hospital's systems."""

from datetime import datetime

from cxr.models.answer import Answer


class Hl7Sender(Answer):
    """A system that may send HL7 messages, by the names that it gives itself (MSH-4, MSH-3)."""

    id: str
    facility: str
    application: str
    tenant: str
    created_at: datetime


class PullRule(Answer):
    """Which studies are fetched from where, and how that goes."""

    id: str
    name: str
    method: str
    url: str | None = None
    modalities: list[str]
    body_parts: list[str]
    descriptions: list[str]
    window_hours: int
    every_minutes: float
    per_minute: int
    priors: int
    created_at: datetime
    paused_at: datetime | None = None
    next_at: datetime
    ran_at: datetime | None = None
    fetched: int
    failures: int
    error: str | None = None
