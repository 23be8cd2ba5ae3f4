"""DICOM peers: which of a hospital's systems may call us, whose studies they send, where they are called."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.domain.studies import DEFAULT_TENANT, TenantId, new_id
from shared.errors import NameTakenError
from shared.records import tenants
from shared.records.tables import DicomPeerRow, TenantRow
from shared.records.values import Values


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOM application entity that is not ours.

    Attributes:
        tenant_id: whose the studies are that it sends.
        host: name or address; None for one that may call from anywhere, and is never called.
        port: where it takes DICOM; None for one that is never called.
        tls: whether it is called over TLS.
        may_store: whether it may send us instances.
        tenant: the tenant's name.
    """

    id: UUID
    tenant_id: TenantId
    ae_title: str
    host: str | None
    port: int | None
    tls: bool
    may_store: bool
    tenant: str
    created_at: datetime


_RECORDS: Final = Values(Peer, DicomPeerRow, tenant=TenantRow.name.label("tenant"))


def add(
    session: Session,
    ae_title: str,
    *,
    tenant: str | None = None,
    host: str | None = None,
    port: int | None = None,
    tls: bool = False,
    may_store: bool = True,
) -> Peer:
    """Let a peer be known.

    Args:
        tenant: a name; a new one makes a new tenant. None for the default tenant.

    Raises:
        NameTakenError: one of this AE title and host is known.
    """
    owner = DEFAULT_TENANT if tenant is None else tenants.find_or_make(session, tenant)
    row = DicomPeerRow(
        id=new_id(),
        tenant_id=owner,
        ae_title=ae_title,
        host=host,
        port=port,
        tls=tls,
        may_store=may_store,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        message = f"a peer {ae_title} at {host or 'any host'} is known already: remove it first"
        raise NameTakenError(message) from error
    return _RECORDS.all(session, _peers().where(DicomPeerRow.id == row.id))[0]


def everybody(session: Session) -> Sequence[Peer]:
    """Return all peers, as they were made."""
    return _RECORDS.all(session, _peers().order_by(DicomPeerRow.id))


def named(session: Session, ae_title: str) -> Sequence[Peer]:
    """Return the peers that call themselves so, at whatever host."""
    return _RECORDS.all(session, _peers().where(DicomPeerRow.ae_title == ae_title).order_by(DicomPeerRow.id))


def is_empty(session: Session) -> bool:
    """Tell whether no peer is known."""
    return not session.scalar(select(exists().select_from(DicomPeerRow)))


def remove(session: Session, peer_id: UUID) -> bool:
    """Let a peer be known no more; return whether there was such a one."""
    statement = delete(DicomPeerRow).where(DicomPeerRow.id == peer_id).returning(DicomPeerRow.id)
    return session.scalar(statement) is not None


def _peers() -> Select[Any]:
    return _RECORDS.select().join(TenantRow, TenantRow.id == DicomPeerRow.tenant_id)
