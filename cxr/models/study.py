"""A study, its images and its events."""

from datetime import date, datetime
from typing import Final

from pydantic import Field

from cxr.models.answer import Answer

FINAL_STATUSES: Final = frozenset({"completed", "rejected", "failed", "cancelled"})
"""In these a study stays, unless a failed one is retried."""


class StudyError(Answer):
    """Why a study, or one of its images, was not used."""

    type: str
    detail: str
    file: str | None = None


class Image(Answer):
    """One image of a study."""

    index: int
    file: str | None = None
    width: int | None = None
    height: int | None = None
    orientation: tuple[str, str] | None = None
    view: str | None = None
    view_source: str | None = None
    status: str | None = None
    error: StudyError | None = None
    warnings: list[str] = Field(default=[])


class SetAside(Answer):
    """A file that is none of a study's images."""

    file: str
    reason: str


class Actor(Answer):
    """Who did something: `kind` is key, person or service; a key has the name that it was made with."""

    kind: str
    id: str
    name: str | None = None


class TimelineEntry(Answer):
    """One thing that happened to a study."""

    status: str
    event: str | None = None
    actor: Actor | None = None
    at: datetime
    detail: str | None = None


class ModelId(Answer):
    """A classifier."""

    id: str
    version: str
    digest: str | None = None


class Patient(Answer):
    """What is known of a study's patient: sex is F, M or O, the age is that at the study."""

    id: str | None = None
    sex: str | None = None
    age_years: float | None = None


class Order(Answer):
    """Whose study it is and what was asked for; names are written FAMILY^GIVEN."""

    accession_number: str | None = None
    patient_id: str | None = None
    patient_id_issuer: str | None = None
    patient_name: str | None = None
    patient_birth_date: date | None = None
    patient_sex: str | None = None
    patient_age_years: float | None = None
    referring_physician: str | None = None
    study_instance_uid: str | None = None
    study_date: date | None = None
    study_time: str | None = None
    body_part: str | None = None
    laterality: str | None = None
    institution: str | None = None
    indication: str | None = None


class Study(Answer):
    """Where a study stands."""

    id: str
    status: str
    priority: str = "routine"
    language: str = "en"
    batch_id: str | None = None
    patient: Patient = Patient()
    study_date: date | None = None
    order: Order = Order()
    created_at: datetime
    updated_at: datetime
    closes_at: datetime | None = None
    expected_images: int | None = None
    report_status: str | None = None
    error: StudyError | None = None
    model: ModelId | None = None
    critical: list[str] = Field(default=[])
    warnings: list[str] = Field(default=[])
    images: list[Image] = Field(default=[])
    set_aside: list[SetAside] = Field(default=[])
    timeline: list[TimelineEntry] = Field(default=[])
    links: dict[str, str | None] = Field(default={})

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status in FINAL_STATUSES


class StudyPage(Answer):
    """A page of studies, newest first."""

    items: list[Study]
    next_cursor: str | None = None


class Event(Answer):
    """One line of a study's event stream."""

    id: str
    status: str
    event: str | None = None
    actor: Actor | None = None
    at: datetime
    detail: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether the stream ends with it."""
        return self.status in FINAL_STATUSES
