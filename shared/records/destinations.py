"""Where results are sent: made, paused, tested and removed by an administrator; the courier reads them here.

A secret is written once and read by the courier alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain.deliveries import UNFINISHED, DeliveryState, DestinationKind
from shared.domain.studies import TenantId, new_id
from shared.errors import NameTakenError
from shared.records import outbox
from shared.records.tables import DeliveryRow, DestinationRow, TenantRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class Address:
    """Where it is, and what lets us in; what a kind has no use for is None.

    Attributes:
        tls: of dicom and hl7; of the others the URL says it.
        ae_title: whom we call, of dicom.
        application: who receives the message (MSH-5), as is the facility (MSH-6); of hl7.
        secret: a password where there is a user name, else a bearer token; a webhook's signing secret.
    """

    url: str | None = None
    host: str | None = None
    port: int | None = None
    tls: bool = False
    ae_title: str | None = None
    application: str | None = None
    facility: str | None = None
    username: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What goes there; no label and no priority mean any.

    Attributes:
        formats: by the names of `shared/rendering/formats.py`.
        events: `StudyEvent`s.
        labels: of which one must be present by the findings.
    """

    formats: Sequence[str]
    events: Sequence[str]
    labels: Sequence[str] = ()
    priorities: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DestinationRecord:
    """A destination as its administrators see it: all but its secret."""

    id: UUID
    tenant_id: TenantId
    tenant: str
    name: str
    kind: DestinationKind
    url: str | None
    host: str | None
    port: int | None
    tls: bool
    ae_title: str | None
    application: str | None
    facility: str | None
    username: str | None
    formats: tuple[str, ...]
    events: tuple[str, ...]
    labels: tuple[str, ...]
    priorities: tuple[str, ...]
    created_at: datetime
    paused_at: datetime | None
    failures: int
    hold_until: datetime
    last_error: str | None
    test_asked_at: datetime | None
    tested_at: datetime | None
    test_passed: bool | None
    test_answer: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """A destination as its courier sees it.

    Attributes:
        failures: how often in a row it could not be reached.
    """

    id: UUID
    tenant_id: TenantId
    kind: DestinationKind
    url: str | None
    host: str | None
    port: int | None
    tls: bool
    ae_title: str | None
    application: str | None
    facility: str | None
    username: str | None
    secret: str | None
    formats: tuple[str, ...]
    failures: int


_TENANT: Final[ColumnElement[str]] = (
    select(TenantRow.name).where(TenantRow.id == DestinationRow.tenant_id).scalar_subquery()
)
_RECORDS: Final = Values(DestinationRecord, DestinationRow, tenant=_TENANT)
_TARGETS: Final = Values(Target, DestinationRow)
_LIVE: Final = DestinationRow.removed_at.is_(None)


def create(
    session: Session, tenant_id: TenantId, name: str, kind: DestinationKind, address: Address, rules: Rules
) -> DestinationRecord:
    """Make a destination: what happens from now on is sent there.

    Raises:
        NameTakenError: the tenant has one of that name.
    """
    values = {
        "id": new_id(),
        "tenant_id": tenant_id,
        "name": name,
        "kind": kind,
        **asdict(address),
        **{field: list(of_it) for field, of_it in asdict(rules).items()},
    }
    free = insert(DestinationRow).values(values).on_conflict_do_nothing().returning(DestinationRow.id)
    made = session.scalar(free)
    if made is None:
        message = f"there is a destination named {name!r} already"
        raise NameTakenError(message)
    return _one(session, made)


def live(session: Session, tenant_id: TenantId | None = None) -> Sequence[DestinationRecord]:
    """Return a tenant's destinations, or everybody's, oldest first; not those that were removed."""
    theirs = [] if tenant_id is None else [DestinationRow.tenant_id == tenant_id]
    return _RECORDS.all(session, _RECORDS.select().where(_LIVE, *theirs).order_by(DestinationRow.id))


