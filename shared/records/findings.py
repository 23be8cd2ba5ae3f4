"""What the CNN worker found: written once with the outcome, read by the LLM worker and the API."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shared.domain.embeddings import Embedding
from shared.domain.findings import (
    AnalysisRole,
    Box,
    Finding,
    FindingStatus,
    ModelVersion,
    Place,
    ViewPosition,
    ViewSource,
    study_findings,
)
from shared.domain.studies import Priority, StudyEvent, StudyId
from shared.errors import BadInputError
from shared.records import analyses, embeddings, events
from shared.records.claims import Claim, finish, reject
from shared.records.moves import Hint
from shared.records.tables import AnalysisRow, FindingRow, ImageRow
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
    place: Place | None
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
            place=self.place,
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
        embedding: by which studies that look alike are found; None without an encoder.
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
    embedding: Embedding | None = None


def store(
    session: Session,
    claim: Claim,
    images: Sequence[ImageFindings],
    model: ModelVersion,
    critical: Sequence[str] = (),
) -> Hint | None:
    """Write the findings, which are the study's own now, and make it CLASSIFIED, in the caller's transaction.

    A study with critical findings goes before all others from now on. An event of its own tells of those that
    it was not flagged with before: a study that is read again alarms nobody twice.

    Args:
        critical: the labels of critical findings.

    Raises:
        LeaseLostError: another worker holds the study; nothing is written.
    """
    urgent = {"priority": Priority.URGENT} if critical else {}
    hint = finish(session, claim, StudyEvent.CLASSIFIED, values=urgent)
    before = analyses.primary(session, claim.study_id) if critical else None
    told = before.critical if before else ()
    write_analysis(session, claim.study_id, images, model, AnalysisRole.PRIMARY, critical)
    write_images(session, claim.study_id, images)
    vectors = {image.index: image.embedding for image in images if image.embedding is not None}
    embeddings.write(session, claim.study_id, claim.tenant_id, vectors)
    if news := [label for label in critical if label not in told]:
        detail = ", ".join(news)
        events.add(session, claim.study_id, StudyEvent.CRITICAL, actor=claim.actor, detail=detail)
    return hint


def refuse(session: Session, claim: Claim, images: Sequence[ImageFindings], reason: BadInputError) -> None:
    """Write down why no image can be used, and make the study REJECTED, in the caller's transaction.

    What a model may have found before is the study's own no longer.

    Raises:
        LeaseLostError: another worker holds the study; nothing is written.
    """
    reject(session, claim, reason)
    analyses.supersede(session, claim.study_id)
    embeddings.forget(session, claim.study_id)
    write_images(session, claim.study_id, images)


def write_analysis(
    session: Session,
    study_id: StudyId,
    images: Sequence[ImageFindings],
    model: ModelVersion,
    role: AnalysisRole,
    critical: Sequence[str] = (),
) -> None:
    """Write one model's findings in place of those that it made of these images before; all others stay.

    The caller keeps the study as it is, see `analyses.write`, which also says when a shadow writes nothing.
    """
    analysis_id = analyses.write(session, study_id, model, role, images=len(images), critical=critical)
    if analysis_id is None:
        return
    session.execute(delete(FindingRow).where(FindingRow.analysis_id == analysis_id))
    session.add_all(
        FindingRow(
            analysis_id=analysis_id,
            image_index=image.index,
            label=finding.label,
            probability=finding.probability,
            threshold=finding.threshold,
            uncertain_from=finding.uncertain_from,
            status=finding.status,
            box=_box_as_list(finding.box),
            place=asdict(finding.place) if finding.place else None,
            heatmap=finding.label in image.heatmaps,
        )
        for image in images
        for finding in image.findings
    )


def write_images(session: Session, study_id: StudyId, images: Sequence[ImageFindings]) -> None:
    """Write down what is known of a study's images now; the caller holds the lease."""
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


def records_of(session: Session, analysis_id: UUID) -> Sequence[FindingRecord]:
    """Return an analysis' findings, by image and label."""
    statement = RECORDS.select().where(FindingRow.analysis_id == analysis_id)
    return RECORDS.all(session, statement.order_by(FindingRow.image_index, FindingRow.label))


def best_rows(rows: Sequence[FindingRecord]) -> Iterable[FindingRecord]:
    """Return for each label the row of the image that shows it best, as `study_findings` does."""
    best: dict[str, FindingRecord] = {}
    for row in rows:
        if row.label not in best or row.probability > best[row.label].probability:
            best[row.label] = row
    return best.values()


def model_of_heatmap(session: Session, study_id: StudyId, image: int, label: str) -> str | None:
    """Return the digest of the model whose heatmap of an image is to be shown; None where there is none."""
    this = (FindingRow.image_index == image, FindingRow.label == label, FindingRow.heatmap)
    statement = select(AnalysisRow.model_digest).join(FindingRow, FindingRow.analysis_id == AnalysisRow.id)
    return session.scalar(statement.where(analyses.is_primary_of(study_id), *this))


def of_study(session: Session, study_id: StudyId) -> dict[int, list[Finding]]:
    """Return the study's own findings of each image, in the order of their labels' names."""
    return of_each(session, [study_id])[study_id]


def of_each(session: Session, study_ids: Sequence[StudyId]) -> dict[StudyId, dict[int, list[Finding]]]:
    """Return the same of several studies."""
    found: dict[StudyId, dict[int, list[Finding]]] = {study_id: {} for study_id in study_ids}
    statement = (
        select(AnalysisRow.study_id, *RECORDS.columns)
        .join(FindingRow, FindingRow.analysis_id == AnalysisRow.id)
        .where(AnalysisRow.study_id.in_(study_ids), AnalysisRow.role == AnalysisRole.PRIMARY)
    )
    rows = session.execute(statement.order_by(FindingRow.image_index, FindingRow.label)).mappings()
    for row in rows:
        record = RECORDS.of({name: row[name] for name in RECORDS.names})
        found[row["study_id"]].setdefault(record.image_index, []).append(record.finding)
    return found


def of_analyses(session: Session, analysis_ids: Collection[UUID]) -> dict[UUID, tuple[Finding, ...]]:
    """Return the findings of analyses of whatever role, joined to one for each label."""
    found: dict[UUID, dict[int, list[Finding]]] = {analysis_id: {} for analysis_id in analysis_ids}
    statement = select(FindingRow.analysis_id, *RECORDS.columns).where(FindingRow.analysis_id.in_(found))
    rows = session.execute(statement.order_by(FindingRow.image_index, FindingRow.label)).mappings()
    for row in rows:
        record = RECORDS.of({name: row[name] for name in RECORDS.names})
        found[row["analysis_id"]].setdefault(record.image_index, []).append(record.finding)
    return {analysis_id: study_findings(images.values()) for analysis_id, images in found.items()}


def _box_as_list(box: Box | None) -> list[float] | None:
    return [box.left, box.top, box.right, box.bottom] if box else None
