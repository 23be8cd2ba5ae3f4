"""A study's report."""

from datetime import date, datetime

from pydantic import Field

from cxr.models.answer import Answer
from cxr.models.finding import Place
from cxr.models.study import Patient


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


class Region(Answer):
    """Where on an image its writer saw what a sentence says: left, top, right, bottom as fractions."""

    image: int
    box: list[float]


class Sentence(Answer):
    """One sentence of a report, held against the findings."""

    section: str
    text: str
    grade: str
    labels: list[str] = Field(default=[])
    evidence: list[Evidence] = Field(default=[])
    regions: list[Region] = Field(default=[])


class Assessment(Answer):
    """One label, as the classifier found it and as the text says it; `outcome` says how the two agree."""

    label: str
    name: str
    found: str | None = None
    said: str | None = None
    outcome: str


class Author(Answer):
    """Who wrote a version of a report: `kind` is writer or person."""

    kind: str
    name: str


class Attestation(Answer):
    """A person's word for a report; `act` is signed, amended, addendum or entered-in-error."""

    act: str
    name: str
    at: datetime
    version: int
    reason: str | None = None


class Addendum(Answer):
    """What a person added below a signed report."""

    text: str
    author: str
    at: datetime
    version: int


class Report(Answer):
    """A report; a version by a person has no writer, and was held back by no verification.

    Attributes:
        act: what made this version.
        newer_reading: the version that a writer made after this one was signed.
        superseded_by: of a version that is not the report any more, the one that is.
    """

    study_id: str
    version: int
    made_from: int | None = None
    act: str = "written"
    status: str
    language: str
    patient: Patient = Patient()
    study_date: date | None = None
    warnings: list[str] = Field(default=[])
    sections: Sections
    sentences: list[Sentence] = Field(default=[])
    assessments: list[Assessment] = Field(default=[])
    author: Author
    attestations: list[Attestation] = Field(default=[])
    addenda: list[Addendum] = Field(default=[])
    newer_reading: int | None = None
    superseded_by: int | None = None
    writer: WriterId | None = None
    verification: Verification | None = None
    created_at: datetime | None = None
