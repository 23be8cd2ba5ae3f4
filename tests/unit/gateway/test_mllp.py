"""Listeners that do not speak MLLP as they should: each is told from one that has filed the message."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import pytest

from gateway.courier import mllp
from gateway.courier.outcomes import AwayError, RefusedError
from shared.domain.deliveries import DestinationKind
from shared.domain.studies import DEFAULT_TENANT
from shared.records.destinations import Target

MESSAGE = b"MSH|^~\\&|CXR|NORTH|||20260101||ORU^R01^ORU_R01|ID1|P|2.5.1\rPID|1\r"


def target(port: int, **fields: object) -> Target:
    usual = dict.fromkeys(Target.__dataclass_fields__)
    made = {
        "id": uuid4(),
        "tenant_id": DEFAULT_TENANT,
        "kind": DestinationKind.HL7,
        "host": "127.0.0.1",
        "port": port,
        "tls": False,
        "formats": ("hl7",),
        "failures": 0,
    }
    return Target(**{**usual, **made, **fields})  # type: ignore[arg-type]


@contextmanager
def listener(answer: Callable[[socket.socket], None], came: list[bytes]) -> Iterator[int]:
    """Take one message, and answer as told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                read = b""
                while not read.endswith(b"\x1c\r"):
                    read += connection.recv(4096)
                came.append(read)
                with suppress(OSError):  # whoever has heard enough hangs up
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)


def says(*parts: bytes, pause: float = 0) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return answer


def ack(code: str, about: str = "ID1", more: str = "") -> bytes:
    return f"\x0bMSH|^~\\&|RIS|||CXR|20260101||ACK|9|P|2.5.1\rMSA|{code}|{about}{more}\r\x1c\r".encode()


def sent(
    answer: Callable[[socket.socket], None], *, seconds: float = 20, **fields: object
) -> tuple[str, bytes]:
    came: list[bytes] = []
    with listener(answer, came) as port:
        said = mllp.send(target(port, **fields), MESSAGE, seconds=seconds)
    return said, came[0]


def test_the_message_is_framed_and_says_who_receives_it():
    said, came = sent(says(ack("AA")), application="RIS & PACS", facility="NORTH")
    assert said == "AA"
    assert came.startswith(b"\x0bMSH|^~\\&|CXR|NORTH|RIS \\T\\ PACS|NORTH|20260101||ORU^R01^ORU_R01|ID1|")
    assert came.endswith(b"\rPID|1\r\x1c\r")


def test_an_acknowledgement_may_come_in_pieces_and_with_other_line_ends():
    whole = ack("CA").replace(b"\r", b"\r\n", 2)
    assert sent(says(*(bytes([one]) for one in whole)))[0] == "CA"


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
def test_an_error_is_no_delivery_and_is_told_in_the_receiver_s_words(code: str):
    with pytest.raises(RefusedError, match=f"^{code}: no such patient$") as caught:
        sent(says(ack(code, more="|no such patient")))
    assert not caught.value.for_good


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(ack("AA", about="ID2")), "of another message"),
        (says(b"\x0bMSH|^~\\&|RIS\r\x1c\r"), "no MSA"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "no MLLP frame"),
        (says(ack("AA")[:30]), "closed before the acknowledgement was whole"),
        (says(), "closed before"),
        (says(b"\x0b" + b"A" * 70_000), "no MLLP frame"),
    ],
    ids=["another's", "no MSA", "HTTP", "half", "nothing", "endless"],
)
def test_what_is_no_acknowledgement_of_it_is_none(answer: Callable[[socket.socket], None], why: str):
    with pytest.raises(AwayError, match=why):
        sent(answer)


def test_an_answer_that_trickles_in_is_waited_for_no_longer_than_the_attempt_may_take():
    with pytest.raises(AwayError, match="no acknowledgement within 1 s"):
        sent(says(*(b"\x0bMSH|^~\\&|", *[b"A"] * 12), pause=0.2), seconds=1)
