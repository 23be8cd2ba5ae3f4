"""The queue as a worklist: searched, and worked on by performers that are no workers of ours.

A performer's Transaction UID stands for the fencing token of its claim: it is right while that claim holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Boolean, String, and_, cast, column, exists, func, select, update, values
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.findings import AnalysisRole
from shared.domain.studies import Actor, LeaseToken, Priority, Stage, StudyId, StudyStatus, TenantId
from shared.domain.workitems import WorkState, state_of
from shared.records import claims, reading
from shared.records.claims import Claim
from shared.records.reading import StudyView
from shared.records.tables import AnalysisRow, StudyRow, WorkitemClaimRow


@dataclass(frozen=True, slots=True)
class Workitem:
    """One stage's work on a study."""

    stage: Stage
    state: WorkState
    view: StudyView


def search(
    session: Session,
    *,
    tenant_id: TenantId | None,
    limit: int,
    offset: int = 0,
    state: WorkState | None = None,
    priority: Priority | None = None,
    study_id: StudyId | None = None,
    stage: Stage | None = None,
) -> Sequence[Workitem]:
    """Return a page of workitems, those that came first first.

    Args:
        tenant_id: whose; None means everybody's.
    """
    rows = [
        (str(status), str(one), classified, str(found))
        for status in StudyStatus
        for one in Stage
        for classified in (False, True)
        if (found := state_of(status, one, classified=classified)) is not None
        and state in (None, found)
        and stage in (None, one)
    ]
    names = (column("status", String), column("stage", String), column("classified", Boolean))
    items = values(*names, column("state", String), name="items").data(rows)
    primary = (AnalysisRow.study_id == StudyRow.id, AnalysisRow.role == AnalysisRole.PRIMARY)
    of_the_study = and_(
        cast(StudyRow.status, String) == items.c.status, exists().where(*primary) == items.c.classified
    )
    statement = (
        select(StudyRow.id, items.c.stage, items.c.state)
        .join(items, of_the_study)
        .where(StudyRow.status.in_({StudyStatus(row[0]) for row in rows}), StudyRow.erased_at.is_(None))
        .order_by(StudyRow.id, items.c.stage)
        .limit(limit)
        .offset(offset)
    )
    for searched, wanted in (
        (StudyRow.tenant_id, tenant_id),
        (StudyRow.priority, priority),
        (StudyRow.id, study_id),
    ):
        if wanted is not None:
            statement = statement.where(searched == wanted)
    found_rows = session.execute(statement).all()
    ids = list(dict.fromkeys(StudyId(row.id) for row in found_rows))
    views = {view.study.id: view for view in reading.views_of(session, ids)}
    return [Workitem(Stage(row.stage), WorkState(row.state), views[row.id]) for row in found_rows]


def claim(
    session: Session,
    study_id: StudyId,
    stage: Stage,
    *,
    transaction_uid: str,
    lease: timedelta,
    actor: Actor,
) -> bool:
    """Take a study for a performer; return whether it waited for this stage."""
    waits = and_(StudyRow.id == study_id, StudyRow.status == stage.waiting)
    taken = claims.take(session, waits, lease=lease, actor=actor)
    if taken is None:
        return False
    row = {"study_id": study_id, "lease_token": taken.token, "transaction_uid": transaction_uid}
    statement = insert(WorkitemClaimRow).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=["study_id"], set_=row))
    return True


def held(session: Session, study_id: StudyId, transaction_uid: str, *, actor: Actor) -> Claim | None:
    """Return the claim that a Transaction UID stands for; None where it is none, or is lost."""
    statement = (
        select(StudyRow)
        .join(WorkitemClaimRow, WorkitemClaimRow.study_id == StudyRow.id)
        .where(
            StudyRow.id == study_id,
            StudyRow.lease_expires_at.is_not(None),
            StudyRow.lease_token == WorkitemClaimRow.lease_token,
            WorkitemClaimRow.transaction_uid == transaction_uid,
        )
        .with_for_update(of=StudyRow)
    )
    row = session.scalar(statement)
    if row is None:
        return None
    return Claim(
        study_id=study_id,
        token=LeaseToken(row.lease_token),
        tenant_id=TenantId(row.tenant_id),
        priority=row.priority,
        language=row.language,
        claims=row.claims,
        alone=row.alone,
        failures=row.failures,
        turned_away=row.turned_away,
        actor=actor,
    )


def renew(session: Session, held: Claim, *, lease: timedelta) -> None:
    """Begin the lease of a claim anew, which the caller has asked for in this transaction."""
    this = (StudyRow.id == held.study_id, StudyRow.lease_token == held.token)
    session.execute(update(StudyRow).where(*this).values(lease_expires_at=func.now() + lease))
