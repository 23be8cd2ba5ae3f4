"""Rows to bodies: what a study, its images and its timeline look like to a client."""

from dataclasses import asdict
from typing import Final

from api import schemas
from api.auth import Caller
from shared.domain import Order, StudyId, StudyStatus
from shared.records.batches import BatchRecord
from shared.records.keys import Scope
from shared.records.reading import EventRecord, ImageRecord, StudyRecord, StudyView
from shared.reporting import warnings

NOT_A_MEDICAL_DEVICE: Final = (
    "Research software. Not a medical device, not cleared or approved by any authority, and not for "
    "diagnosis or treatment. A qualified radiologist must read every image."
)


def study_path(study_id: object) -> str:
    """Return the address of a study."""
    return f"/v1/studies/{study_id}"


def study_body(view: StudyView) -> schemas.Study:
    """Write a study down."""
    study, path = view.study, study_path(view.study.id)
    return schemas.Study(
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
        error=error_body(study.error_type, study.error_detail, study.error_file),
        model=model_body(study),
        warnings=warnings.of_study(view.images),
        images=[image_body(image) for image in view.images],
        set_aside=[schemas.SetAside.model_validate(file) for file in view.order.set_aside],
        timeline=[timeline_entry(event) for event in view.events],
        links=schemas.StudyLinks(
            self=path,
            events=f"{path}/events",
            findings=f"{path}/findings",
            report=f"{path}/report",
            page=f"/#/studies/{study.id}",
        ),
    )


def timeline_entry(event: EventRecord) -> schemas.TimelineEntry:
    """Write down one thing that happened to a study."""
    return schemas.TimelineEntry(
        status=event.status,
        event=event.event,
        actor=schemas.Actor(kind=event.actor_kind, id=event.actor_id),
        at=event.at,
        detail=event.detail,
    )


def patient_body(order: Order) -> schemas.Patient:
    """Write down what is known of a study's patient."""
    return schemas.Patient.model_validate(asdict(order.patient))


def order_body(order: Order) -> schemas.Order:
    """Write down whose study it is and what was asked for."""
    said = {name: getattr(order, name) for name in schemas.Order.model_fields}
    clock = order.study_time.isoformat("seconds") if order.study_time else None
    return schemas.Order.model_validate({**said, "study_time": clock})


NOTHING_OF_THE_PATIENT: Final = {"patient": schemas.Patient(), "study_date": None, "order": schemas.Order()}


def for_caller(body: schemas.Study, caller: Caller) -> schemas.Study:
    """Leave out the patient for whoever may send and not read."""
    if caller.may(Scope.READ):
        return body
    return body.model_copy(update=NOTHING_OF_THE_PATIENT)


def image_body(image: ImageRecord) -> schemas.Image:
    """Write an image down."""
    path = f"{study_path(image.study_id)}/images/{image.index}"
    return schemas.Image(
        index=image.index,
        file=image.file,
        media_type=image.media_type,
        width=image.width,
        height=image.height,
        orientation=image.attributes.get("orientation"),
        view=image.view,
        view_source=image.view_source,
        status="pending" if image.used is None else "used" if image.used else "rejected",
        error=error_body(image.error_type, image.error_detail, image.file),
        warnings=warnings.in_words(image.warnings),
        links=schemas.ImageLinks(preview=f"{path}/preview.png", original=f"{path}/original"),
    )


def error_body(code: str | None, detail: str | None, file: str | None) -> schemas.StudyError | None:
    """Write down why something was not used; None when nothing was wrong."""
    return schemas.StudyError(type=code, detail=detail or "", file=file) if code else None


def model_body(study: StudyRecord) -> schemas.ModelId | None:
    """Write down which classifier spoke; None when none has yet."""
    if study.model_id is None:
        return None
    return schemas.ModelId(
        id=study.model_id, version=study.model_version or "", digest=study.model_digest or ""
    )


def etag_of(study: StudyRecord) -> str:
    """Return the tag of a study's state: every change of a study sets `updated_at`."""
    return f'"{study.status}-{int(study.updated_at.timestamp() * 1_000_000):x}"'


def batch_body(batch: BatchRecord, counts: dict[StudyStatus, int]) -> schemas.Batch:
    """Write a batch down."""
    path = f"/v1/batches/{batch.id}"
    return schemas.Batch(
        id=str(batch.id),
        name=batch.name,
        status="cancelled" if batch.cancelled_at else "open",
        total=sum(counts.values()),
        counts=counts,
        done=not any(number for status, number in counts.items() if not status.is_final),
        created_at=batch.created_at,
        links=schemas.BatchLinks(self=path, results=f"{path}/results", cancel=f"{path}/cancel"),
    )


def heatmap_path(study_id: StudyId, index: int, label: str) -> str:
    """Return the address of a heatmap."""
    return f"{study_path(study_id)}/images/{index}/heatmaps/{label}.png"
