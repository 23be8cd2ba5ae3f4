"""What a study is and how it moves: pure values, no I/O.

QUEUED -> CLASSIFYING -> CLASSIFIED -> REPORTING -> COMPLETED; a study whose images come one by one is OPEN
before. On the way it may end REJECTED (bad input), FAILED (tried and gave up) or CANCELLED. `TRANSITIONS` is
the only place that says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Final, NewType, TypeAlias
from uuid import UUID

from uuid6 import uuid7

StudyId = NewType("StudyId", UUID)
BatchId = NewType("BatchId", UUID)
KeyId = NewType("KeyId", UUID)
TenantId = NewType("TenantId", UUID)
LeaseToken = NewType("LeaseToken", int)
"""Grows by one at each claim and never shrinks: a write that shows an old token is refused."""


DEFAULT_TENANT: Final = TenantId(UUID("00000000-0000-7000-8000-000000000001"))
"""Whose the studies are where nobody names a tenant: without keys, or with an administrator's. The first
migration makes it."""
DEFAULT_TENANT_NAME: Final = "default"


def new_id() -> UUID:
    """Make a UUIDv7: sorted by time, so that primary keys are inserted at the index's end."""
    return UUID(int=uuid7().int)


class StudyStatus(StrEnum):
    """Where a study stands; each value says who puts it there and who takes it on."""

    OPEN = "open"
    """More images may come. Put here by the API; quiet time, the number of images or the client closes it."""
    QUEUED = "queued"
    """Accepted, originals stored. Put here by the API, by what closed it, or by a lease that ran out; the
    CNN worker's claim takes it on."""
    CLASSIFYING = "classifying"
    """Held by a CNN worker's lease. When the lease runs out the sweeper makes it QUEUED again."""
    CLASSIFIED = "classified"
    """Findings are stored. Put here by the CNN worker; the LLM worker's claim takes it on."""
    REPORTING = "reporting"
    """Held by an LLM worker's lease. When the lease runs out the sweeper makes it CLASSIFIED again."""
    COMPLETED = "completed"
    """The report is stored. Final; being read again makes it QUEUED."""
    REJECTED = "rejected"
    """No image of the study can be used; `error` says which file and why. Final."""
    FAILED = "failed"
    """Tried and given up; `error` holds the last failure. A retry makes it QUEUED."""
    CANCELLED = "cancelled"
    """A client took it back. Final."""

    @property
    def is_final(self) -> bool:
        """Whether no worker will touch the study any more."""
        return self in _FINAL


_FINAL: Final = frozenset(
    {StudyStatus.COMPLETED, StudyStatus.REJECTED, StudyStatus.FAILED, StudyStatus.CANCELLED},
)


class StudyEvent(StrEnum):
    """What happens to a study; every one of them is a row of its timeline."""

    RECEIVED = "received"
    IMAGES_ADDED = "images-added"
    """To an open study; its status stays."""
    CLOSED = "closed"
    """No more images are taken; the study waits for its first worker."""
    CLAIMED = "claimed"
    CLASSIFIED = "classified"
    REPORTED = "reported"
    REJECTED = "rejected"
    LEASE_EXPIRED = "lease-expired"
    """The worker died or hung. Counted only where the study was tried alone."""
    RELEASED = "released"
    """The worker gave the study back: it stops, or something that it needs is away for a while."""
    ATTEMPT_FAILED = "attempt-failed"
    """The work itself failed; it is tried again alone, in a process of its own."""
    GAVE_UP = "gave-up"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    REREAD = "reread"
    """A completed study is to be read again, as a newer model would; what was found and written stays."""
    EDITED = "edited"
    """The report has a new version; this and the next leave the status as it is."""
    ERASED = "erased"
    """The patient's data are gone."""


