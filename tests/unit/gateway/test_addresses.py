"""Which addresses may be called, however they are written; and names that change their mind."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.courier.addresses import addresses_of, may_be_called
from gateway.courier.outcomes import AwayError

PUBLIC = ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822", "::ffff:93.184.216.34")
PRIVATE = (
    *("127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
    *("::1", "fd00::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "198.18.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:db8::1", "240.0.0.1"),
)
NEVER = (
    *("169.254.169.254", "fe80::1", "fe80::1%lo", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    *("2002:a9fe:a9fe::", "0.0.0.0", "::", "224.0.0.1", "ff02::1"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str):
    assert may_be_called(address, private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_one_may_be_called_where_that_is_allowed(address: str):
    assert not may_be_called(address, private=False)
    assert may_be_called(address, private=True)


@pytest.mark.parametrize("address", NEVER)
def test_where_credentials_are_kept_and_what_is_nobody_s_may_never_be_called(address: str):
    assert not may_be_called(address, private=False)
    assert not may_be_called(address, private=True)


@pytest.mark.parametrize(
    "host", ["localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "::ffff:127.0.0.1"]
)
def test_however_this_machine_is_written_it_is_this_machine(host: str):
    with pytest.raises(AwayError, match="may not be called"):
        addresses_of(host, 80, private=False)
    assert addresses_of(host, 80, private=True)


def test_a_name_that_is_none_is_said_to_be_none():
    for host in ("no-such-name.invalid", "a" * 64 + ".example", "x..y"):
        with pytest.raises(AwayError, match="cannot be resolved"):
            addresses_of(host, 80, private=True)


def _answer(query: bytes, address: str | None) -> bytes:
    """Answer a DNS query for one name with one A record, or with none."""
    question_end = query.index(b"\0", 12) + 5
    is_a = query[question_end - 4 : question_end - 2] == b"\0\1"
    records = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(address) if address and is_a else b""
    flags, counts = b"\x81\x80", b"\0\1" + (b"\0\1" if records else b"\0\0") + b"\0\0\0\0"
    return query[:2] + flags + counts + query[12:question_end] + records


@contextmanager
def _rebinding_server(addresses: list[str], asked: list[str]) -> Iterator[str]:
    """Run a DNS server that tells another address each time it is asked, the last one from then on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.53.53.53", 53))
        server.settimeout(0.2)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    query, client = server.recvfrom(512)
                except TimeoutError:
                    continue
                end = query.index(b"\0", 12)
                if query[end + 1 : end + 3] == b"\0\1":
                    asked.append(addresses[min(len(asked), len(addresses) - 1)])
                server.sendto(_answer(query, asked[-1] if asked else None), client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield "127.53.53.53"
        finally:
            stopped.set()
            thread.join()


_CALL = """
import sys
from gateway.courier import web
from gateway.courier.outcomes import AwayError
try:
    print(web.send("POST", sys.argv[1], headers={}, content=b"{}", seconds=3, private=False).status)
except AwayError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a resolver of one's own takes root")
@pytest.mark.parametrize(
    ("addresses", "outcome", "most_asked"),
    [
        (["127.0.0.1"], "may not be called", 1),
        # What was checked is called: the second answer, which leads to us, is never asked for.
        (["192.0.2.1", "127.0.0.1"], "may not be called", 1),
        (["203.0.114.1", "127.0.0.1"], "no answer within 3 s|cannot be reached", 1),
    ],
    ids=["private", "documentation", "rebinding"],
)
def test_a_name_that_turns_to_this_machine_leads_nowhere(
    tmp_path: Path, addresses: list[str], outcome: str, most_asked: int
):
    resolv, hosts = tmp_path / "resolv.conf", tmp_path / "nsswitch.conf"
    resolv.write_text("nameserver 127.53.53.53\noptions timeout:2 attempts:1\n", encoding="ascii")
    hosts.write_text("hosts: dns\n", encoding="ascii")
    asked: list[str] = []
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as us, _rebinding_server(addresses, asked):
        port = us.getsockname()[1]
        us.settimeout(0.1)
        script = (
            f"mount --bind {resolv} /etc/resolv.conf && mount --bind {hosts} /etc/nsswitch.conf"
            f" && exec {sys.executable} -c '{_CALL}' http://ward.example:{port}/hook"
        )
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        with suppress(TimeoutError):
            came.append(us.accept())

    assert re.search(outcome, done.stdout), done
    assert came == []
    assert len(asked) == most_asked
