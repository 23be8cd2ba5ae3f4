"""The bodies of requests and answers, as clients and the OpenAPI document see them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.plain_text import Line
from shared.domain import (
    ActorKind,
    FindingStatus,
    Language,
    Priority,
    Stage,
    StudyEvent,
    StudyStatus,
    ViewPosition,
    ViewSource,
)
from shared.records.keys import Scope

STUDY_ID = "0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11"


class Body(BaseModel):
    """The base of all bodies."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Problem(Body):
    """An error (RFC 9457). `type` is stable; open it to read what to do."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "/problems/not-an-image",
                "title": "Not a radiograph file",
                "status": 400,
                "detail": "the file is neither DICOM, PNG nor JPEG",
                "advice": "Send the original DICOM, PNG or JPEG, or a zip of them.",
                "instance": "/v1/studies",
                "request_id": "0199d3c47a107c44",
                "file": "notes.txt",
            }
        },
    )

    type: str
    title: str
    status: int
    detail: str
    advice: str
    instance: str
    request_id: str


class StudyError(Body):
    """Why a study, or one of its images, could not be used."""

    type: str = Field(examples=["not-an-image"])
    detail: str
    file: str | None


class ImageLinks(Body):
    """Where the pictures are."""

    preview: str
    original: str


class Image(Body):
    """One image of a study."""

    index: int
    file: str = Field(description="The name that the client gave the file.")
    media_type: str
    width: int = Field(description="As shown: what EXIF or the quality gate turns is turned.")
    height: int
    orientation: tuple[str, str] | None = Field(
        default=None,
        description="Towards which side of the patient a row runs, then a column: A, P, R, L, H, F (DICOM).",
        examples=[["L", "F"]],
    )
    view: ViewPosition | None
    view_source: ViewSource | None = Field(
        default=None, description="What the view is known from; a view from the `image` alone is a guess."
    )
    status: Literal["pending", "used", "rejected"]
    error: StudyError | None
    warnings: list[str] = Field(description="What makes its findings less sure, or was done to the image.")
    links: ImageLinks


class Actor(Body):
    """Who did something to a study."""

    kind: ActorKind
    id: str = Field(description="A key's id, or a service's name.", examples=["worker-cnn"])


class TimelineEntry(Body):
    """One thing that happened to a study."""

    status: StudyStatus = Field(description="The status after the event.")
    event: StudyEvent
    actor: Actor
    at: datetime
    detail: str | None


class ModelId(Body):
    """The classifier that spoke."""

    id: str
    version: str
    digest: str


class StudyLinks(Body):
    """Where the rest of a study is."""

    self: str
    events: str
    findings: str
    report: str
    page: str


class Patient(Body):
    """What is known of a study's patient: typed, or in the files; for keys that may read."""

    id: str | None = Field(default=None, description="As it was sent, else as the files have it.")
    sex: Literal["F", "M", "O"] | None = None
    age_years: float | None = Field(default=None, description="At the study; a fraction for infants.")


class Order(Body):
    """Whose study it is and what was asked for: typed, or in the files; for keys that may read."""

    accession_number: str | None = None
    patient_id: str | None = None
    patient_id_issuer: str | None = None
    patient_name: str | None = Field(default=None, examples=["DOE^JANE"])
    patient_birth_date: date | None = None
    patient_sex: Literal["F", "M", "O"] | None = None
    patient_age_years: float | None = None
    referring_physician: str | None = None
    study_instance_uid: str | None = None
    study_date: date | None = None
    study_time: str | None = Field(default=None, description="HH:MM:SS, on the clock of the place.")
    body_part: str | None = None
    laterality: Literal["R", "L", "B", "U"] | None = None
    institution: str | None = None
    indication: str | None = None


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
    error: StudyError | None
    model: ModelId | None = Field(description="The classifier; null until the study is classified.")
    warnings: list[str] = Field(
        default=[],
        description="Those of its images, each once; with the files' names where there are several images.",
    )
    images: list[Image]
    set_aside: list[SetAside] = []  # missing from what an earlier release kept for its key
    timeline: list[TimelineEntry]
    links: StudyLinks


class StudyPage(Body):
    """A page of studies, newest first."""

    items: list[Study]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class Codes(Body):
    """A label's codes in the common vocabularies."""

    snomed_ct: str | None
    radlex: str | None