TRANSITIONS: Final[dict[tuple[StudyStatus, StudyEvent], StudyStatus]] = {
    (StudyStatus.OPEN, StudyEvent.CLOSED): StudyStatus.QUEUED,
    (StudyStatus.OPEN, StudyEvent.REJECTED): StudyStatus.REJECTED,  # no image came
    (StudyStatus.OPEN, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.QUEUED, StudyEvent.CLAIMED): StudyStatus.CLASSIFYING,
    (StudyStatus.QUEUED, StudyEvent.REJECTED): StudyStatus.REJECTED,  # a batch's item, at the door
    (StudyStatus.QUEUED, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.CLASSIFYING, StudyEvent.CLASSIFIED): StudyStatus.CLASSIFIED,
    (StudyStatus.CLASSIFYING, StudyEvent.REJECTED): StudyStatus.REJECTED,
    (StudyStatus.CLASSIFYING, StudyEvent.LEASE_EXPIRED): StudyStatus.QUEUED,
    (StudyStatus.CLASSIFYING, StudyEvent.RELEASED): StudyStatus.QUEUED,
    (StudyStatus.CLASSIFYING, StudyEvent.ATTEMPT_FAILED): StudyStatus.QUEUED,
    (StudyStatus.CLASSIFYING, StudyEvent.GAVE_UP): StudyStatus.FAILED,
    (StudyStatus.CLASSIFYING, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.CLASSIFIED, StudyEvent.CLAIMED): StudyStatus.REPORTING,
    (StudyStatus.CLASSIFIED, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.REPORTING, StudyEvent.REPORTED): StudyStatus.COMPLETED,
    (StudyStatus.REPORTING, StudyEvent.LEASE_EXPIRED): StudyStatus.CLASSIFIED,
    (StudyStatus.REPORTING, StudyEvent.RELEASED): StudyStatus.CLASSIFIED,
    (StudyStatus.REPORTING, StudyEvent.ATTEMPT_FAILED): StudyStatus.CLASSIFIED,
    (StudyStatus.REPORTING, StudyEvent.GAVE_UP): StudyStatus.FAILED,
    (StudyStatus.REPORTING, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.FAILED, StudyEvent.RETRIED): StudyStatus.QUEUED,
    (StudyStatus.COMPLETED, StudyEvent.REREAD): StudyStatus.QUEUED,
}


class IllegalTransitionError(ValueError):
    """The state machine has no such move: a bug in the caller, never bad input."""


def next_status(status: StudyStatus, event: StudyEvent) -> StudyStatus:
    """Return where `event` takes a study that is in `status`.

    Raises:
        IllegalTransitionError: `TRANSITIONS` does not list the pair.
    """
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        message = f"a study that is {status} cannot be {event}"
        raise IllegalTransitionError(message) from None


def statuses_before(event: StudyEvent) -> frozenset[StudyStatus]:
    """Return the statuses in which `event` may happen."""
    return frozenset(status for status, allowed in TRANSITIONS if allowed is event)


class ActorKind(StrEnum):
    """Who may do something to a study."""

    KEY = "key"
    """A program, by its API key."""
    PERSON = "person"
    SERVICE = "service"
    """One of ours: a worker, the sweeper, or the API where it asks for no keys."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did what an event tells of.

    Attributes:
        id: a key's or a person's id, a service's name; never a person's name.
    """

    kind: ActorKind
    id: str


class Stage(StrEnum):
    """The two kinds of work; each is a worker and the status in which studies wait for it."""

    CNN = "cnn"
    LLM = "llm"

    @property
    def waiting(self) -> StudyStatus:
        """The status of the studies that this stage takes on."""
        return StudyStatus.QUEUED if self is Stage.CNN else StudyStatus.CLASSIFIED


class Priority(StrEnum):
    """Who goes first. Each priority has a queue of its own; `archive` waits for the other two."""

    URGENT = "urgent"
    ROUTINE = "routine"
    ARCHIVE = "archive"

    @property
    def rank(self) -> int:
        """Its place in a line: lower goes first."""
        return list(Priority).index(self)


