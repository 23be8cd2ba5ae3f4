"""Who may call: AE titles and hosts, whose studies they send, and who is turned away with which reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pynetdicom.sop_class import Verification

from shared.domain.studies import DEFAULT_TENANT
from shared.errors import NameTakenError
from shared.records import peers, reading
from shared.records.database import Database
from shared.storage import Storage
from tests.support.dicoms import a_dicom
from tests.support.gateways import Gateway, association, gateway, stored, storescu
from tests.support.stack import InfraStack

DX = DigitalXRayImageStorageForPresentation
CALLING_UNKNOWN, CALLED_UNKNOWN = (1, 1, 3), (1, 1, 7)


@pytest.fixture(scope="module")
def running(
    infra: InfraStack, migrated: Database, storage: Storage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with gateway(infra.environment(), tmp_path_factory.mktemp("gateway")) as started:
        yield started
    assert "WARD" not in started.service.text(), "an AE title is logged"


def rejection(port: int, *, calling: str, called: str = "CXR") -> tuple[int, int, int] | None:
    """Return with which result, source and reason a caller is rejected; None where it is let in."""
    with association(port, Verification, calling=calling, called=called) as peer:
        if peer.is_established:
            assert peer.send_c_echo().Status == 0
            return None
        said = peer.acceptor.primitive
        return said.result, said.result_source, said.diagnostic


def known(database: Database, ae_title: str, **more: object) -> None:
    with database.session() as session:
        peers.add(session, ae_title, **more)  # type: ignore[arg-type]  # as the tests name them


def test_without_peers_and_keys_everybody_on_this_machine_may_call(running: Gateway, database: Database):
    assert rejection(running.port, calling="ANYBODY") is None
    assert rejection(running.port, calling="ANYBODY", called="OTHER") == CALLED_UNKNOWN


def test_once_one_is_known_only_the_known_may_call(running: Gateway, database: Database):
    known(database, "WARD")
    assert rejection(running.port, calling="WARD") is None
    assert rejection(running.port, calling="ward") == CALLING_UNKNOWN
    assert rejection(running.port, calling="ANYBODY") == CALLING_UNKNOWN


def test_where_keys_are_wanted_nobody_is_let_in_unknown(
    infra: InfraStack, database: Database, tmp_path: Path
):
    with gateway({**infra.environment(), "CXR_API_AUTH": "required"}, tmp_path) as strict:
        assert rejection(strict.port, calling="WARD") == CALLING_UNKNOWN
        known(database, "WARD", host="localhost")
        assert rejection(strict.port, calling="WARD") is None


def test_a_title_counts_at_its_host_alone(running: Gateway, database: Database):
    known(database, "WARD", host="192.0.2.1")
    assert rejection(running.port, calling="WARD") == CALLING_UNKNOWN
    known(database, "WARD", host="127.0.0.1")
    assert rejection(running.port, calling="WARD") is None


def test_studies_are_the_tenants_of_who_sent_them(running: Gateway, database: Database, tmp_path: Path):
    known(database, "NORTH", tenant="north")
    known(database, "SOUTH")
    path = tmp_path / "1.dcm"
    path.write_bytes(a_dicom(StudyInstanceUID="2.25.4711"))
    for calling in ("NORTH", "SOUTH"):
        assert storescu(running.port, path, calling=calling).returncode == 0
    with database.session() as session:
        north, south = (peers.named(session, title)[0].tenant_id for title in ("NORTH", "SOUTH"))
        owners = [view.study.tenant_id for view in reading.page(session, limit=10)]
    assert south == DEFAULT_TENANT != north
    assert sorted(owners) == sorted([north, south])


def test_a_peer_that_may_not_store_may_ask_whether_we_are_there(running: Gateway, database: Database):
    known(database, "WARD", may_store=False)
    with association(running.port, DX, Verification, calling="WARD") as peer:
        assert peer.send_c_echo().Status == 0
        assert stored(peer, a_dicom()).Status == 0x0124


def test_a_peer_is_known_once_and_no_more_once_removed(running: Gateway, database: Database):
    known(database, "WARD")
    with pytest.raises(NameTakenError):
        known(database, "WARD")
    known(database, "WARD", host="pacs.example.org", port=104, tls=True)
    with database.session() as session:
        first, second = peers.named(session, "WARD")
        assert (second.host, second.port, second.tls, second.tenant) == (
            "pacs.example.org",
            104,
            True,
            "default",
        )
        assert peers.remove(session, first.id)
        assert not peers.remove(session, first.id)
    assert rejection(running.port, calling="WARD") == CALLING_UNKNOWN


def test_while_the_database_is_away_a_caller_is_told_to_come_again(
    infra: InfraStack, running: Gateway, database: Database
):
    infra.kill("postgres")
    try:
        assert rejection(running.port, calling="WARD") == (2, 3, 1)
    finally:
        infra.start("postgres")
