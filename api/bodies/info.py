"""What this server is, and whether it can serve."""

from typing import Literal

from pydantic import Field

from api.bodies.base import Body
from api.bodies.model import ModelId
from api.bodies.report import WriterId
from shared.domain.studies import Stage


class Work(Body):
    """The work that there is, of everybody's studies."""

    waiting: dict[Stage, int] = Field(description="Studies that wait, by stage.")
    running: dict[Stage, int] = Field(description="Studies that a worker holds, by stage.")
    oldest_seconds: float = Field(
        description="Since the oldest waiting study was sent in; 0 when none waits."
    )
    studies_per_hour: float = Field(
        description="Completed in the last hour, or at the rate of a busy part of it."
    )


class ReportFormat(Body):
    """A format in which reports come."""

    name: str = Field(description="What `?format=` calls it.")
    media_type: str
    extension: str = Field(description="Of a file that holds such a report.")


class Info(Body):
    """What this server is and takes."""

    version: str | None = Field(description="Null, as are the models, for a caller without a key.")
    model: ModelId | None = Field(description="The classifier of the newest report; null before the first.")
    writer: WriterId | None
    auth: Literal["required", "off"]
    reviewer: str | None = Field(
        description="In whose name this key signs reports; null where the body has to say who signs."
    )
    limits: dict[str, int]
    report_formats: list[ReportFormat]
    work: Work | None = Field(description="For a caller with the scope admin, or while keys are off.")
    not_a_medical_device: str


class Part(Body):
    """One thing that the API stands on."""

    ok: bool
    detail: str | None = None


class Readiness(Body):
    """Whether requests can be served, part by part."""

    ready: bool
    parts: dict[str, Part]
