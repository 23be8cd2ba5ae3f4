"""What the CNN worker found: written once with the outcome, read by the LLM worker and the API."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shared.domain import (
    Box,
    Finding,
    FindingStatus,
    ModelVersion,
    StudyEvent,
    StudyId,
    ViewPosition,
    ViewSource,
)
from shared.errors import BadInputError
from shared.records.studies import Claim, Hint, finish
from shared.records.tables import FindingRow, ImageRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """What the classifier says about one label of one image, as it is stored."""

    image_index: int
    label: str
    probability: float
    threshold: float
    uncertain_from: float
    status: FindingStatus
    box: tuple[float, float, float, float] | None
    heatmap: bool

    @property
    def finding(self) -> Finding:
        """The same without what is kept beside it."""
        return Finding(
            label=self.label,
            probability=self.probability,
            threshold=self.threshold,
            uncertain_from=self.uncertain_from,
            status=self.status,
            image=self.image_index,
            box=Box(*self.box) if self.box else None,
        )


RECORDS: Final = Values(FindingRecord, FindingRow)


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """The outcome of one image.

    Attributes:
        rejection: why the image was not used; then it has no findings.
        warnings: codes of `shared/reporting/warnings.py`.
        size: width and height of the picture as it was classified; None of one that could not be read.
        heatmaps: the labels for which S3 holds a heatmap.
        attributes: the DICOM attributes that are needed downstream, by keyword.
    """

    index: int
    view: ViewPosition
    findings: Sequence[Finding] = ()
    rejection: BadInputError | None = None
    warnings: Sequence[str] = ()
    size: tuple[int, int] | None = None
    view_source: ViewSource | None = None
    heatmaps: frozenset[str] = frozenset()
    attributes: dict[str, Any] = field(default_factory=dict)


def store(
    session: Session,
    claim: Claim,
    images: Sequence[ImageFindings],
    model: ModelVersion,
) -> Hint | None:
    """Write the findings and make the study CLASSIFIED, in the caller's transaction.

    Raises:
        LeaseLostError: another worker holds the study; nothing is written.
    """
    model_values = {"model_id": model.id, "model_version": model.version, "model_digest": model.digest}
    hint = finish(session, claim, StudyEvent.CLASSIFIED, values=model_values)
    write_images(session, claim.study_id, images)
    return hint


def write_images(session: Session, study_id: StudyId, images: Sequence[ImageFindings]) -> None:
    """Replace what is known of a study's images; the caller holds the lease."""
    session.execute(delete(FindingRow).where(FindingRow.study_id == study_id))
    for image in images:
        session.execute(
            update(ImageRow)
            .where(ImageRow.study_id == study_id, ImageRow.index == image.index)
            .values(
                used=image.rejection is None,
                view=image.view,
                view_source=image.view_source,
                error_type=image.rejection.code if image.rejection else None,
                error_detail=image.rejection.detail if image.rejection else None,
                warnings=list(image.warnings),
                attributes=image.attributes,
                **({"width": image.size[0], "height": image.size[1]} if image.size else {}),
            )
        )
    session.add_all(
        FindingRow(
            study_id=study_id,
            image_index=image.index,
            label=finding.label,
            probability=finding.probability,
            threshold=finding.threshold,
            uncertain_from=finding.uncertain_from,
            status=finding.status,
            box=_box_as_list(finding.box),
            heatmap=finding.label in image.heatmaps,
        )
        for image in images
        for finding in image.findings
    )


def records_of(session: Session, study_id: StudyId) -> Sequence[FindingRecord]:
    """Return a study's findings, by image and label."""
    statement = RECORDS.select().where(FindingRow.study_id == study_id)
    return RECORDS.all(session, statement.order_by(FindingRow.image_index, FindingRow.label))


def has_heatmap(session: Session, study_id: StudyId, image: int, label: str) -> bool:
    """Whether the object store holds a heatmap of a label of an image."""
    this = (FindingRow.study_id == study_id, FindingRow.image_index == image, FindingRow.label == label)
    return session.scalar(select(FindingRow.heatmap).where(*this)) or False


def of_study(session: Session, study_id: StudyId) -> dict[int, list[Finding]]:
    """Return the findings of each image, in the order of their labels' names."""
    return of_each(session, [study_id])[study_id]


def of_each(session: Session, study_ids: Sequence[StudyId]) -> dict[StudyId, dict[int, list[Finding]]]:
    """Return the findings of each image of several studies."""
    found: dict[StudyId, dict[int, list[Finding]]] = {study_id: {} for study_id in study_ids}
    statement = select(FindingRow.study_id, *RECORDS.columns).where(FindingRow.study_id.in_(study_ids))
    rows = session.execute(statement.order_by(FindingRow.image_index, FindingRow.label)).mappings()
    for row in rows:
        record = RECORDS.of({name: row[name] for name in RECORDS.names})
        found[row["study_id"]].setdefault(record.image_index, []).append(record.finding)
    return found


def _box_as_list(box: Box | None) -> list[float] | None:
    return [box.left, box.top, box.right, box.bottom] if box else None