class ViewPosition(StrEnum):
    """How the radiograph was taken (DICOM View Position, 0018,5101)."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"
    UNKNOWN = "UNKNOWN"


class ViewSource(StrEnum):
    """What a view is known from."""

    FILE = "file"
    """The file says it."""
    IMAGE = "image"
    """The file does not, and the picture looks like it: a guess."""


class Language(StrEnum):
    """A language in which reports are written (ISO 639-1)."""

    ENGLISH = "en"
    SPANISH = "es"


class ReportStatus(StrEnum):
    """How far a version of a report is to be relied on (FHIR DiagnosticReport.status)."""

    PRELIMINARY = "preliminary"
    """Nobody has signed it."""
    FINAL = "final"
    AMENDED = "amended"
    """Changed after it was final."""
    ENTERED_IN_ERROR = "entered-in-error"


class AnalysisRole(StrEnum):
    """What one model's findings are to their study."""

    PRIMARY = "primary"
    """The study's own: its report is made of them, its readers see them. A study has one at most."""
    SUPERSEDED = "superseded"
    """They were the study's own until it was read again."""
    SHADOW = "shadow"
    """Kept to be compared, and shown to no reader of the study."""


class FindingStatus(StrEnum):
    """What the classifier says about one label."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Patient:
    """What a report says of its patient.

    Attributes:
        sex: "F", "M" or "O".
    """

    id: str | None = None
    sex: str | None = None
    age_years: float | None = None


NO_PATIENT: Final = Patient()
"""Of whom nothing is known."""


@dataclass(frozen=True, slots=True)
class Order:
    """Whose study it is and what was asked for: typed, or in the files; all of it is patient data.

    Attributes:
        patient_id_issuer: who gave the id (Issuer of Patient ID): one id of two issuers is two patients.
        patient_name: as DICOM writes a name: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX.
        patient_sex: "F", "M" or "O".
        patient_age_years: at the study; a fraction for infants.
        study_time: on the clock of the place where it was taken.
        referring_physician: written as a patient's name is.
        body_part: Body Part Examined, in capitals: "CHEST".
        laterality: "R", "L", "B" (both) or "U" (unpaired).
        indication: why the radiograph was taken, in the sender's words.
        item_path: of a batch's item, where in the client's archive it lies.
        set_aside: the files that are no images, each as its name and why.
    """

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
    study_time: time | None = None
    body_part: str | None = None
    laterality: str | None = None
    institution: str | None = None
    indication: str | None = None
    item_path: str | None = None
    set_aside: tuple[Mapping[str, str], ...] = ()

    @property
    def patient(self) -> Patient:
        """What a report says of the patient."""
        return Patient(self.patient_id, self.patient_sex, self.patient_age_years)


NO_ORDER: Final = Order()
"""What a file without a header says."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on an image, as fractions of its width and height, origin at the top left."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        """Refuse a rectangle that is empty or leaves the image."""
        if not (0.0 <= self.left < self.right <= 1.0 and 0.0 <= self.top < self.bottom <= 1.0):
            message = f"a box lies in the unit square and is not empty, got {self}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the classifier says about one label, of one image or of the whole study.

    Attributes:
        label: the id of a label in `shared/labels.py`.
        probability: calibrated, in [0, 1]; never a raw score.
        threshold: at or above it the finding is present (chosen on validation patients).
        uncertain_from: at or above it, and below the threshold, the finding is uncertain.
        image: index of the image that shows it best; None where no image was used.
        box: where on that image, when the finding is present or uncertain and the heatmap is
            concentrated enough to say so.
    """

    label: str
    probability: float
    threshold: float
    uncertain_from: float
    status: FindingStatus
    image: int | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        """Refuse what is not a probability, and a band that does not end at the threshold."""
        if not 0.0 <= self.probability <= 1.0:
            message = f"{self.label}: a probability lies in [0, 1], got {self.probability!r}"
            raise ValueError(message)
        if not 0.0 <= self.uncertain_from <= self.threshold <= 1.0:
            message = f"{self.label}: 0 <= uncertain_from <= threshold <= 1, got {self}"
            raise ValueError(message)


def study_findings(per_image: Iterable[Iterable[Finding]]) -> tuple[Finding, ...]:
    """Join the findings of a study's images: for each label the image with the highest probability.

    Source: CheXpert (Irvin 2019, arXiv 1901.07031), which scores a study by the maximum over views.
    """
    best: dict[str, Finding] = {}
    for findings in per_image:
        for finding in findings:
            if finding.label not in best or finding.probability > best[finding.label].probability:
                best[finding.label] = finding
    return tuple(best.values())


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """The classifier that findings are produced by; their thresholds belong to this version of it."""

    id: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class WriterVersion:
    """The report writer that a report is produced by."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person who wrote a version of a report, by the name that the report shows."""

    name: str


