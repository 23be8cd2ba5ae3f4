"""Which models looked at a study: one row for each, with its findings under it; one at most is the primary.

The primary's findings are what the study's report is made of and what its readers see. Whoever writes one has
just moved the study under its lease, in the same transaction, so two workers never write one at once; and
`ux_analyses_primary` lets no study have two, whatever is written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.findings import AnalysisRole, ModelVersion
from shared.domain.studies import StudyId, new_id
from shared.records.tables import AnalysisRow, StudyRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class AnalysisRecord:
    """One model's look at a study."""

    id: UUID
    model_id: str
    model_version: str
    model_digest: str
    critical: tuple[str, ...]
    read_at: datetime

    @property
    def model(self) -> ModelVersion:
        """The model that looked."""
        return ModelVersion(self.model_id, self.model_version, self.model_digest)


RECORDS: Final = Values(AnalysisRecord, AnalysisRow)


def write(
    session: Session,
    study_id: StudyId,
    model: ModelVersion,
    role: AnalysisRole,
    *,
    images: int,
    critical: Sequence[str] = (),
) -> UUID | None:
    """Write down that a model looked at a study, and return the analysis' id; the findings are the caller's.

    A model that looked at as many images before, which are then the same, has the row that it had. A new
    primary takes the place of the one there was, whose findings stay. The caller keeps the study as it is: a
    primary's by its lease, a shadow's by a lock.

    Returns:
        None for the shadow of a model whose findings are, or were, the study's own: they are not touched.
    """
    if role is AnalysisRole.PRIMARY:
        supersede(session, study_id)
    new = insert(AnalysisRow).values(
        id=new_id(),
        study_id=study_id,
        model_id=model.id,
        model_version=model.version,
        model_digest=model.digest,
        images=images,
        role=role,
        critical=list(critical),
    )
    written = new.on_conflict_do_update(
        index_elements=[AnalysisRow.study_id, AnalysisRow.model_digest, AnalysisRow.images],
        set_={"role": new.excluded.role, "critical": new.excluded.critical, "read_at": func.now()},
        where=None if role is AnalysisRole.PRIMARY else AnalysisRow.role == AnalysisRole.SHADOW,
    )
    return session.scalar(written.returning(AnalysisRow.id))


def supersede(session: Session, study_id: StudyId) -> None:
    """Leave the study without a primary; what was found stays. The caller holds the lease."""
    session.execute(update(AnalysisRow).where(is_primary_of(study_id)).values(role=AnalysisRole.SUPERSEDED))


def primary(session: Session, study_id: StudyId) -> AnalysisRecord | None:
    """Return the study's primary analysis; None when it is not classified, or was erased."""
    return RECORDS.one(session, RECORDS.select().where(is_primary_of(study_id)))


def find(session: Session, analysis_id: UUID) -> AnalysisRecord | None:
    """Return an analysis, of whatever role; None when it was erased."""
    return RECORDS.one(session, RECORDS.select().where(AnalysisRow.id == analysis_id))


def models(session: Session, analysis_ids: Collection[UUID]) -> dict[UUID, ModelVersion]:
    """Return the model of each of several analyses, of whatever role."""
    statement = RECORDS.select().where(AnalysisRow.id.in_(analysis_ids))
    return {analysis.id: analysis.model for analysis in RECORDS.all(session, statement)}


def primary_id(study_id: StudyId) -> ScalarSelect[UUID]:
    """Return the id of the study's primary analysis, as a part of a statement."""
    return select(AnalysisRow.id).where(is_primary_of(study_id)).scalar_subquery()


def has_critical() -> ColumnElement[bool]:
    """Return the condition that a study is flagged: its primary analysis has critical findings."""
    # Word for word the index's own condition.
    flagged = text("role = 'primary' AND critical <> '{}'")
    return StudyRow.id.in_(select(AnalysisRow.study_id).where(flagged))


def is_primary_of(study_id: StudyId) -> ColumnElement[bool]:
    """Return the condition that an analysis is the study's primary one."""
    return and_(AnalysisRow.study_id == study_id, AnalysisRow.role == AnalysisRole.PRIMARY)
