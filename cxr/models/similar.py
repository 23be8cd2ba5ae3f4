"""Studies that look like one."""

from datetime import date, datetime

from pydantic import Field

from cxr.models.answer import Answer
from cxr.models.study import ModelId


class PresentFinding(Answer):
    """A finding that the classifier calls present."""

    label: str
    name: str | None = None
    probability: float


class SimilarStudy(Answer):
    """A study that looks like another; `impression` only where a person signed its report."""

    study_id: str
    distance: float
    image: int
    their_image: int
    status: str
    language: str | None = None
    created_at: datetime
    study_date: date | None = None
    findings: list[PresentFinding] = Field(default=[])
    report_status: str | None = None
    impression: str | None = None


class SimilarStudies(Answer):
    """The studies that look like one, the nearest first."""

    study_id: str
    encoder: ModelId
    items: list[SimilarStudy]
