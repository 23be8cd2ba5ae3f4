"""The study before: a patient's newest earlier one that was read to its end.

`dated` says whose study it is and from when, where that is known; `latest` finds the one before. One id of
two issuers, or of two tenants, is two patients.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Date, and_, cast, exists, func, or_, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from shared.domain.findings import study_findings
from shared.domain.priors import Prior
from shared.domain.reports import ReportStatus
from shared.domain.studies import StudyId, StudyStatus, TenantId
from shared.records import analyses, findings
from shared.records.tables import ImageRow, OrderRow, StudyRow
from shared.records.values import Values

Known = TypeVar("Known")

MOST_STUDIES: Final = 1000
"""An id that more studies of a tenant bear is nobody's: somebody wrote it for every patient of an archive."""

_INDEXED: Final = 64
"""Letters of an id that the index holds, which are all that DICOM allows (PS3.5, LO)."""


@dataclass(frozen=True, slots=True)
class DatedStudy:
    """A study of a patient whose id is known: by what its earlier ones are found."""

    study_id: StudyId
    tenant_id: TenantId
    patient_id: str
    patient_id_issuer: str | None
    patient_birth_date: date | None
    patient_sex: str | None
    study_instance_uid: str | None
    study_date: date | None
    study_time: time | None
    created_at: datetime


# Made once: that costs more than the statement.
_OWN, _THEIRS = aliased(ImageRow), aliased(ImageRow)
_DATED: Final = Values(DatedStudy, OrderRow, created_at=StudyRow.__table__.c.created_at)


def dated(session: Session, study_id: StudyId) -> DatedStudy | None:
    """Return whose study it is and from when; None where nobody said which patient's it is."""
    statement = _DATED.select().join(StudyRow, StudyRow.id == OrderRow.study_id)
    known = OrderRow.patient_id.is_not(None)
    return _DATED.one(session, statement.where(OrderRow.study_id == study_id, known))


def latest(session: Session, study: DatedStudy, *, model_digest: str) -> Prior | None:
    """Return the patient's newest study that is completed and was taken before this one; None without one.

    A study of which nobody said when it was taken counts as taken on the day on which it came, and of two of
    one day without times the one that came first is the earlier. A study that was sent twice, whole or in
    part, is not earlier than itself.

    Args:
        model_digest: of the classifier that read this study.
    """
    bear_the_id = select(OrderRow.study_id).where(*_of_the_patient(study)).limit(MOST_STUDIES + 1)
    ids = session.scalars(bear_the_id).all()
    if len(ids) == 1 or len(ids) > MOST_STUDIES:
        return None
    taken = func.coalesce(OrderRow.study_date, cast(func.timezone("UTC", StudyRow.created_at), Date))
    day = study.study_date or _day_of(study.created_at)
    statement = (
        select(StudyRow.id, StudyRow.created_at, OrderRow.study_date)
        .join(OrderRow, OrderRow.study_id == StudyRow.id)
        .where(
            StudyRow.id.in_(ids),
            StudyRow.status == StudyStatus.COMPLETED,
            # Withdrawn, it may be another patient's.
            StudyRow.report_status.is_distinct_from(ReportStatus.ENTERED_IN_ERROR),
            or_(taken < day, and_(taken == day, _came_first(study))),
            _agrees(OrderRow.patient_birth_date, study.patient_birth_date),
            _agrees(OrderRow.patient_sex, study.patient_sex),
            *_is_another(study),
        )
        .order_by(taken.desc(), OrderRow.study_time.desc().nulls_last(), StudyRow.id.desc())
        .limit(1)
    )
    found = session.execute(statement).one_or_none()
    analysis = analyses.primary(session, StudyId(found.id)) if found else None
    if found is None or analysis is None:  # erased between the two
        return None
    same = analysis.model_digest == model_digest
    per_image = findings.of_study(session, StudyId(found.id)).values() if same else ()
    return Prior(
        StudyId(found.id), found.study_date, _day_of(found.created_at), same, study_findings(per_image)
    )


def _of_the_patient(study: DatedStudy) -> tuple[ColumnElement[bool], ...]:
    issuer = study.patient_id_issuer
    return (
        OrderRow.tenant_id == study.tenant_id,
        func.left(OrderRow.patient_id, _INDEXED) == study.patient_id[:_INDEXED],
        OrderRow.patient_id == study.patient_id,
        OrderRow.patient_id_issuer.is_not_distinct_from(issuer),
    )


def _came_first(study: DatedStudy) -> ColumnElement[bool]:
    """Return the condition that a study of the same day is the earlier one."""
    if study.study_time is None:
        return StudyRow.id < study.study_id
    # Of one whose time nobody said, the order in which they came decides.
    at = func.coalesce(OrderRow.study_time, study.study_time)
    return tuple_(at, StudyRow.id) < tuple_(study.study_time, study.study_id)


def _agrees(column: InstrumentedAttribute[Known | None], known: Known | None) -> ColumnElement[bool]:
    """Return the condition that what is said in a column does not contradict what is known."""
    return or_(column.is_(None), column == known) if known is not None else true()


def _is_another(study: DatedStudy) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a study is not this one, sent twice."""
    same = _THEIRS.sha256 == _OWN.sha256
    shares_an_image = exists().where(_THEIRS.study_id == StudyRow.id, _OWN.study_id == study.study_id, same)
    uid = study.study_instance_uid
    return ~shares_an_image, or_(OrderRow.study_instance_uid.is_(None), OrderRow.study_instance_uid != uid)


def _day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
