"""Storage commitment, push model (PS3.4 annex J): N-ACTION asks, N-EVENT-REPORT answers.

A peer whose host and port are known is told over an association of ours, again and again for ten minutes
where it does not listen; any other over its own association, as long as that is there.
"""

import threading
from collections.abc import Sequence
from typing import Final

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from gateway.backend import Backend
from gateway.dimse import tls
from gateway.dimse.door import Door
from shared.errors import TryAgainError
from shared.intake import commitment
from shared.intake.commitment import Failure, Reference
from shared.records.peers import Peer

log = structlog.get_logger()

_PAUSES: Final = (0.2, 5.0, 30.0, 120.0, 480.0)
"""Seconds before each try to tell a peer."""
_ASK: Final = 1
_ALL_HELD, _SOME_NOT = 1, 2
"""Action Type ID, and the Event Type IDs."""
_SUCCESS, _NO_SUCH_INSTANCE, _NO_SUCH_ACTION, _INVALID = 0x0000, 0x0112, 0x0123, 0x0115
_SECONDS: Final = 30.0
"""For each step of an association of ours."""


class Commitment:
    """Answers who wants to know whether it may delete its own."""

    def __init__(self, backend: Backend, door: Door) -> None:
        self._backend, self._door = backend, door
        self._stopped = threading.Event()

    def ask(self, event: evt.Event) -> tuple[int, None]:
        """Take a request on; it is answered by and by."""
        if event.request.RequestedSOPInstanceUID != StorageCommitmentPushModelInstance:
            return _NO_SUCH_INSTANCE, None
        if event.action_type != _ASK:
            return _NO_SUCH_ACTION, None
        asked = event.action_information
        references = [
            Reference(str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID))
            for one in asked.get("ReferencedSOPSequence", ())
            if "ReferencedSOPClassUID" in one and "ReferencedSOPInstanceUID" in one
        ]
        transaction = asked.get("TransactionUID")
        if not transaction or not references:
            return _INVALID, None
        peer = self._door.peer(event.assoc)
        work = (peer, event.assoc, str(transaction), references)
        threading.Thread(target=self._answer, args=work, name="commitment", daemon=True).start()
        return _SUCCESS, None

    def stop(self) -> None:
        """Tell nobody any more: who hears nothing asks again."""
        self._stopped.set()

    def _answer(
        self, peer: Peer, association: Association, transaction: str, references: Sequence[Reference]
    ) -> None:
        for pause in _PAUSES:
            if self._stopped.wait(pause):
                return
            try:
                report = _report(self._held(peer, references), transaction)
                if self._told(peer, association, report):
                    return
            except TryAgainError:
                continue
            except Exception:
                log.exception("commitment.failed")
        log.warning("commitment.unheard")

    def _held(self, peer: Peer, references: Sequence[Reference]) -> dict[Reference, Failure | None]:
        return dict(commitment.held(self._backend.intake, peer.tenant_id, references))

    def _told(self, peer: Peer, association: Association, report: Dataset) -> bool:
        if peer.host is None or peer.port is None:
            return association.is_established and _tell(association, report)
        settings = self._backend.settings
        ae = AE(settings.ae_title)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = _SECONDS
        ae.add_requested_context(StorageCommitmentPushModel, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        ours = ae.associate(
            peer.host,
            peer.port,
            ae_title=peer.ae_title,
            ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
            tls_args=(tls.for_those_we_call(settings), peer.host) if peer.tls else None,
        )
        if not ours.is_established:
            return False
        try:
            return _tell(ours, report)
        finally:
            ours.release()


def _tell(association: Association, report: Dataset) -> bool:
    kind = _SOME_NOT if "FailedSOPSequence" in report else _ALL_HELD
    status, _ = association.send_n_event_report(
        report, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    return bool(status.get("Status") == _SUCCESS)


def _report(answers: dict[Reference, Failure | None], transaction: str) -> Dataset:
    """Return the Event Information of PS3.4 table J.3-2."""
    report = Dataset()
    report.TransactionUID = transaction
    held = [_referenced(one) for one, failure in answers.items() if failure is None]
    failed = [_referenced(one, failure) for one, failure in answers.items() if failure is not None]
    if held:
        report.ReferencedSOPSequence = held
    if failed:
        report.FailedSOPSequence = failed
    return report


def _referenced(reference: Reference, failure: Failure | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    if failure is not None:
        item.FailureReason = int(failure)
    return item
