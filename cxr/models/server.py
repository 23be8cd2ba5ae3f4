"""The server, its tenants and their keys."""

from datetime import datetime

from pydantic import Field

from cxr.models.answer import Answer
from cxr.models.report import WriterId
from cxr.models.study import ModelId


class Key(Answer):
    """An API key; `key` is the secret, in the answer to its making alone."""

    id: str
    name: str
    tenant: str | None = None
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None = None
    key: str | None = None


class Tenant(Answer):
    """Whom studies, batches and keys belong to."""

    id: str
    name: str
    created_at: datetime


class DicomPeer(Answer):
    """A DICOM application entity that may call the gateway, or that the gateway calls."""

    id: str
    ae_title: str
    host: str | None = None
    port: int | None = None
    tls: bool
    may_store: bool
    tenant: str
    created_at: datetime


class Work(Answer):
    """The work that a server has."""

    waiting: dict[str, int]
    running: dict[str, int]
    oldest_seconds: float
    studies_per_hour: float


class FormatInfo(Answer):
    """A format in which the server writes reports."""

    name: str
    media_type: str
    extension: str


class Info(Answer):
    """What the server is."""

    version: str | None = None
    model: ModelId | None = None
    writer: WriterId | None = None
    reviewer: str | None = None
    auth: str
    limits: dict[str, int] = Field(default={})
    report_formats: list[FormatInfo] = Field(default=[])
    work: Work | None = None
    not_a_medical_device: str = ""
