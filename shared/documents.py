"""A report gathered for its formats: from what is stored of a study to a `ReportDocument`.

Whoever writes reports out (the API, the courier) reads by `stored`, adds the pictures where the format shows
them, and renders what `document_of` returns.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from pydantic import TypeAdapter

from shared.bucket import NotStoredError
from shared.domain.findings import Box, FindingStatus, ViewPosition, ViewSource
from shared.domain.versions import History
from shared.labels import name_of
from shared.records import analyses, findings, reports
from shared.records.analyses import AnalysisRecord
from shared.records.database import Session
from shared.records.findings import FindingRecord, best_rows
from shared.records.reading import ImageRecord, StudyView
from shared.records.reports import ReportRecord
from shared.rendering.document import FindingLine, ImageLine, Instance, ReportDocument
from shared.reporting import warnings
from shared.storage import Storage, heatmap_key, preview_key
from shared.version import product_version


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a format shows, as `ReportDocument` has it."""

    radiographs: Mapping[int, bytes] = field(default_factory=dict)
    heatmaps: Mapping[tuple[int, str], bytes] = field(default_factory=dict)


_INSTANCE: Final = TypeAdapter(Instance)
_UIDS: Final = ("sop_class_uid", "sop_instance_uid", "series_instance_uid", "study_instance_uid")
_OF_AN_INSTANCE: Final = ("modality", "photometric_interpretation", "shown_range")

NO_PICTURES: Final = Pictures()


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A version of a report, with what it was written from though the study was read again since.

    Attributes:
        rows: the findings of `analysis`.
        history: what the other versions say of this one.
    """

    view: StudyView
    report: ReportRecord
    analysis: AnalysisRecord
    rows: Sequence[FindingRecord]
    history: History


def stored(session: Session, view: StudyView, report: ReportRecord) -> StoredReport | None:
    """Read what a version was written from; None where the study was erased meanwhile."""
    versions = reports.versions_of(session, report.study_id)
    # Read last: a study that is erased meanwhile has no analysis any more.
    analysis = analyses.find(session, report.analysis_id)
    if analysis is None:
        return None
    rows = findings.records_of(session, analysis.id)
    return StoredReport(view, report, analysis, rows, History(versions, report.version))


def document_of(found: StoredReport, pictures: Pictures) -> ReportDocument:
    """Gather what a report holds in any format.

    Args:
        found: the report.
        pictures: for a format that shows them.
    """
    view, report = found.view, found.report
    return ReportDocument(
        study_id=str(view.study.id),
        version=report.version,
        status=report.status,
        language=report.language,
        reported_at=report.created_at.astimezone(UTC),
        study_created_at=view.study.created_at.astimezone(UTC),
        software_version=product_version(),
        warnings=warnings_of(view, report),
        sections=report.sections,
        sentences=report.sentences,
        findings=[
            FindingLine(
                row.label,
                name_of(row.label, report.language),
                row.status,
                row.probability,
                row.threshold,
                image=row.image_index,
                box=Box(*row.box) if row.box else None,
                place=row.place,
            )
            for row in best_rows(found.rows)
        ],
        images=[
            ImageLine(
                image.index,
                image.view or ViewPosition.UNKNOWN,
                bool(image.used),
                judged=image.view_source is ViewSource.IMAGE,
                size=(image.width, image.height),
                instance=_instance_of(image),
                warnings=image.warnings,
            )
            for image in view.images
        ],
        model=found.analysis.model,
        critical=found.analysis.critical,
        author=report.author,
        made_from=report.made_from,
        drafted_by=found.history.drafted_by,
        attestations=found.history.attestations,
        addenda=found.history.addenda,
        newer_reading=found.history.newer_reading,
        superseded_by=found.history.superseded_by,
        fallback=bool(report.fallback),
        order=view.order,
        indication=report.indication,
        pictures=pictures.radiographs,
        heatmaps=pictures.heatmaps,
    )


def pictures_of(storage: Storage, found: StoredReport) -> Pictures:
    """Read the radiographs that were used, and the heatmaps of what is not absent; what is gone is left out.

    Raises:
        TryAgainError: the object store is away.
        DamagedError: it changed one of them.
    """
    study_id = found.view.study.id
    radiographs: dict[int, bytes] = {}
    heatmaps: dict[tuple[int, str], bytes] = {}
    for image in found.view.images:
        if image.used:
            with suppress(NotStoredError):
                radiographs[image.index] = storage.get_artefact(preview_key(study_id, image.index))
    for row in best_rows(found.rows):
        if row.heatmap and row.status is not FindingStatus.ABSENT:
            with suppress(NotStoredError):
                key = heatmap_key(study_id, row.image_index, found.analysis.model_digest, row.label)
                heatmaps[row.image_index, row.label] = storage.get_artefact(key)
    return Pictures(radiographs, heatmaps)


def warnings_of(view: StudyView, report: ReportRecord) -> list[str]:
    """Return what to know before the report is read."""
    return list(report.warnings) or warnings.of_study(view.images, report.language)


def _instance_of(image: ImageRecord) -> Instance | None:
    uids = {name: image.attributes.get(name) for name in _UIDS}
    if not all(uids.values()):
        return None
    others = {name: image.attributes.get(name) for name in _OF_AN_INSTANCE}
    return _INSTANCE.validate_python({**uids, **others})
