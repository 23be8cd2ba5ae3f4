"""A study as clients see it: where it stands, its images and its timeline."""

from datetime import date, datetime

from pydantic import Field

from api.auth import Caller
from api.bodies.base import STUDY_ID, Body
from api.bodies.image import Image, StudyError, error_body, image_body, study_path
from api.bodies.model import ModelId, model_body
from api.bodies.order import Order, Patient, order_body, patient_body
from shared.domain.reports import Language, ReportStatus
from shared.domain.studies import ActorKind, Priority, StudyEvent, StudyStatus
from shared.labels import name_of
from shared.records.keys import Scope
from shared.records.reading import EventRecord, StudyRecord, StudyView
from shared.reporting import warnings


class Actor(Body):
    """Who did something to a study."""

    kind: ActorKind
    id: str = Field(description="A key's id, or a service's name.", examples=["worker-cnn"])
    name: str | None = Field(default=None, description="A key's, also of one that is revoked.")


class TimelineEntry(Body):
    """One thing that happened to a study."""

    status: StudyStatus = Field(description="The status after the event.")
    event: StudyEvent
    actor: Actor
    at: datetime
    detail: str | None


class StudyLinks(Body):
    """Where the rest of a study is."""

    self: str
    events: str
    findings: str
    report: str
    page: str
    images: str | None = Field(default=None, description="Where images are added, while the study is open.")
    close: str | None = Field(default=None, description="Where it is closed.")


class SetAside(Body):
    """A file that came with a study and is none of its images."""

    file: str = Field(description="The name that the client gave the file.")
    reason: str


class Study(Body):
    """A study: where it stands and what happened to it.

    What a release adds has a default, here and in an image: the answer that an earlier one kept for its
    Idempotency-Key has none of it.
    """

    id: str = Field(examples=[STUDY_ID])
    status: StudyStatus
    priority: Priority
    language: Language
    batch_id: str | None
    patient: Patient = Patient()
    study_date: date | None = None
    order: Order = Order()
    created_at: datetime
    updated_at: datetime
    closes_at: datetime | None = Field(
        default=None,
        description="Of an open study: when it is closed if nothing more comes; later, when it was.",
    )
    expected_images: int | None = Field(default=None, description="Of a study that was opened.")
    report_status: ReportStatus | None = Field(
        default=None, description="Of its report as it stands; null until there is one."
    )
    error: StudyError | None
    model: ModelId | None = Field(description="The classifier; null until the study is classified.")
    critical: list[str] = Field(
        default=[],
        description="The labels of its critical findings, the gravest first.",
        examples=[["Pneumothorax"]],
    )
    critical_names: list[str] = Field(
        default=[], description="The same as a person reads them, in the study's language."
    )
    warnings: list[str] = Field(
        default=[],
        description="Those of its images, each once, in the study's language; of several images, with the "
        "files' names.",
    )
    images: list[Image]
    set_aside: list[SetAside] = Field(default=[])  # missing from what an earlier release kept for its key
    timeline: list[TimelineEntry]
    links: StudyLinks


class StudyPage(Body):
    """A page of studies, newest first."""

    items: list[Study]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


def study_body(view: StudyView) -> Study:
    """Write a study down."""
    study, path = view.study, study_path(view.study.id)
    is_open = study.status is StudyStatus.OPEN
    critical = list(view.analysis.critical) if view.analysis else []
    return Study(
        id=str(study.id),
        status=study.status,
        priority=study.priority,
        language=study.language,
        batch_id=str(study.batch_id) if study.batch_id else None,
        patient=patient_body(view.order),
        study_date=view.order.study_date,
        order=order_body(view.order),
        created_at=study.created_at,
        updated_at=study.updated_at,
        closes_at=study.closes_at,
        expected_images=study.expected_images,
        report_status=study.report_status,
        error=error_body(study.error_type, study.error_detail, study.error_file),
        model=model_body(view.analysis) if view.analysis else None,
        critical=critical,
        critical_names=[name_of(label, study.language) for label in critical],
        warnings=warnings.of_study(view.images, study.language),
        images=[image_body(image, study.language) for image in view.images],
        set_aside=[SetAside.model_validate(file) for file in view.order.set_aside],
        timeline=[timeline_entry(event) for event in view.events],
        links=StudyLinks(
            self=path,
            events=f"{path}/events",
            findings=f"{path}/findings",
            report=f"{path}/report",
            page=f"/#/studies/{study.id}",
            images=f"{path}/images" if is_open else None,
            close=f"{path}/close" if is_open else None,
        ),
    )


def timeline_entry(event: EventRecord) -> TimelineEntry:
    """Write down one thing that happened to a study."""
    return TimelineEntry(
        status=event.status,
        event=event.event,
        actor=Actor(kind=event.actor_kind, id=event.actor_id, name=event.actor_name),
        at=event.at,
        detail=event.detail,
    )


def for_caller(body: Study, caller: Caller) -> Study:
    """Leave out the patient for whoever may send and not read."""
    if caller.may(Scope.READ):
        return body
    return body.model_copy(update={"patient": Patient(), "study_date": None, "order": Order()})


def etag_of(study: StudyRecord) -> str:
    """Return the tag of a study's state: every change of a study sets `updated_at`."""
    return f'"{study.status}-{int(study.updated_at.timestamp() * 1_000_000):x}"'
