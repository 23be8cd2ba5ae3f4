"""Storage commitment: what lies in the object store is answered for, over our association or the peer's."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from cxr.local.state import free_port
from shared.records import peers, reading
from shared.records.database import Database
from shared.storage import Storage
from tests.support.dicoms import a_dicom
from tests.support.gateways import Gateway, association, gateway, stored
from tests.support.services import wait_for
from tests.support.stack import InfraStack

DX = DigitalXRayImageStorageForPresentation
Reports = queue.Queue[tuple[int, Dataset]]


@pytest.fixture(scope="module")
def running(
    infra: InfraStack, migrated: Database, storage: Storage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with gateway(infra.environment(), tmp_path_factory.mktemp("gateway")) as started:
        yield started


def heard(reports: Reports) -> tuple[evt.EventType, object]:
    """Return a handler that takes reports down."""

    def hear(event: evt.Event) -> tuple[int, None]:
        reports.put((event.event_type, event.event_information))
        return 0x0000, None

    return evt.EVT_N_EVENT_REPORT, hear


@contextmanager
def asking(port: int, reports: Reports) -> Iterator[Association]:
    """Open an association over which commitment is asked for, and its answer heard."""
    ae = AE("SCANNER")
    ae.add_requested_context(StorageCommitmentPushModel)
    peer = ae.associate("127.0.0.1", port, ae_title="CXR", evt_handlers=[heard(reports)])
    assert peer.is_established
    try:
        yield peer
    finally:
        # pynetdicom's `release` waits for ever where it answers a report at the same moment.
        wait_for(lambda: "_serve_request" not in str(threading.enumerate()), 60, "the answer to be sent")
        peer.release()


def request(*references: tuple[str, str]) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = "2.25.77"
    asked.ReferencedSOPSequence = []
    for sop_class, uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        asked.ReferencedSOPSequence.append(item)
    return asked


def ask(peer: Association, asked: Dataset, instance: str = StorageCommitmentPushModelInstance) -> int:
    status, _ = peer.send_n_action(asked, 1, StorageCommitmentPushModel, instance)
    return int(status.Status)


def store(port: int, *numbers: int) -> None:
    with association(port, DX, calling="SCANNER") as peer:
        for number in numbers:
            content = a_dicom(StudyInstanceUID="2.25.4711", SOPInstanceUID=f"2.25.{number}")
            assert stored(peer, content).Status == 0x0000


def test_what_is_not_held_is_not_committed_to(running: Gateway, database: Database, storage: Storage):
    store(running.port, 1, 2, 3)
    with database.session() as session:
        (study,) = reading.page(session, limit=10)
    (lost,) = (image for image in study.images if image.sop_instance_uid == "2.25.3")
    reports: Reports = queue.Queue()
    with asking(running.port, reports) as peer:
        assert ask(peer, request((DX, "2.25.1"), (DX, "2.25.2"))) == 0x0000
        kind, report = reports.get(timeout=60)
        assert (kind, report.TransactionUID) == (1, "2.25.77")
        assert {item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence} == {
            "2.25.1",
            "2.25.2",
        }
        assert "FailedSOPSequence" not in report
    other = "1.2.840.10008.5.1.4.1.1.1"
    storage.delete_original(lost.sha256)
    with asking(running.port, reports) as peer:
        asked = request((DX, "2.25.1"), (other, "2.25.2"), (DX, "2.25.3"), (DX, "2.25.4"))
        assert ask(peer, asked) == 0x0000
        kind, report = reports.get(timeout=60)
    assert kind == 2
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == ["2.25.1"]
    failed = {item.ReferencedSOPInstanceUID: item.FailureReason for item in report.FailedSOPSequence}
    assert failed == {"2.25.2": 0x0119, "2.25.3": 0x0112, "2.25.4": 0x0112}


def test_a_peer_that_listens_is_told_over_an_association_of_ours(running: Gateway, database: Database):
    port = free_port()
    with database.session() as session:
        peers.add(session, "SCANNER", host="127.0.0.1", port=port)
    store(running.port, 1)
    reports: Reports = queue.Queue()
    with association(running.port, StorageCommitmentPushModel, calling="SCANNER") as peer:
        assert ask(peer, request((DX, "2.25.1"))) == 0x0000
    # It begins to listen after the first try.
    ae = AE("SCANNER")
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    ae.require_called_aet = True
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[heard(reports)])
    try:
        kind, report = reports.get(timeout=90)
    finally:
        server.shutdown()
    assert (kind, report.TransactionUID) == (1, "2.25.77")


def test_another_tenants_instances_are_none_of_its_business(running: Gateway, database: Database):
    with database.session() as session:
        peers.add(session, "SCANNER", tenant="north")
        peers.add(session, "OTHER")
    store(running.port, 1)
    reports: Reports = queue.Queue()
    with association(running.port, DX, calling="OTHER") as peer:
        assert stored(peer, a_dicom(StudyInstanceUID="2.25.5", SOPInstanceUID="2.25.6")).Status == 0x0000
    with asking(running.port, reports) as peer:
        assert ask(peer, request((DX, "2.25.1"), (DX, "2.25.6"))) == 0x0000
        _, report = reports.get(timeout=60)
    assert [item.ReferencedSOPInstanceUID for item in report.FailedSOPSequence] == ["2.25.6"]


def test_what_is_no_request_is_refused(running: Gateway, database: Database):
    with asking(running.port, queue.Queue()) as peer:
        assert ask(peer, request()) == 0x0115
        assert ask(peer, request((DX, "2.25.1")), instance="2.25.5") == 0x0112
