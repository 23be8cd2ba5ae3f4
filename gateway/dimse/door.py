"""Who calls: the AE title and the host of a peer tell whose studies it sends, or it is turned away."""

import ipaddress
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

import structlog
from pynetdicom import evt
from pynetdicom.association import Association

from gateway.backend import Backend
from shared.domain.studies import DEFAULT_TENANT, DEFAULT_TENANT_NAME
from shared.errors import TryAgainError
from shared.records import peers
from shared.records.peers import Peer
from shared.settings import AuthMode

log = structlog.get_logger()

_PERMANENT, _TRANSIENT = 1, 2
_USER, _PRESENTATION = 1, 3
_CALLING_UNKNOWN = (_PERMANENT, _USER, 3)
_CALLED_UNKNOWN = (_PERMANENT, _USER, 7)
_CONGESTED = (_TRANSIENT, _PRESENTATION, 1)
_TOO_MANY = (_TRANSIENT, _PRESENTATION, 2)
"""Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""


class Door:
    """Lets peers in, and knows of each association whose it is."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._inside: WeakKeyDictionary[Association, Peer] = WeakKeyDictionary()

    def peer(self, association: Association) -> Peer:
        """Return who is at the other end of an association that was let in."""
        return self._inside[association]

    def ask(self, event: evt.Event) -> None:
        """Let who asks for an association in, or reject it."""
        association = event.assoc
        try:
            answer = self._recognise(association)
        except TryAgainError:
            answer = _CONGESTED
        if isinstance(answer, Peer):
            self._inside[association] = answer
            return
        log.warning("association.rejected", code="{}/{}/{}".format(*answer))
        association.acse.send_reject(*answer)
        association.kill()

    def _recognise(self, association: Association) -> Peer | tuple[int, int, int]:
        settings, request = self._backend.settings, association.requestor.primitive
        assert request is not None  # noqa: S101  an association is asked for by one
        if (request.called_ae_title or "").strip() != settings.ae_title:
            return _CALLED_UNKNOWN
        established = [one for one in association.ae.active_associations if one in self._inside]
        if len(established) >= settings.max_associations:
            return _TOO_MANY
        address = association.requestor.address or ""
        title = (request.calling_ae_title or "").strip()
        with self._backend.database.session() as session:
            named = peers.named(session, title)
            if not named and self._is_ours(address) and peers.is_empty(session):
                named = [_anybody(title)]
        return _of_host(named, address) or _CALLING_UNKNOWN

    def _is_ours(self, address: str) -> bool:
        """Tell whether only this machine reaches us, and who calls is it: the stack of one person."""
        return (
            self._backend.auth is AuthMode.OFF
            and _is_loopback(self._backend.settings.host)
            and _is_loopback(address)
        )


def _anybody(ae_title: str) -> Peer:
    """Return whoever calls from this machine, before any peer has been added."""
    return Peer(
        id=DEFAULT_TENANT,
        tenant_id=DEFAULT_TENANT,
        ae_title=ae_title,
        host=None,
        port=None,
        tls=False,
        may_store=True,
        tenant=DEFAULT_TENANT_NAME,
        created_at=datetime.now(UTC),
    )


def _of_host(named: Sequence[Peer], address: str) -> Peer | None:
    """Return the peer that is at an address; one without a host may be anywhere, but comes second."""
    there = [peer for peer in named if peer.host is not None and address in _addresses(peer.host)]
    anywhere = [peer for peer in named if peer.host is None]
    return next(iter([*there, *anywhere]), None)


def _addresses(host: str) -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
