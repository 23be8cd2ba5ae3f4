"""A report gathered for its formats: from what is stored of the study to a `ReportDocument`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from typing import Final

from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from api.backend import Backend
from api.bodies.finding import best_rows, name_of
from api.bodies.report import report_body, warnings_of
from api.problem_kinds import Code
from api.problems import ProblemError
from api.version import product_version
from shared.bucket import SHORT, NotStoredError
from shared.domain.findings import Box, FindingStatus, ViewPosition, ViewSource
from shared.domain.versions import History
from shared.records import analyses, findings, reports
from shared.records.analyses import AnalysisRecord
from shared.records.database import Session
from shared.records.findings import FindingRecord
from shared.records.reading import ImageRecord, StudyView
from shared.records.reports import ReportRecord
from shared.rendering.document import FindingLine, ImageLine, Instance, ReportDocument
from shared.rendering.formats import FORMATS, Format
from shared.storage import Storage, heatmap_key, preview_key


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a format shows, as `ReportDocument` has it."""

    radiographs: Mapping[int, bytes] = field(default_factory=dict)
    heatmaps: Mapping[tuple[int, str], bytes] = field(default_factory=dict)


_INSTANCE: Final = TypeAdapter(Instance)
_UIDS: Final = ("sop_class_uid", "sop_instance_uid", "series_instance_uid", "study_instance_uid")
_OF_AN_INSTANCE: Final = ("modality", "photometric_interpretation", "shown_range")

_NO_PICTURES: Final = Pictures()
_PICTURES_SECONDS: Final = SHORT.object_seconds(32 << 20)
"""For all that a format shows of a study."""


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


def stored(session: Session, view: StudyView, report: ReportRecord) -> StoredReport:
    """Read what a version was written from.

    Raises:
        ProblemError: 410, the study was erased meanwhile.
    """
    versions = reports.versions_of(session, report.study_id)
    # Read last: a study that is erased meanwhile has no analysis any more.
    analysis = analyses.find(session, report.analysis_id)
    if analysis is None:
        message = "the study was erased"
        raise ProblemError(Code.ERASED, message)
    rows = findings.records_of(session, analysis.id)
    return StoredReport(view, report, analysis, rows, History(versions, report.version))


@dataclass(frozen=True, slots=True)
class Form:
    """A format as the API gives it: JSON is its own, the others are those of `shared/rendering/formats.py`.

    Attributes:
        write: raises NotPossibleError where the study lacks what the format cannot do without.
    """

    name: str
    media_type: str
    extension: str
    write: Callable[[StoredReport, Pictures], bytes]
    by_accept: bool
    pictures: bool


def _form_of(form: Format) -> Form:
    return Form(
        form.name,
        form.media_type,
        form.extension,
        lambda found, pictures: form.render(document_of(found, pictures)),
        form.by_accept,
        form.pictures,
    )


def form_named(name: str) -> Form:
    """Return the format of a name.

    Raises:
        ProblemError: 406, there is none.
    """
    if name not in FORMS:
        message = f"there is no format {name[:40]!r} of a report"
        raise ProblemError(Code.NOT_ACCEPTABLE, message, formats=list(FORMS))
    return FORMS[name]


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


async def content_of(backend: Backend, form: Form, found: StoredReport) -> bytes:
    """Write a report in a format, with its pictures where the format shows them.

    Raises:
        NotPossibleError: the study lacks what the format cannot do without.
        ProblemError: 503, the object store did not answer in time.
        TryAgainError, DamagedError: as `pictures_of`.
    """
    pictures = _NO_PICTURES
    if form.pictures:
        read = partial(pictures_of, backend.storage, found)
        pictures = await backend.reading.run(read, seconds=_PICTURES_SECONDS)
    return await run_in_threadpool(form.write, found, pictures)


def _json_of(found: StoredReport, _pictures: Pictures) -> bytes:
    return report_body(found.view, found.report, found.rows, found.history).model_dump_json().encode()


JSON: Final = Form("json", "application/json", "json", _json_of, by_accept=True, pictures=False)
FORMS: Final[Mapping[str, Form]] = {JSON.name: JSON} | {
    name: _form_of(form) for name, form in FORMATS.items()
}
"""By name."""


def _instance_of(image: ImageRecord) -> Instance | None:
    uids = {name: image.attributes.get(name) for name in _UIDS}
    if not all(uids.values()):
        return None
    others = {name: image.attributes.get(name) for name in _OF_AN_INSTANCE}
    return _INSTANCE.validate_python({**uids, **others})
