"""Orders over MLLP: answered once they are committed, taken once, and no sender harms another."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import hl7
import pytest
from hl7.client import MLLPClient

from cxr.local.state import free_port
from shared.domain.expected_orders import ExpectedOrder
from shared.domain.orders import Order
from shared.domain.studies import DEFAULT_TENANT, Priority, TenantId
from shared.records import hl7 as senders
from shared.records import worklist
from shared.records.database import Database
from shared.records.worklist import WorklistQuery
from tests.support.builders import a_study, a_tenant, the_order, the_study
from tests.support.hl7 import EPIC, IHE, JAPANESE, Engine, code, line, message
from tests.support.services import Service, services
from tests.support.stack import InfraStack

ADT = (
    r"MSH|^~\&|EPIC|NORTH|CXR|CXR|20260105||ADT^A40^ADT_A39|5|P|2.5.1",
    "PID|||NEW1^^^NORTH^MR||ROE^JANE||19700102|F",
    "MRG|0012345^^^NORTH^MR",
)


Connect = Callable[[int], Engine]


@dataclass
class Gateway:
    port: int
    process: Service

    def send(self, *segments: str, **fields: str) -> str:
        engine = Engine(self.port)
        with engine.socket:
            return engine.send(message(*segments, **fields))


def environment(infra: InfraStack, **more: str) -> dict[str, str]:
    ports = [free_port() for _ in range(2)]
    said = {"CXR_GATEWAY_HL7_PORT": str(ports[0]), "CXR_GATEWAY_DICOM_PORT": str(ports[1])}
    return {**infra.environment(), **said, **more}


@pytest.fixture(scope="module")
def running(
    infra: InfraStack, migrated: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    settings = environment(infra)
    with services(settings, tmp_path_factory.mktemp("gateway"), "gateway") as (process,):
        yield Gateway(int(settings["CXR_GATEWAY_HL7_PORT"]), process)


@pytest.fixture
def gateway(running: Gateway, database: Database) -> Gateway:
    return running


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return what opens connections, which are closed with the test."""
    with ExitStack() as sockets:

        def connected(port: int) -> Engine:
            engine = Engine(port)
            sockets.callback(engine.socket.close)
            return engine

        yield connected


def kept(database: Database, tenant: TenantId = DEFAULT_TENANT) -> list[ExpectedOrder]:
    with database.session() as session:
        return list(worklist.find_worklist(session, tenant, WorklistQuery()))


def test_orders_of_three_vendors_are_in_once_they_are_answered(gateway: Gateway, database: Database):
    for segments, mode in ((EPIC, "CA"), (IHE, "AA")):
        answer = gateway.send(*segments)
        assert code(answer) == mode
        parsed = hl7.parse(answer)
        header, sent = parsed.segment("MSH"), hl7.parse(message(*segments).decode()).segment("MSH")
        assert [str(header(place)) for place in (3, 4, 5, 6)] == [str(sent(place)) for place in (5, 6, 3, 4)]
        assert str(parsed.segment("MSA")(2)) == str(sent(10))
        assert str(header(12)) == str(sent(12))
    with MLLPClient("127.0.0.1", gateway.port, encoding="iso2022_jp_ext") as client:
        assert b"MSA|AA|9|" in client.send_message(message(*JAPANESE).decode())
    assert {order.number for order in kept(database)} == {"A123", "A200", "J100"}


def test_an_order_that_comes_late_fills_in_its_study(gateway: Gateway, database: Database):
    study_id = a_study(database, order=Order(accession_number="A123", patient_id="0012345"))
    assert code(gateway.send(*EPIC)) == "CA"
    assert the_order(database, study_id).indication == "SOB; cough & fever, r/o pneumonia; Cough, unspecified"
    assert the_study(database, study_id).priority is Priority.URGENT
    assert "0012345" not in gateway.process.text()


def test_a_message_that_is_sent_once_more_changes_nothing(gateway: Gateway, database: Database):
    assert code(gateway.send(*EPIC)) == "CA"
    assert code(gateway.send(*EPIC, MSH_10="4712", ORC_1="CA")) == "CA"
    # The first one again, whose answer was lost, with the time of this sending.
    assert code(gateway.send(*EPIC, MSH_7="20260105090000")) == "CA"
    assert kept(database) == []
    # An interface that counts anew has the same number for another message.
    assert code(gateway.send(*IHE, MSH_3="EPIC", MSH_4="NORTH", MSH_10="4711")) == "AA"
    assert [order.number for order in kept(database)] == ["A200"]


def test_patients_are_changed_and_merged(gateway: Gateway, database: Database):
    gateway.send(*EPIC)
    assert code(gateway.send(*ADT)) == "AA"
    assert code(gateway.send(*ADT[:2], MSH_9="ADT^A08^ADT_A01", MSH_10="6")) == "AA"
    (order,) = kept(database)
    assert (order.patient_id, order.patient_name) == ("NEW1", "ROE^JANE")
    assert "0012345" in order.other_patient_ids


