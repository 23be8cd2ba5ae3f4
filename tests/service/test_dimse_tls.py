"""DICOM over TLS by dcmtk: a certificate of our authority lets a peer in, and nothing else does."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.records import reading
from shared.records.database import Database
from shared.storage import Storage
from tests.support.certificates import Authority, Certificate
from tests.support.dicoms import a_dicom, a_picture
from tests.support.gateways import Gateway, gateway, storescu
from tests.support.stack import InfraStack


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def running(
    infra: InfraStack,
    migrated: Database,
    storage: Storage,
    ours: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    of_the_gateway = ours.issue("gateway")
    files = {
        "tls_certificate": str(of_the_gateway.certificate),
        "tls_key": str(of_the_gateway.key),
        "tls_ca": str(ours.certificate),
    }
    with gateway(infra.environment(), tmp_path_factory.mktemp("gateway"), **files) as started:
        yield started


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    path = tmp_path / "1.dcm"
    # Larger than one TLS record and than one PDU.
    path.write_bytes(a_dicom(a_picture(400, 400), StudyInstanceUID="2.25.4711"))
    return path


def by_tls(running: Gateway, path: Path, trusted: Authority, own: Certificate | None) -> bool:
    """Send a file over TLS; return whether it was taken."""
    options = ["+tls", str(own.key), str(own.certificate)] if own else ["+tla"]
    done = storescu(running.tls_port, path, options=[*options, "+cf", str(trusted.certificate)])
    return done.returncode == 0


def test_a_peer_with_a_certificate_of_our_authority_stores(
    running: Gateway, database: Database, ours: Authority, sent: Path
):
    assert by_tls(running, sent, ours, ours.issue("scanner"))
    with database.session() as session:
        (study,) = reading.page(session, limit=10)
    assert len(study.images) == 1


def test_a_peer_without_a_certificate_or_with_anothers_does_not(
    running: Gateway, database: Database, ours: Authority, sent: Path, tmp_path: Path
):
    others = Authority(tmp_path / "others")
    assert not by_tls(running, sent, ours, None)
    assert not by_tls(running, sent, ours, others.issue("scanner"))
    assert storescu(running.tls_port, sent).returncode != 0, "without TLS"
    with database.session() as session:
        assert not reading.page(session, limit=10)
    assert by_tls(running, sent, ours, ours.issue("scanner")), "and the port still serves"


def test_a_peer_that_does_not_shake_hands_holds_up_nobody(
    running: Gateway, database: Database, ours: Authority, sent: Path
):
    silent = [socket.create_connection(("127.0.0.1", running.tls_port)) for _ in range(5)]
    try:
        assert by_tls(running, sent, ours, ours.issue("scanner"))
    finally:
        for one in silent:
            one.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken(running: Gateway, ours: Authority):
    own = ours.issue("scanner")
    context = ssl.create_default_context(cafile=ours.certificate)
    context.load_cert_chain(own.certificate, own.key)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", running.tls_port)) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")
