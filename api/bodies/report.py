"""A report as clients see it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

from pydantic import Field

from api.bodies.assessment import AssessmentBody, assessment_bodies
from api.bodies.base import NOT_A_MEDICAL_DEVICE, STUDY_ID, Body
from api.bodies.finding import PlaceBody, place_body
from api.bodies.order import Patient, patient_body
from shared.documents import warnings_of
from shared.domain.findings import FindingStatus
from shared.domain.reports import (
    Act,
    AiMark,
    Author,
    AuthorKind,
    Grade,
    GradedSentence,
    Language,
    Policy,
    ReportStatus,
    Section,
    Verification,
    WriterVersion,
)
from shared.domain.versions import History
from shared.records.findings import FindingRecord, best_rows
from shared.records.reading import StudyView
from shared.records.reports import ReportRecord


class Sections(Body):
    """The body of a report."""

    indication: str | None = Field(
        description="In the sender's words, whatever they say: nothing else in the report is made of them."
    )
    technique: str
    comparison: str = Field(description="With the study before; empty where nobody knows of one.")
    findings: str
    impression: str


class AuthorBody(Body):
    """Who wrote a version of a report: a writer of ours, whose name is its id, or a person."""

    kind: AuthorKind
    name: str


class WriterId(Body):
    """The writer of a report."""

    id: str
    version: str


class VerificationBody(Body):
    """How the report was held against the findings before it was let out."""

    policy: Policy
    verdict: str
    attempts: int
    fallback: bool


class Evidence(Body):
    """The finding that a sentence rests on: on which image it is seen best, and where on it."""

    label: str
    image: int
    box: list[float] | None = Field(description="As the finding has it.")
    place: PlaceBody | None = Field(description="As the finding has it.")


class RegionBody(Body):
    """Where on an image its writer saw what a sentence says."""

    image: int
    box: list[float] = Field(description="Left, top, right and bottom, as fractions of the whole image.")


class SentenceBody(Body):
    """A sentence of a report, held against the findings."""

    section: Section
    text: str
    grade: Grade = Field(
        description="supported; contradicts: denies what was detected; unsupported: states what was not, or"
        " not so surely; unread: nobody could check it. What rules wrote is supported."
    )
    labels: list[str] = Field(description="What it speaks of; what an unread one names.")
    evidence: list[Evidence] = Field(
        description="The findings of those labels that are present or uncertain; see `findings` of the study."
    )
    regions: list[RegionBody] = Field(
        description="The writer's own; none of a writer that did not see the images, or of a changed one."
    )


class AttestationBody(Body):
    """A person's word for a report."""

    act: Act
    name: str
    at: datetime
    version: int
    reason: str | None


class AddendumBody(Body):
    """What a person added below a signed report."""

    text: str
    author: str
    at: datetime
    version: int


class ReportBody(Body):
    """A report."""

    study_id: str = Field(examples=[STUDY_ID])
    version: int
    made_from: int | None = Field(
        description="The version that a person changed; null for what a writer wrote from the findings."
    )
    act: Act = Field(description="What made this version.")
    status: ReportStatus
    ai_mark: AiMark = Field(
        description="The IPTC digital source type: whether an AI alone wrote it, or a person signed it too."
    )
    language: Language
    patient: Patient
    study_date: date | None
    warnings: list[str] = Field(
        description="What to know before it is read, in its language; the impression begins with it."
    )
    sections: Sections
    sentences: list[SentenceBody] = Field(description="Every sentence of the sections, in order.")
    assessments: list[AssessmentBody] = Field(
        description="What the text says of each finding, its addenda included, and what it says beyond them."
    )
    author: AuthorBody
    attestations: list[AttestationBody] = Field(
        description="Who signed, amended, added to or withdrew it, in order; empty until somebody has signed."
    )
    addenda: list[AddendumBody] = Field(description="What was added below it after it was signed, in order.")
    newer_reading: int | None = Field(
        description="The version that a writer made after this one was signed: the study was read again."
    )
    superseded_by: int | None = Field(
        description="Of a version that is not the report any more: the one that is."
    )
    writer: WriterId | None = Field(description="Null for a version by a person.")
    verification: VerificationBody | None = Field(
        description="Null for a version by a person, whose sentences are graded and of which none is refused."
    )
    created_at: datetime
    not_a_medical_device: str


def report_body(
    view: StudyView, report: ReportRecord, rows: Sequence[FindingRecord], history: History
) -> ReportBody:
    """Write a report down.

    Args:
        rows: the findings that it was written from.
        history: of its versions.
    """
    evidence = evidence_of(rows)
    return ReportBody(
        study_id=str(report.study_id),
        version=report.version,
        made_from=report.made_from,
        act=report.act,
        status=report.status,
        ai_mark=history.ai_mark,
        language=report.language,
        patient=patient_body(view.order),
        study_date=view.order.study_date,
        warnings=warnings_of(view, report),
        sections=Sections(
            indication=report.indication,
            technique=report.technique,
            comparison=report.comparison,
            findings=report.findings,
            impression=report.impression,
        ),
        sentences=[
            SentenceBody(
                section=sentence.section,
                text=sentence.text,
                grade=sentence.grade,
                labels=list(sentence.labels),
                evidence=[evidence[label] for label in sentence.labels if label in evidence],
                regions=regions_of(sentence),
            )
            for sentence in report.sentences
        ],
        assessments=assessment_bodies(report, rows, history),
        author=author_body(report.author),
        attestations=[AttestationBody(**asdict(one)) for one in history.attestations],
        addenda=[AddendumBody(**asdict(one)) for one in history.addenda],
        newer_reading=history.newer_reading,
        superseded_by=history.superseded_by,
        writer=writer_body(report.writer),
        verification=verification_body(report.verification),
        created_at=report.created_at,
        not_a_medical_device=NOT_A_MEDICAL_DEVICE[report.language],
    )


def evidence_of(rows: Sequence[FindingRecord]) -> dict[str, Evidence]:
    """Return what a sentence of each label rests on; what is absent is evidence of nothing."""
    return {
        row.label: Evidence(
            label=row.label,
            image=row.image_index,
            box=list(row.box) if row.box else None,
            place=place_body(row.finding.place),
        )
        for row in best_rows(rows)
        if row.status is not FindingStatus.ABSENT
    }


def regions_of(sentence: GradedSentence) -> list[RegionBody]:
    """Return where its writer saw what a sentence says."""
    return [
        RegionBody(
            image=region.image, box=[region.box.left, region.box.top, region.box.right, region.box.bottom]
        )
        for region in sentence.regions
    ]


def author_body(author: Author) -> AuthorBody:
    """Return who wrote a version, or did something to it."""
    if isinstance(author, WriterVersion):
        return AuthorBody(kind=AuthorKind.WRITER, name=author.id)
    return AuthorBody(kind=AuthorKind.PERSON, name=author.name)


def writer_body(writer: WriterVersion | None) -> WriterId | None:
    """Return a writer's body, where there is one."""
    return None if writer is None else WriterId(id=writer.id, version=writer.version)


def verification_body(verification: Verification | None) -> VerificationBody | None:
    """Return how a version was verified, where it was."""
    if verification is None:
        return None
    return VerificationBody(
        policy=verification.policy,
        verdict=verification.verdict,
        attempts=verification.attempts,
        fallback=verification.fallback,
    )
