"""One message: what it says goes to the database, and what its sender is told comes of the commit.

    read -> is it for us -> its orders or its patient -> one transaction -> studies that came before -> noted

Sent once more, as engines do that heard no answer, a message changes nothing (`hl7.was_taken`). It is noted
last: one that was cut off in between is taken anew.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from uuid6 import uuid7

from gateway.hl7.acknowledgements import ACCEPTED, Answer, Fault, Verdict, acknowledge, unreadable
from gateway.hl7.messages import Message, UnreadableMessageError, read
from gateway.hl7.orders import orders_of
from gateway.hl7.patients import changed_patient, merges_of
from shared.domain.studies import DEFAULT_TENANT, Actor, ActorKind, TenantId
from shared.errors import BadInputError, TryAgainError
from shared.intake import orders
from shared.operations import telemetry
from shared.records import expected, hl7
from shared.records.database import Database
from shared.records.moves import Hint

log = structlog.get_logger()

_GATEWAY: Final = Actor(ActorKind.SERVICE, "gateway")
_ORDERS: Final = frozenset({("ORM", "O01"), ("OMI", "O23"), ("OMG", "O19")})
_CHANGES: Final = frozenset({("ADT", "A08"), ("ADT", "A31")})
_MERGES: Final = frozenset({("ADT", "A40")})
_PRODUCTION: Final = "P"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes messages in.

    Attributes:
        send_hint: is called after the commit.
        keep: how long an order is kept.
        trusts_unknown: whether everybody may send for the default tenant as long as nobody was made a sender:
            only programs of this machine reach us.
    """

    database: Database
    send_hint: Callable[[Hint], object]
    keep: timedelta
    trusts_unknown: bool

    def receive(self, content: bytes) -> bytes:
        """Take a message in and return its acknowledgement. Blocks.

        Raises:
            TryAgainError: the database is away; there is no answer, and the sender sends it again.
        """
        control_id, now = uuid7().hex[-20:].upper(), datetime.now(UTC)
        try:
            message = read(content)
        except UnreadableMessageError as error:
            _count("unreadable", Verdict.REJECTED)
            return unreadable(error.detail, control_id=control_id, at=now)
        kind = (message.header.text(9) or "", _trigger(message))
        answer = self._answer(message, kind, content)
        _count("-".join(kind) if kind in _ORDERS | _CHANGES | _MERGES else "other", answer.verdict)
        return acknowledge(message, answer, control_id=control_id, at=now)

    def _answer(self, message: Message, kind: tuple[str, str], content: bytes) -> Answer:
        if refusal := _not_for_us(message, kind):
            return refusal
        tenant_id = self._tenant_of(message)
        if tenant_id is None:
            text = "MSH-3 and MSH-4 name no sender that is known here; an administrator adds it"
            return Answer(Verdict.REJECTED, Fault.SENDER, text)
        digest = _digest(message, content)
        with self.database.session() as session:
            if hl7.was_taken(session, tenant_id, digest):
                return ACCEPTED
        try:
            if kind in _ORDERS:
                self._take_orders(tenant_id, message)
            elif kind in _CHANGES:
                self._change_patient(tenant_id, message)
            else:
                self._merge(tenant_id, message)
        except BadInputError as error:
            return Answer(Verdict.ERROR, Fault.MISSING, error.detail)
        except TryAgainError:
            raise
        except Exception:
            # Unanswered it would come again for ever, and hold up all that is behind it.
            log.exception("hl7.failed")
            return Answer(
                Verdict.ERROR, Fault.OURS, "the message could not be handled; an operator finds why"
            )
        with self.database.session() as session:
            hl7.note_taken(session, tenant_id, digest)
        return ACCEPTED

    def _tenant_of(self, message: Message) -> TenantId | None:
        header = message.header
        with self.database.session() as session:
            if self.trusts_unknown and not hl7.has_senders(session):
                return DEFAULT_TENANT
            names = {"application": header.text(3) or "", "facility": header.text(4) or ""}
            return hl7.tenant_of(session, **names)

    def _take_orders(self, tenant_id: TenantId, message: Message) -> None:
        # Always in one order, or two messages could wait for each other's numbers.
        said = sorted(orders_of(message), key=lambda order: order.number or "")
        with self.database.session() as session:
            now = [expected.record(session, tenant_id, order, keep=self.keep) for order in said]
        for order in now:
            for hint in orders.settle(self.database, tenant_id, order, actor=_GATEWAY):
                self.send_hint(hint)

    def _change_patient(self, tenant_id: TenantId, message: Message) -> None:
        patient = changed_patient(message)
        with self.database.session() as session:
            expected.change_patient(session, tenant_id, patient)

    def _merge(self, tenant_id: TenantId, message: Message) -> None:
        merges = merges_of(message)
        with self.database.session() as session:
            for one in merges:
                expected.merge_patient(session, tenant_id, old=one.old, new=one.new, issuer=one.issuer)


def _not_for_us(message: Message, kind: tuple[str, str]) -> Answer | None:
    header = message.header
    if not (header.text(12) or "").startswith("2"):
        return Answer(Verdict.REJECTED, Fault.VERSION, "MSH-12 is no version of HL7 v2")
    if header.text(11) not in {_PRODUCTION, None}:
        return Answer(Verdict.REJECTED, Fault.PROCESSING, "MSH-11 is not P: only production is taken here")
    if kind not in _ORDERS | _CHANGES | _MERGES:
        text = "MSH-9 is not ORM^O01, OMI^O23, OMG^O19, ADT^A08, ADT^A31 or ADT^A40"
        return Answer(Verdict.REJECTED, Fault.TYPE, text)
    if header.text(10) is None:
        return Answer(Verdict.ERROR, Fault.MISSING, "MSH-10 is empty: no answer could name the message")
    return None


def _trigger(message: Message) -> str:
    """Return the event of MSH-9; some write ORM alone, which has one."""
    said = message.header.text(9, 2)
    only = [trigger for kind, trigger in _ORDERS if kind == message.header.text(9)]
    return said or (only[0] if only else "")


def _digest(message: Message, content: bytes) -> str:
    """Return what tells a message from every other: its sender, its control id, and all below its header.

    The id alone does not: interfaces begin to count anew.
    """
    header = message.header
    named = "\0".join(header.text(field) or "" for field in (3, 4, 10))
    below = content.split(b"\r", 1)[-1].strip()
    return hashlib.sha256(named.encode() + b"\0" + below).hexdigest()


def _count(kind: str, verdict: Verdict) -> None:
    telemetry.HL7.labels(kind, verdict.name.lower()).inc()
    if verdict is not Verdict.ACCEPTED:
        log.warning("hl7.refused", task=kind, outcome=verdict.name.lower())
