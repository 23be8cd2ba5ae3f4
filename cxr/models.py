"""What the server answers, as typed values.

Fields that a newer server adds are kept (`model_extra`), so that nothing is lost when a value is
written out again; statuses are plain strings, so that a new one does not break an old client.
"""

from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

FINAL_STATUSES: Final = frozenset({"completed", "rejected", "failed", "cancelled"})
"""In these a study stays, unless a failed one is retried."""


class Answer(BaseModel):
    """The base of all answers."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


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
    warnings: list[str] = []


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
    error: StudyError | None = None
    model: ModelId | None = None
    warnings: list[str] = []
    images: list[Image] = []
    set_aside: list[SetAside] = []
    timeline: list[TimelineEntry] = []
    links: dict[str, str | None] = {}

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status in FINAL_STATUSES


class StudyPage(Answer):
    """A page of studies, newest first."""

    items: list[Study]
    next_cursor: str | None = None


class Place(Answer):
    """Where in the chest a finding is; `as_displayed`: the file does not say which side is which."""

    side: str | None = None
    zone: str | None = None
    as_displayed: bool = False


class Finding(Answer):
    """What the classifier says of one label."""

    label: str
    name: str | None = None
    probability: float
    threshold: float
    uncertain_from: float | None = None
    status: str
    image: int | None = None
    box: list[float] | None = None
    place: Place | None = None


class ImageFindings(Answer):
    """The findings of one image."""

    index: int
    view: str | None = None
    findings: list[Finding]


class Findings(Answer):
    """One finding for each label of the model."""

    study_id: str
    model: ModelId
    findings: list[Finding]
    images: list[ImageFindings] = []

    @property
    def labels(self) -> list[str]:
        """What was looked for."""
        return [finding.label for finding in self.findings]

    def __getitem__(self, label: str) -> Finding:
        """Return the finding of a label, which may be written as reports write it, in any case."""
        wanted = label.casefold()
        for finding in self.findings:
            if wanted in (finding.label.casefold(), (finding.name or "").casefold()):
                return finding
        raise KeyError(label)


class Sections(Answer):
    """The body of a report; the indication is in the words of whoever sent the study."""

    indication: str | None = None
    technique: str
    comparison: str = ""
    findings: str
    impression: str


class WriterId(Answer):
    """Who wrote a report."""

    id: str
    version: str


class Verification(Answer):
    """How the report was held against the findings."""

    verdict: str
    attempts: int
    fallback: bool
    policy: str = "strict"


class Evidence(Answer):
    """The finding that a sentence rests on, on an image."""

    label: str
    image: int
    box: list[float] | None = None
    place: Place | None = None


class Sentence(Answer):
    """One sentence of a report, held against the findings."""

    section: str
    text: str
    grade: str
    labels: list[str] = []
    evidence: list[Evidence] = []


class Author(Answer):
    """Who wrote a version of a report: `kind` is writer or person."""

    kind: str
    name: str


class Report(Answer):
    """A report; a version by a person has no writer, and was held back by no verification."""

    study_id: str
    version: int
    made_from: int | None = None
    status: str
    language: str
    patient: Patient = Patient()
    study_date: date | None = None
    warnings: list[str] = []
    sections: Sections
    sentences: list[Sentence] = []
    author: Author
    writer: WriterId | None = None
    verification: Verification | None = None
    created_at: datetime | None = None


class Batch(Answer):
    """How far a batch is."""

    id: str
    name: str | None = None
    status: str
    total: int
    counts: dict[str, int]
    done: bool
    created_at: datetime

    @property
    def finished(self) -> int:
        """How many of its items are final."""
        return sum(number for status, number in self.counts.items() if status in FINAL_STATUSES)


class BatchPage(Answer):
    """A page of batches, newest first."""

    items: list[Batch]
    next_cursor: str | None = None


class BatchResult(Answer):
    """One item of a batch."""

    item: str
    path: str | None = None
    study_id: str
    files: list[str] = []
    sha256: list[str] = []
    patient: Patient = Patient()
    study_date: date | None = None
    accession_number: str | None = None
    study_instance_uid: str | None = None
    status: str
    error: StudyError | None = None
    warnings: list[str] = []


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


class Work(Answer):
    """The work that a server has."""

    waiting: dict[str, int]
    running: dict[str, int]
    oldest_seconds: float
    studies_per_hour: float


class Info(Answer):
    """What the server is."""

    version: str | None = None
    model: ModelId | None = None
    writer: WriterId | None = None
    auth: str
    limits: dict[str, int] = {}
    work: Work | None = None
    not_a_medical_device: str = ""


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