def find(session: Session, destination_id: UUID) -> DestinationRecord | None:
    """Return a destination; None when there is no such one, or no longer."""
    return _RECORDS.one(session, _RECORDS.select().where(_LIVE, DestinationRow.id == destination_id))


def pause(session: Session, destination_id: UUID) -> DestinationRecord | None:
    """Send nothing there for now: what is owed to it waits. None when there is no such one."""
    values = {"paused_at": func.coalesce(DestinationRow.paused_at, func.now())}
    return _changed(session, destination_id, values)


def resume(session: Session, destination_id: UUID) -> DestinationRecord | None:
    """Send there again, and at once; None when there is no such one."""
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.destination_id == destination_id, DeliveryRow.state == DeliveryState.WAITING)
        .values(next_at=func.now())
    )
    return _changed(session, destination_id, {"paused_at": None, "failures": 0, "hold_until": func.now()})


def ask_for_test(session: Session, destination_id: UUID) -> DestinationRecord | None:
    """Ask a gateway to see whether the destination answers; None when there is no such one."""
    return _changed(session, destination_id, {"test_asked_at": func.now()})


def remove(session: Session, destination_id: UUID) -> bool:
    """Remove a destination, and its secret; what it is still owed is sent no more.

    Returns:
        Whether there was such a one.
    """
    gone = {"removed_at": func.now(), "secret": None, "username": None}
    if _changed(session, destination_id, gone) is None:
        return False
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.destination_id == destination_id, DeliveryRow.state.in_(UNFINISHED))
        .values(
            state=DeliveryState.SKIPPED,
            error="the destination was removed",
            lease_expires_at=None,
            ended_at=func.now(),
        )
    )
    return True


def tests_asked(session: Session) -> Sequence[Target]:
    """Return the destinations of which a test is asked for and not done."""
    last = func.coalesce(DestinationRow.tested_at, literal_column("'-infinity'"))
    return _TARGETS.all(session, _TARGETS.select().where(_LIVE, DestinationRow.test_asked_at > last))


def note_test(session: Session, destination_id: UUID, *, passed: bool, answer: str) -> None:
    """Write down what a test found, in our own words."""
    values = {"tested_at": func.clock_timestamp(), "test_passed": passed, "test_answer": answer}
    session.execute(update(DestinationRow).where(DestinationRow.id == destination_id).values(values))


def target(session: Session, destination_id: UUID) -> Target | None:
    """Return what a courier needs; None of one that is removed."""
    return _TARGETS.one(session, _TARGETS.select().where(_LIVE, DestinationRow.id == destination_id))


def note_reached(session: Session, destination_id: UUID) -> None:
    """Let a destination that was away have all that it is owed again."""
    session.execute(
        update(DestinationRow)
        .where(DestinationRow.id == destination_id, DestinationRow.failures > 0)
        .values(failures=0, hold_until=func.now(), last_error=None)
    )


def note_away(session: Session, destination_id: UUID, *, hold: timedelta, error: str) -> None:
    """Send nothing to a destination for a while, and then one thing first.

    Args:
        error: why, in our own words: it is shown to administrators, and is of no study.
    """
    values = {"failures": DestinationRow.failures + 1, "hold_until": func.now() + hold, "last_error": error}
    session.execute(update(DestinationRow).where(DestinationRow.id == destination_id).values(values))


def _changed(session: Session, destination_id: UUID, values: Mapping[str, Any]) -> DestinationRecord | None:
    change = (
        update(DestinationRow)
        .where(_LIVE, DestinationRow.id == destination_id)
        .values(values)
        .returning(DestinationRow.id)
    )
    if session.scalar(change) is None:
        return None
    session.execute(select(func.pg_notify(outbox.CHANNEL, "")))
    return _one(session, destination_id)


def _one(session: Session, destination_id: UUID) -> DestinationRecord:
    found = _RECORDS.one(session, _RECORDS.select().where(DestinationRow.id == destination_id))
    assert found is not None  # noqa: S101  it was written in this transaction
    return found