@pytest.mark.parametrize(
    ("fields", "expect"),
    [
        ({"MSH_9": "ORU^R01^ORU_R01"}, "AR"),
        ({"MSH_9": "ADT^A03"}, "AR"),
        ({"MSH_12": "3.0"}, "AR"),
        ({"MSH_11": "T"}, "AR"),
        ({"MSH_10": ""}, "AE"),
        ({"PID_3": ""}, "AE"),
        ({"ORC_1": "ZZ"}, "AE"),
        ({"ORC_2": "", "ORC_3": "", "OBR_2": "", "OBR_3": "", "IPC_1": ""}, "AE"),
        ({"MSH_15": "AL", "MSH_16": "NE", "PID_3": ""}, "CE"),
        ({"MSH_15": "AL", "MSH_16": "AL", "MSH_9": "ORU^R01"}, "AR"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    gateway: Gateway, database: Database, fields: dict[str, str], expect: str
):
    answer = gateway.send(*IHE, **fields)
    assert code(answer) == expect
    if "MSH_12" not in fields:
        (error,) = [segment for segment in answer.split("\r") if segment.startswith("ERR|")]
        assert "HL70357|E" in error
    assert "Núñez" not in answer
    assert kept(database) == []


def test_one_bad_order_keeps_its_whole_message_out(gateway: Gateway, database: Database):
    answer = gateway.send(*IHE, "ORC|NW", "OBR|2")
    assert code(answer) == "AE"
    assert kept(database) == []


def test_only_senders_that_somebody_made_may_send_once_there_is_one(gateway: Gateway, database: Database):
    north = a_tenant(database, "north")
    with database.session() as session:
        senders.add_sender(session, application="", facility="NORTH", tenant="north")
        senders.add_sender(session, application="RIS", facility="NORTH", tenant="default")
    assert code(gateway.send(*EPIC)) == "CA"
    assert code(gateway.send(*IHE)) == "AR"
    assert code(gateway.send(*IHE, MSH_4="NORTH")) == "AA"
    assert [order.number for order in kept(database, north)] == ["A123"]
    assert [order.number for order in kept(database)] == ["A200"]


def test_no_connection_holds_up_another(gateway: Gateway, database: Database, connect: Connect):
    begun = connect(gateway.port)
    begun.socket.sendall(b"\x0bMSH|")
    many = connect(gateway.port)
    # Two messages in one piece, one in two, what no frame needs between them, and one that was cut off.
    first, second = message(*IHE), message(*EPIC)
    many.socket.sendall(
        b"\r\n\x0b" + first + b"\x1c\x0d\n\x0b" + first + b"\x1c\x0bMSH|cut\x0b" + second[:50]
    )
    assert [code(many.answer()) for _ in range(2)] == ["AA", "AA"]
    many.socket.sendall(second[50:] + b"\x1c")
    assert code(many.answer()) == "CA"
    for unending in (b"\x0b" + b"x" * (1 << 21), b"GET / HTTP/1.1\r\n" * 400):
        broken = connect(gateway.port)
        broken.flood(unending)
    for garbage in (
        b"",
        b"MSH",
        b"MSH|^~\\&" + b"|" * 300_000,
        b"\x00\xff" * 1000,
        b"MSH|^~\\&|" + b"~^&" * 90_000,
    ):
        assert code(many.send(garbage)) == "AR"
    assert code(many.send(message(*IHE, MSH_10="8"))) == "AA"
    assert {order.number for order in kept(database)} == {"A123", "A200"}


def test_past_their_number_connections_are_closed_at_once(gateway: Gateway, connect: Connect):
    engines = [connect(gateway.port) for _ in range(64)]
    assert code(engines[-1].send(message(*IHE))) == "AA"
    late = connect(gateway.port)
    assert late.socket.recv(1) == b""


def test_without_a_database_nothing_is_answered(infra: InfraStack, tmp_path: Path, connect: Connect):
    nowhere = {"CXR_DATABASE_URL": "postgresql+psycopg2://cxr@127.0.0.1:1/cxr"}
    settings = environment(infra, **nowhere)
    with services(settings, tmp_path, "gateway"):
        engine = connect(int(settings["CXR_GATEWAY_HL7_PORT"]))
        assert engine.send(message(*IHE)) == ""


def test_what_was_answered_outlives_the_gateway(
    infra: InfraStack, database: Database, tmp_path: Path, connect: Connect
):
    settings = environment(infra)
    port = int(settings["CXR_GATEWAY_HL7_PORT"])
    answered, content = [], b""
    with services(settings, tmp_path, "gateway") as (process,):
        engine = connect(port)
        for number in range(20):
            fields = {
                "MSH_10": str(number),
                "IPC_1": f"K{number}",
                "ORC_2": "",
                "ORC_3": "",
                "OBR_2": "",
                "OBR_3": "",
            }
            content = message(*IHE, **fields)
            if number == 10:
                engine.socket.sendall(b"\x0b" + content + b"\x1c\r")
                process.kill()
                break
            assert code(engine.send(content)) == "AA"
            answered.append(f"K{number}")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))
    with services(settings, tmp_path, "gateway"):
        # Nobody knows whether the last one was taken: it is sent again.
        assert code(connect(port).send(content)) == "AA"
    assert sorted(order.number or "" for order in kept(database)) == sorted([*answered, "K10"])


def test_a_study_s_order_may_be_changed_until_it_comes(gateway: Gateway, database: Database):
    gateway.send(*IHE)
    gateway.send(*IHE, MSH_10="78", ORC_1="XO", TQ1_9="R", OBR_31="^cough")
    (order,) = kept(database)
    assert (order.priority, order.indication) == (Priority.ROUTINE, "cough")
    assert code(gateway.send(*IHE[:2], line("ORC", {1: "CA", 2: "P100"}), MSH_10="79")) == "AA"
    assert kept(database) == []
