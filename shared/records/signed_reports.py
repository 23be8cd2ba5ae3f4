"""Reports that a person signed, beside what a writer had drafted: how they are reviewed.

Of each report the first signature tells how long it took and what was decided on each line; the text that was
signed last, with its addenda, tells what became of the draft. What was withdrawn is left out.

Map: `Signature`, `SignedReport` -> `after` · `ReviewSummary` -> `summary`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Float, ScalarSelect, cast, func, select
from sqlalchemy.orm import Session, aliased

from shared.domain.findings import Finding, ModelVersion
from shared.domain.reports import SIGNED, Act, Line
from shared.domain.studies import StudyId, TenantId
from shared.domain.versions import History, in_force
from shared.records import analyses, findings, reading, reports
from shared.records.reading import ImageRecord
from shared.records.reports import ReportRecord
from shared.records.tables import AnalysisRow, ReportRow, StudyRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class Signature:
    """How a report was signed.

    Attributes:
        opened_at: None where no draft was kept.
        created_at: when it was signed.
        lines: what was decided on each sentence.
    """

    study_id: StudyId
    opened_at: datetime | None
    created_at: datetime
    lines: tuple[Line, ...]


_SIGNATURES: Final = Values(Signature, ReportRow)


@dataclass(frozen=True, slots=True)
class SignedReport:
    """One report that a person signed.

    Attributes:
        drafted: as a writer wrote it.
        signature: the first one.
        signed: as it was signed last.
        findings: what both were written from, one for each label.
    """

    study_id: StudyId
    images: Sequence[ImageRecord]
    model: ModelVersion
    findings: Sequence[Finding]
    drafted: ReportRecord
    signature: Signature
    signed: ReportRecord
    addenda: Sequence[str]


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """What persons made of one writer's reports on one classifier's findings.

    Attributes:
        signed: how many were signed, and not withdrawn.
        timed: of how many it is known when they were opened.
        median_seconds: from opening to signing, of those.
        lines: sentences that a person decided on.
        accepted: those of them that they left as they were.
        changed_words: on the average between the draft and the text that was signed last.
        changed_labels: likewise, the labels of which it says something else.
    """

    classifier_id: str
    classifier_version: str
    writer_id: str
    writer_version: str
    signed: int
    timed: int
    median_seconds: float | None
    lines: int
    accepted: int
    changed_words: float
    changed_labels: float


def after(
    session: Session, study_id: StudyId | None, *, tenant_id: TenantId | None, limit: int
) -> Sequence[SignedReport]:
    """Return the next signed reports in the order of their studies: by keyset, so that no reader holds any.

    Nothing may have been read in the caller's transaction before.

    Args:
        study_id: the study that was read last; None begins.
        tenant_id: whose studies; None means everybody's.
    """
    # One snapshot for all statements: what is withdrawn or erased meanwhile is whole or not in it.
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    statement = select(StudyRow.id).where(*_signed_of(tenant_id)).order_by(StudyRow.id).limit(limit)
    if study_id is not None:
        statement = statement.where(StudyRow.id > study_id)
    ids = [StudyId(one) for one in session.scalars(statement)]
    return list(_read(session, ids))


def summary(session: Session, *, tenant_id: TenantId | None) -> Sequence[ReviewSummary]:
    """Summarise all signed reports for each classifier and writer, those first of which there are most.

    Args:
        tenant_id: whose studies; None means everybody's.
    """
    first, last, drafted = aliased(ReportRow), aliased(ReportRow), aliased(ReportRow)
    kept = func.jsonb_path_query_array(first.lines, '$[*] ? (@.decision == "accepted" && @.of != null)')
    decided = func.jsonb_path_query_array(first.lines, "$[*] ? (@.of != null)")
    groups = (
        AnalysisRow.model_id.label("classifier_id"),
        AnalysisRow.model_version.label("classifier_version"),
        drafted.writer_id.label("writer_id"),
        drafted.writer_version.label("writer_version"),
    )
    signed = func.count()
    seconds = func.extract("epoch", first.created_at - first.opened_at)
    statement = (
        select(
            *groups,
            signed.label("signed"),
            func.count(first.opened_at).label("timed"),
            func.percentile_cont(0.5).within_group(seconds).label("median_seconds"),
            func.sum(func.jsonb_array_length(decided)).label("lines"),
            func.sum(func.jsonb_array_length(kept)).label("accepted"),
            cast(func.avg(last.changed_words), Float).label("changed_words"),
            cast(func.avg(last.changed_labels), Float).label("changed_labels"),
        )
        .select_from(StudyRow)
        .join(first, (first.study_id == StudyRow.id) & (first.act == Act.SIGNED))
        .join(last, (last.study_id == StudyRow.id) & (last.version == _last_signed()))
        .join(drafted, (drafted.study_id == StudyRow.id) & (drafted.version == _drafted(before=first)))
        .join(AnalysisRow, AnalysisRow.id == first.analysis_id)
        .where(*_signed_of(tenant_id))
        .group_by(*groups)
        .order_by(signed.desc(), *groups)
    )
    return [ReviewSummary(**row) for row in session.execute(statement).mappings()]


def _read(session: Session, ids: Sequence[StudyId]) -> Iterator[SignedReport]:
    histories = _histories(session, ids)
    wanted = [(study_id, step.version) for study_id, history in histories.items() for step in history.chain]
    texts = {(text.study_id, text.version): text for text in reports.texts(session, wanted)}
    first = _SIGNATURES.select().where(ReportRow.study_id.in_(histories), ReportRow.act == Act.SIGNED)
    signatures = {one.study_id: one for one in _SIGNATURES.all(session, first)}
    read = {text.analysis_id for text in texts.values()}
    found, models = findings.of_analyses(session, read), analyses.models(session, read)
    for view in reading.views_of(session, [*histories]):
        history = histories[view.study.id]
        own = [texts[view.study.id, step.version] for step in history.chain]
        drafted = own[0]
        yield SignedReport(
            study_id=view.study.id,
            images=view.images,
            model=models[drafted.analysis_id],
            findings=found[drafted.analysis_id],
            drafted=drafted,
            signature=signatures[view.study.id],
            signed=own[-1],
            addenda=[addendum.text for addendum in history.addenda],
        )


def _histories(session: Session, ids: Sequence[StudyId]) -> dict[StudyId, History]:
    """Return what is known of each report as it stands."""
    own = reports.versions_of_each(session, ids)
    standing = {study_id: in_force(versions) for study_id, versions in own.items()}
    return {study_id: History(own[study_id], one.version) for study_id, one in standing.items() if one}


def _signed_of(tenant_id: TenantId | None) -> Iterator[ColumnElement[bool]]:
    yield StudyRow.report_status.in_(SIGNED)
    if tenant_id is not None:
        yield StudyRow.tenant_id == tenant_id


def _last_signed() -> ScalarSelect[int]:
    """Return the version of a study's report that was signed last, as a part of a statement."""
    row = aliased(ReportRow)
    these = (row.study_id == StudyRow.id, row.status.in_(SIGNED))
    return select(func.max(row.version)).where(*these).scalar_subquery()


def _drafted(*, before: type[ReportRow]) -> ScalarSelect[int]:
    """Return the version that a writer wrote last before a person's, as a part of a statement."""
    row = aliased(ReportRow)
    these = (row.study_id == StudyRow.id, row.act == Act.WRITTEN, row.version < before.version)
    return select(func.max(row.version)).where(*these).scalar_subquery()