Author: TypeAlias = WriterVersion | Person


class AuthorKind(StrEnum):
    """Who wrote a version of a report."""

    WRITER = "writer"
    """One of ours: a model or the rules."""
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class ReportSections:
    """The body of a radiology report; each section is one or more sentences of plain text."""

    technique: str
    findings: str
    impression: str


class Grade(StrEnum):
    """What the findings say to one sentence of a report; the loudest first."""

    CONTRADICTS = "contradicts"
    """It denies what was detected, or what may be the same as that."""
    UNSUPPORTED = "unsupported"
    """It states a label that nobody found, or one more or less surely than it was found."""
    UNREAD = "unread"
    """The grammar cannot read it: nobody knows whether it agrees with the findings."""
    SUPPORTED = "supported"
    """The findings say so too, or a rule wrote it."""


class Section(StrEnum):
    """The parts of a report that are made of sentences."""

    TECHNIQUE = "technique"
    FINDINGS = "findings"
    IMPRESSION = "impression"


@dataclass(frozen=True, slots=True)
class GradedSentence:
    """One sentence of a report, held against the findings.

    Attributes:
        labels: what it speaks of; of an unread sentence, what it names.
    """

    section: Section
    text: str
    grade: Grade
    labels: tuple[str, ...] = ()


class Policy(StrEnum):
    """What a writer may say; see docs/decisions/0018."""

    STRICT = "strict"
    """For writers that know the findings alone: every sentence is supported, and everything is said."""
    GROUNDED = "grounded"
    """For writers that saw the image: what goes beyond the findings is refused or marked."""


class Departures(StrEnum):
    """What is done with a grounded report that departs from the findings."""

    REFUSE = "refuse"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Verification:
    """How a report was held against the findings before it was let out.

    Attributes:
        verdict: "passed" always: nothing that its writer's policy refuses is delivered.
        attempts: how many texts were written, the delivered one included.
        fallback: whether the delivered text is the template's because the writer's own failed.
        failures: why each refused text was refused.
        policy: what the delivered text was held to.
    """

    verdict: str
    attempts: int
    fallback: bool
    failures: tuple[str, ...] = ()
    policy: Policy = Policy.STRICT


@dataclass(frozen=True, slots=True)
class Report:
    """A report that a writer wrote, verified.

    Attributes:
        warnings: what its reader must know before it, in its language; its impression begins with them.
        sentences: every sentence of the three sections, in order, with its grade.
    """

    language: Language
    sections: ReportSections
    writer: WriterVersion
    verification: Verification
    warnings: tuple[str, ...] = ()
    sentences: tuple[GradedSentence, ...] = ()


@dataclass(frozen=True, slots=True)
class EditedReport:
    """A version that a person made of an earlier one: graded as a writer's is, and refused for nothing.

    Attributes:
        warnings, sentences: as a `Report` has them.
    """

    language: Language
    sections: ReportSections
    author: Person
    warnings: tuple[str, ...] = ()
    sentences: tuple[GradedSentence, ...] = ()
