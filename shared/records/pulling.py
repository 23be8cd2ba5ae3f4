"""Rules by which studies are fetched from other archives, and what was fetched.

A rule is run by one gateway at a time: `claim` takes one that is due under a lease, `renew` holds it,
`finish` says how it went and when it is due again. Both ask for the run's token, as a study's claim does.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.pulling import PullRule
from shared.domain.studies import Priority, TenantId, new_id
from shared.records.tables import PulledStudyRow, PullRuleRow
from shared.records.values import Values

LEASE: Final = timedelta(minutes=2)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_MOST_DOUBLINGS: Final = 8
_KEPT: Final = timedelta(days=90)
"""After it was last found: longer than a rule may look back."""
_RULES: Final = Values(PullRule, PullRuleRow)


def add(session: Session, tenant_id: TenantId, values: Mapping[str, Any]) -> PullRule:
    """Write a rule down, of which `values` are the columns; it is due at once."""
    rule_id = new_id()
    session.add(PullRuleRow(id=rule_id, tenant_id=tenant_id, **values))
    session.flush()
    made = find(session, rule_id)
    assert made is not None  # noqa: S101  written above, in this transaction
    return made


def everything(session: Session) -> Sequence[PullRule]:
    """Return all rules, as they were made."""
    return _RULES.all(session, _RULES.select().order_by(PullRuleRow.id))


def find(session: Session, rule_id: UUID) -> PullRule | None:
    """Return a rule; None where there is none."""
    return _RULES.one(session, _RULES.select().where(PullRuleRow.id == rule_id))


def key_of(session: Session, rule_id: UUID) -> str | None:
    """Return what a rule's archive is asked with."""
    return session.scalar(select(PullRuleRow.key).where(PullRuleRow.id == rule_id))


def pause(session: Session, rule_id: UUID) -> PullRule | None:
    """Ask no more for now; None where there is no such rule."""
    return _change(session, rule_id, paused_at=func.now())


def resume(session: Session, rule_id: UUID) -> PullRule | None:
    """Ask again when the rule is due; None where there is no such rule."""
    return _change(session, rule_id, paused_at=None)


def run_soon(session: Session, rule_id: UUID) -> PullRule | None:
    """Let a rule be due now, and no longer paused; None where there is no such rule."""
    return _change(session, rule_id, paused_at=None, next_at=func.now(), failures=0)


def remove(session: Session, rule_id: UUID) -> bool:
    """Remove a rule; return whether there was one. What it fetched stays."""
    removed = delete(PullRuleRow).where(PullRuleRow.id == rule_id).returning(PullRuleRow.id)
    return session.scalar(removed) is not None


def claim(session: Session) -> PullRule | None:
    """Take the rule that has been due longest and that nobody runs; None where there is none."""
    due = (
        select(PullRuleRow.id)
        .where(
            PullRuleRow.paused_at.is_(None),
            PullRuleRow.next_at <= func.now(),
            or_(PullRuleRow.lease_expires_at.is_(None), PullRuleRow.lease_expires_at < func.now()),
        )
        .order_by(PullRuleRow.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = (
        update(PullRuleRow)
        .where(PullRuleRow.id == due)
        .values(token=PullRuleRow.token + 1, lease_expires_at=func.now() + LEASE)
        .returning(*_RULES.columns)
    )
    return _RULES.one(session, taken)


def renew(session: Session, rule: PullRule) -> bool:
    """Hold a rule longer; return whether it is still this run's, and not paused."""
    held = (
        update(PullRuleRow)
        .where(*_held_by(rule), PullRuleRow.paused_at.is_(None))
        .values(lease_expires_at=func.now() + LEASE)
        .returning(PullRuleRow.id)
    )
    return session.scalar(held) is not None


def finish(session: Session, rule: PullRule, *, away: str | None, failed: int) -> None:
    """Give a rule back, due again after its time: later each time its archive is away, an hour at most.

    Args:
        away: why nothing could be had.
        failed: studies that were not given, while others were.
    """
    failures = 0 if away is None else rule.failures + 1
    error = away or (f"{failed} studies were not given whole; they are asked for again" if failed else None)
    # One that was asked to run meanwhile (`run_soon`) is due already.
    wait = min(rule.every * 2 ** min(failures, _MOST_DOUBLINGS), max(rule.every, _LONGEST_PAUSE))
    values = {"lease_expires_at": None, "failures": failures, "error": error, "ran_at": func.now()}
    session.execute(update(PullRuleRow).where(*_held_by(rule)).values(values))
    unasked = (*_held_by(rule), PullRuleRow.next_at == rule.next_at)
    session.execute(update(PullRuleRow).where(*unasked).values(next_at=func.now() + wait))


def was_fetched(session: Session, tenant_id: TenantId, uid: str, *, instances: int) -> bool:
    """Tell whether a study was fetched with so many instances, or more."""
    found = session.execute(
        update(PulledStudyRow)
        .where(*_study(tenant_id, uid))
        .values(seen_at=func.now())
        .returning(PulledStudyRow.instances)
    ).one_or_none()
    return found is not None and found.instances >= instances


def begin_fetching(session: Session, tenant_id: TenantId, uid: str, *, prior: bool) -> None:
    """Note that a study is being fetched, before its first instance comes."""
    row = {"tenant_id": tenant_id, "digest": _digest(tenant_id, uid), "instances": 0, "prior": prior}
    statement = insert(PulledStudyRow).values(row)
    # A study that was fetched to compare with, and is asked for by itself now, is none of these any more.
    changes = {"prior": PulledStudyRow.prior & statement.excluded.prior}
    session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "digest"], set_=changes))


def note_fetched(session: Session, rule: PullRule, uid: str, *, instances: int) -> None:
    """Note that all instances of a study are in."""
    changed = {"instances": instances, "seen_at": func.now()}
    session.execute(update(PulledStudyRow).where(*_study(rule.tenant_id, uid)).values(changed))
    more = {"fetched": PullRuleRow.fetched + 1}
    session.execute(update(PullRuleRow).where(PullRuleRow.id == rule.id).values(more))


def priority_of(session: Session, tenant_id: TenantId, uid: str) -> Priority | None:
    """Return how urgent a study is that is being fetched; None where its sender's word counts."""
    prior = session.scalar(select(PulledStudyRow.prior).where(*_study(tenant_id, uid)))
    return Priority.ARCHIVE if prior else None


def forget_old(session: Session) -> None:
    """Forget the studies that no rule has found for long."""
    session.execute(delete(PulledStudyRow).where(PulledStudyRow.seen_at < func.now() - _KEPT))


def _change(session: Session, rule_id: UUID, **values: object) -> PullRule | None:
    changed = update(PullRuleRow).where(PullRuleRow.id == rule_id).values(values).returning(*_RULES.columns)
    return _RULES.one(session, changed)


def _held_by(rule: PullRule) -> tuple[Any, ...]:
    return PullRuleRow.id == rule.id, PullRuleRow.token == rule.token


def _study(tenant_id: TenantId, uid: str) -> tuple[Any, ...]:
    return PulledStudyRow.tenant_id == tenant_id, PulledStudyRow.digest == _digest(tenant_id, uid)


def _digest(tenant_id: TenantId, uid: str) -> str:
    return hashlib.sha256(f"{tenant_id}/{uid}".encode()).hexdigest()
