"""Retention: each tenant's rule, what it would erase, and the erasing of that.

The time of a study is the last thing that happened to it, which includes the last saving of a draft of its
report: who reads on keeps it, and a draft that everybody forgot keeps it no longer than its period. A study
on which work goes on is never due.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.reports import ReportStatus
from shared.domain.retention import Due, RetentionKind, RetentionRule
from shared.domain.studies import Actor, ActorKind, StudyId, StudyStatus, TenantId
from shared.records import erasure
from shared.records.database import Database
from shared.records.tables import ReportDraftRow, RetentionRow, StudyRow
from shared.records.values import Values

_RULES: Final = Values(RetentionRule, RetentionRow)
_SIGNED: Final = (ReportStatus.FINAL, ReportStatus.AMENDED, ReportStatus.ENTERED_IN_ERROR)
_UNFINISHED: Final = (StudyStatus.REJECTED, StudyStatus.FAILED, StudyStatus.CANCELLED)
_AT_ONCE: Final = 50
"""Studies of one transaction."""

_ENDED: Final = StudyRow.status.in_((StudyStatus.COMPLETED, *_UNFINISHED))
_CONDITIONS: Final[Mapping[RetentionKind, ColumnElement[bool]]] = {
    RetentionKind.SIGNED: and_(_ENDED, StudyRow.report_status.in_(_SIGNED)),
    RetentionKind.COMPLETED: and_(
        StudyRow.status == StudyStatus.COMPLETED,
        StudyRow.report_status.is_(None) | StudyRow.report_status.not_in(_SIGNED),
    ),
    RetentionKind.UNFINISHED: and_(
        StudyRow.status.in_(_UNFINISHED),
        StudyRow.report_status.is_(None) | StudyRow.report_status.not_in(_SIGNED),
    ),
}


def rule_of(session: Session, tenant_id: TenantId) -> RetentionRule:
    """Return a tenant's rule; where nobody made one everything is kept."""
    statement = _RULES.select().where(RetentionRow.tenant_id == tenant_id)
    return _RULES.one(session, statement) or RetentionRule()


def set_rule(session: Session, tenant_id: TenantId, rule: RetentionRule) -> None:
    """Give a tenant a rule in place of the one it has."""
    values = asdict(rule)
    statement = insert(RetentionRow).values(tenant_id=tenant_id, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id"], set_={**values, "set_at": func.now()})
    )


def due(session: Session, tenant_id: TenantId, rule: RetentionRule) -> dict[RetentionKind, Due]:
    """Return what a rule would erase of a tenant's studies now; nothing is changed."""
    found = {}
    for kind in RetentionKind:
        conditions = _due(tenant_id, rule, kind)
        if conditions is None:
            found[kind] = Due(0, None)
            continue
        counted = select(func.count(), func.min(StudyRow.updated_at)).where(*conditions)
        number, oldest = session.execute(counted).one()
        found[kind] = Due(number, oldest)
    return found


def erase_due(database: Database, *, limit: int) -> int:
    """Erase what is due by the tenants' rules, the oldest first; return how many studies that were.

    Each study's timeline says by which rule. Several sweepers share the work.

    Args:
        limit: most studies of one call: the sweeper has other things to tidy up.
    """
    with database.session() as session:
        columns = (RetentionRow.tenant_id, *_RULES.columns)
        rules = [
            (TenantId(row.tenant_id), RetentionRule(*row[1:]))
            for row in session.execute(select(*columns)).all()
        ]
    erased = 0
    for tenant_id, rule in rules:
        for kind in RetentionKind:
            while erased < limit:
                now = _erase_some(database, tenant_id, rule, kind, most=min(_AT_ONCE, limit - erased))
                erased += now
                if not now:
                    break
    return erased


def _erase_some(
    database: Database, tenant_id: TenantId, rule: RetentionRule, kind: RetentionKind, *, most: int
) -> int:
    conditions = _due(tenant_id, rule, kind)
    if conditions is None:
        return 0
    actor = Actor(ActorKind.SERVICE, f"retention: {kind}, {rule.days_of(kind)} days")
    with database.session() as session:
        oldest = select(StudyRow.id).where(*conditions).order_by(StudyRow.updated_at).limit(most)
        ids = session.scalars(oldest.with_for_update(skip_locked=True)).all()
        return sum(erasure.erase(session, StudyId(study_id), actor=actor) for study_id in ids)


def _due(
    tenant_id: TenantId, rule: RetentionRule, kind: RetentionKind
) -> tuple[ColumnElement[bool], ...] | None:
    """Return the conditions of what is due of a kind; None where the rule keeps it for ever."""
    days = rule.days_of(kind)
    if days is None:
        return None
    since = func.now() - func.make_interval(0, 0, 0, days)
    drafted = exists().where(ReportDraftRow.study_id == StudyRow.id, ReportDraftRow.saved_at >= since)
    return (
        StudyRow.tenant_id == tenant_id,
        StudyRow.erased_at.is_(None),
        StudyRow.updated_at < since,
        _CONDITIONS[kind],
        ~drafted,
    )
