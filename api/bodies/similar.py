"""Studies that look like one, as clients see them."""

from collections.abc import Iterable
from datetime import date, datetime

from pydantic import Field

from api.bodies.base import STUDY_ID, Body
from api.bodies.image import study_path
from api.bodies.model import ModelId
from shared.domain.findings import Finding, FindingStatus
from shared.domain.reports import Language, ReportStatus
from shared.domain.studies import StudyStatus
from shared.labels import name_of
from shared.records.embeddings import Neighbour
from shared.records.reading import StudyView
from shared.records.reports import ReportRecord

_SIGNED = frozenset({ReportStatus.FINAL, ReportStatus.AMENDED})


class PresentFinding(Body):
    """A finding that the classifier calls present."""

    label: str = Field(examples=["Effusion"])
    name: str = Field(examples=["Pleural effusion"])
    probability: float


class SimilarLinks(Body):
    """Where the rest of a similar study is."""

    self: str
    report: str
    page: str
    preview: str = Field(description="Of the image that looks most alike.")


class SimilarStudy(Body):
    """A study that looks like the one that was asked about."""

    study_id: str = Field(examples=[STUDY_ID])
    distance: float = Field(
        description="Of the two images that are most alike, by cosine: 0 is the same picture. Only to be "
        "compared with other distances of one encoder."
    )
    image: int = Field(description="The image of the study that was asked about.")
    their_image: int = Field(description="The image of this study.")
    status: StudyStatus
    language: Language = Field(description="Of its findings' names and its impression.")
    created_at: datetime
    study_date: date | None
    findings: list[PresentFinding] = Field(description="Those that are present; the most probable first.")
    report_status: ReportStatus | None
    impression: str | None = Field(description="Of a report that a person signed; null of any other.")
    links: SimilarLinks


class SimilarStudies(Body):
    """The studies that look like one, the nearest first."""

    study_id: str = Field(examples=[STUDY_ID])
    encoder: ModelId = Field(description="What made the vectors that are compared.")
    items: list[SimilarStudy]


def similar_body(
    neighbour: Neighbour, view: StudyView, found: Iterable[Finding], report: ReportRecord | None
) -> SimilarStudy:
    """Write a similar study down.

    Args:
        report: as it stands.
    """
    study, path = view.study, study_path(view.study.id)
    present = [finding for finding in found if finding.status is FindingStatus.PRESENT]
    present.sort(key=lambda finding: -finding.probability)
    return SimilarStudy(
        study_id=str(study.id),
        distance=neighbour.distance,
        image=neighbour.image,
        their_image=neighbour.their_image,
        status=study.status,
        language=study.language,
        created_at=study.created_at,
        study_date=view.order.study_date,
        findings=[
            PresentFinding(
                label=finding.label,
                name=name_of(finding.label, study.language),
                probability=finding.probability,
            )
            for finding in present
        ],
        report_status=study.report_status,
        impression=report.impression if report and report.status in _SIGNED else None,
        links=SimilarLinks(
            self=path,
            report=f"{path}/report",
            page=f"/#/studies/{study.id}",
            preview=f"{path}/images/{neighbour.their_image}/preview.png",
        ),
    )
