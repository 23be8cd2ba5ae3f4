"""Leases, between the claim and the outcome: their holders renew them, one sweeper looks for lost ones."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from shared.domain.studies import LeaseToken, StudyId
from shared.records.tables import StudyRow

_SWEEPING: Final = 0x53574550  # "SWEP": its own number among the advisory locks


def begin_sweep(session: Session) -> bool:
    """Become the one sweeper until the transaction ends; False while another is at it."""
    return session.scalar(select(func.pg_try_advisory_xact_lock(_SWEEPING))) or False


def renew(session: Session, held: Mapping[StudyId, LeaseToken], *, lease: timedelta) -> Collection[StudyId]:
    """Renew the leases that are still ours, and return the studies of those that are not."""
    if not held:
        return ()
    mine = or_(
        *((StudyRow.id == study_id) & (StudyRow.lease_token == token) for study_id, token in held.items())
    )
    leased = StudyRow.lease_expires_at.is_not(None)
    # A row that somebody is just writing is skipped: it must not hold up all the other renewals,
    # and its own turn comes again well before the lease runs out.
    free = select(StudyRow.id).where(mine, leased).with_for_update(skip_locked=True)
    session.execute(update(StudyRow).where(StudyRow.id.in_(free)).values(lease_expires_at=func.now() + lease))
    kept = set(session.scalars(select(StudyRow.id).where(mine, leased)))
    return [study_id for study_id in held if study_id not in kept]