class FindingLinks(Body):
    """Where a finding's pictures are."""

    heatmap: str | None = Field(description="The class activation map; null where there is none.")


class FindingEntry(Body):
    """What the classifier says about one label."""

    label: str = Field(examples=["Effusion"])
    name: str = Field(examples=["Pleural effusion"])
    probability: float = Field(ge=0, le=1, description="Calibrated.")
    threshold: float = Field(ge=0, le=1, description="At or above it the finding is present.")
    uncertain_from: float = Field(ge=0, le=1, description="At or above it, below the threshold: uncertain.")
    status: FindingStatus
    image: int | None = Field(description="The image that shows it best.")
    box: list[float] | None = Field(
        description="Left, top, right, bottom, as fractions of the image.", examples=[[0.55, 0.6, 0.9, 0.93]]
    )
    codes: Codes
    links: FindingLinks


class ImageFindings(Body):
    """The findings of one image."""

    index: int
    view: ViewPosition | None
    findings: list[FindingEntry]


class Findings(Body):
    """One entry for every label of the model, for the study and for each image."""

    study_id: str = Field(examples=[STUDY_ID])
    model: ModelId
    findings: list[FindingEntry]
    images: list[ImageFindings]


class Sections(Body):
    """The body of a report."""

    indication: str | None = Field(
        description="In the sender's words, whatever they say: nothing else in the report is made of them."
    )
    technique: str
    findings: str
    impression: str


class WriterId(Body):
    """The writer of a report."""

    id: str
    version: str


class VerificationBody(Body):
    """How the report was held against the findings before it was let out."""

    verdict: str
    attempts: int
    fallback: bool


class ReportBody(Body):
    """A report."""

    study_id: str = Field(examples=[STUDY_ID])
    version: int
    status: str = Field(examples=["preliminary"])
    language: Language
    patient: Patient
    study_date: date | None
    warnings: list[str] = Field(
        description="What to know before it is read, in its language; the impression begins with it."
    )
    sections: Sections
    writer: WriterId
    verification: VerificationBody
    created_at: datetime
    not_a_medical_device: str


class NewBatch(BaseModel):
    """What opens a batch."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(min_length=1, max_length=200)] | None = None


class BatchLinks(Body):
    """Where the rest of a batch is."""

    self: str
    results: str
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


class NewKey(BaseModel):
    """What a key is asked for with."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)] = [Scope.READ, Scope.WRITE]


class Key(Body):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")


class FreshKey(Key):
    """A key with its secret, which is shown this once."""

    key: str = Field(examples=["cxr_…"])


class KeyList(Body):
    """All live keys."""

    items: list[Key]


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


class Info(Body):
    """What this server is and takes."""

    version: str | None = Field(description="Null, as are the models, for a caller without a key.")
    model: ModelId | None = Field(description="The classifier of the newest report; null before the first.")
    writer: WriterId | None
    auth: Literal["required", "off"]
    limits: dict[str, int]
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


PROBLEM_CONTENT: dict[str, Any] = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
}


LATER: dict[str, Any] = {
    "Retry-After": {"description": "Seconds until it is worth asking again.", "schema": {"type": "integer"}}
}
PLACE: dict[str, Any] = {"Location": {"description": "Where the new thing is.", "schema": {"type": "string"}}}
VERSION: dict[str, Any] = {
    "ETag": {"description": "The version; send it as `If-None-Match`.", "schema": {"type": "string"}}
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the error answers of a route, for the OpenAPI document."""
    meanings = {
        400: "The input cannot be used; `file` names the culprit where there is one.",
        401: "A live API key is needed.",
        403: "The key lacks the scope, or the request came from another site's page.",
        404: "No such thing, or it belongs to another key.",
        406: "Not in that format; `formats` lists what there is.",
        409: "The state of things does not allow it; `detail` says why.",
        410: "The study was erased.",
        413: "Larger than this server takes; `detail` names the limit.",
        415: "The body is not of the kind that is read here.",
        422: "A field is missing or wrong: `errors` names each; or files contradict each other: `groups`.",
        429: "More than one caller may have at once; ask again after `Retry-After` seconds.",
        503: "The database or the object store is away; ask again after `Retry-After` seconds.",
    }
    return {
        status: {"description": meanings[status], "content": PROBLEM_CONTENT}
        for status in (*statuses, 401, 403, 429, 503)
    }
