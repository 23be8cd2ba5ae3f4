"""A report as clients see it."""

from datetime import date, datetime

from pydantic import Field

from api.bodies.base import NOT_A_MEDICAL_DEVICE, STUDY_ID, Body
from api.bodies.study import Patient, patient_body
from shared.domain import Language, ReportStatus
from shared.records.reading import StudyView
from shared.records.reports import ReportRecord
from shared.reporting import warnings


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
    status: ReportStatus
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


def report_body(view: StudyView, report: ReportRecord) -> ReportBody:
    """Write a report down."""
    study = view.study
    return ReportBody(
        study_id=str(report.study_id),
        version=report.version,
        status=report.status,
        language=report.language,
        patient=patient_body(study),
        study_date=study.study_date,
        warnings=warnings_of(view, report),
        sections=Sections(
            indication=report.indication,
            technique=report.technique,
            findings=report.findings,
            impression=report.impression,
        ),
        writer=WriterId(id=report.writer_id, version=report.writer_version),
        verification=VerificationBody(
            verdict=report.verdict, attempts=report.attempts, fallback=report.fallback
        ),
        created_at=report.created_at,
        not_a_medical_device=NOT_A_MEDICAL_DEVICE,
    )


def warnings_of(view: StudyView, report: ReportRecord) -> list[str]:
    """Return what to know before the report is read."""
    return list(report.warnings) or warnings.of_study(view.images, report.language)
