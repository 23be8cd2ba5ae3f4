"""What comes to the DICOM port and is no association, or one that means no good: memory and threads stay."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pynetdicom.sop_class import Verification

from shared.records.database import Database
from shared.storage import Storage
from tests.support.gateways import Gateway, association, gateway
from tests.support.services import wait_for
from tests.support.stack import InfraStack

DX = DigitalXRayImageStorageForPresentation
MEGABYTE = 1 << 20
SOON = 60.0
"""Seconds within which a connection that nothing useful comes from is closed, on a busy machine."""


@pytest.fixture(scope="module")
def running(
    infra: InfraStack, migrated: Database, storage: Storage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(infra.environment(), folder, max_associations="20") as started:
        assert echoes(started)
        yield started


def echoes(running: Gateway) -> bool:
    with association(running.port, Verification) as peer:
        return peer.is_established and peer.send_c_echo().Status == 0x0000


def process(running: Gateway) -> psutil.Process:
    return psutil.Process(running.service.process.pid)


def connected(running: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), timeout=SOON)


def is_closed(connection: socket.socket) -> bool:
    """Wait until the other side closes; pass over what it says before."""
    with suppress(ConnectionError):
        while connection.recv(4096):
            pass
    return True


def pdu(kind: int, content: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BxL", kind, len(content) if length is None else length) + content


def item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def an_association(*more: bytes) -> bytes:
    """Return an A-ASSOCIATE-RQ for Verification, with further items."""
    syntaxes = item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2")
    context = item(0x20, b"\x01\0\0\0" + syntaxes)
    head = struct.pack(">HH16s16s32x", 1, 0, b"CXR".ljust(16), b"SENDER".ljust(16))
    return pdu(1, head + item(0x10, b"1.2.840.10008.3.1.1.1") + context + b"".join(more))


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 10 * MEGABYTE])
@pytest.mark.parametrize("kind", [1, 4])
def test_a_pdu_of_gigabytes_ends_the_connection_before_it_is_read(running: Gateway, kind: int, length: int):
    before = process(running).memory_info().rss
    with connected(running) as connection:
        if kind == 4:
            connection.sendall(an_association(item(0x50, item(0x51, struct.pack(">L", 16384)))))
            assert connection.recv(1) == b"\x02", "accepted"
        with suppress(ConnectionError):
            connection.sendall(pdu(kind, bytes(MEGABYTE), length))
        assert is_closed(connection)
    assert process(running).memory_info().rss - before < 30 * MEGABYTE
    assert echoes(running)


def test_http_is_no_dicom(running: Gateway):
    before = process(running).memory_info().rss
    for _ in range(20):
        with connected(running) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n")
            assert is_closed(connection)
    assert process(running).memory_info().rss - before < 30 * MEGABYTE
    assert echoes(running)


def test_an_association_of_16000_items_holds_no_memory(running: Gateway):
    before = process(running).memory_info().rss
    for _ in range(5):
        with connected(running) as connection:
            connection.sendall(
                an_association(item(0x50, item(0x51, bytes(4))) * 1, *[item(0x55, b"")] * 16000)
            )
            connection.shutdown(socket.SHUT_WR)
            assert is_closed(connection)
    assert process(running).memory_info().rss - before < 100 * MEGABYTE
    assert echoes(running)


def test_who_only_looks_whether_we_are_there_leaves_no_thread_behind(running: Gateway):
    threads = process(running).num_threads()
    for _ in range(300):
        connected(running).close()
    wait_for(lambda: process(running).num_threads() <= threads + 3, SOON, "their threads to end")
    assert echoes(running)


def test_who_says_nothing_or_dribbles_is_hung_up_on_and_holds_up_nobody(running: Gateway):
    # More of them than there are associations.
    silent = [connected(running) for _ in range(30)]
    dribbling = connected(running)
    began = time.monotonic()
    assert echoes(running), "while they are there"
    asked = an_association()
    with suppress(ConnectionError):
        for byte in asked[:-1]:
            dribbling.sendall(bytes([byte]))
            time.sleep(SOON / len(asked))
        pytest.fail("it took as long as it liked")
    assert time.monotonic() - began < SOON
    for connection in (*silent, dribbling):
        assert is_closed(connection)
        connection.close()


def test_there_are_only_so_many_associations(running: Gateway):
    open_ones = []
    try:
        for _ in range(20):
            one = connected(running)
            open_ones.append(one)
            one.sendall(an_association(item(0x50, item(0x51, struct.pack(">L", 16384)))))
            assert one.recv(1) == b"\x02", "accepted"
        with association(running.port, Verification) as peer:
            assert not peer.is_established
            said = peer.acceptor.primitive
            assert (said.result, said.result_source, said.diagnostic) == (2, 3, 2), "to come again"
    finally:
        for one in open_ones:
            one.close()
    wait_for(lambda: echoes(running), SOON, "there to be room again")


def command(field: int, *, data_set: bool = True) -> bytes:
    """Return the command set of C-ECHO (0x30) or C-STORE (0x01) as a PDV, whole."""
    uid = b"1.2.840.10008.1.1\0"
    elements = [
        (0x0002, uid),
        (0x0100, struct.pack("<H", field)),
        (0x0110, struct.pack("<H", 1)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", 0 if data_set else 0x0101)),
        (0x1000, b"2.25.1"),
    ]
    content = b"".join(struct.pack("<HHL", 0, number, len(value)) + value for number, value in elements)
    return pdv(3, struct.pack("<HHLL", 0, 0, 4, len(content)) + content)


def pdv(header: int, content: bytes) -> bytes:
    return struct.pack(">LBB", len(content) + 2, 1, header) + content


@pytest.mark.parametrize(
    ("what", "first", "then"),
    [
        ("a command without end", b"", pdv(1, bytes(100_000))),
        ("a data set where none belongs", command(0x30), pdv(0, bytes(100_000))),
        ("a flood of requests", b"", command(0x30, data_set=False) * 200),
        ("an empty piece", b"", struct.pack(">LB", 1, 1)),
        ("no command set", b"", pdv(3, b"\xff" * 50)),
        ("a data set before any command", b"", pdv(2, bytes(100))),
    ],
)
def test_a_message_that_is_out_of_bounds_ends_its_association_alone(
    running: Gateway, what: str, first: bytes, then: bytes
):
    before = process(running).memory_info().rss
    with association(running.port, Verification) as other, connected(running) as connection:
        connection.sendall(an_association(item(0x50, item(0x51, struct.pack(">L", 16384)))))
        assert connection.recv(1) == b"\x02", "accepted"
        with suppress(ConnectionError):
            if first:
                connection.sendall(pdu(4, first))
            for _ in range(1000):
                connection.sendall(pdu(4, then))
        assert is_closed(connection), what
        assert other.send_c_echo().Status == 0x0000
    assert process(running).memory_info().rss - before < 30 * MEGABYTE
