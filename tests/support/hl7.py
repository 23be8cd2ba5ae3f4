"""HL7 messages as real interfaces write them, and a sender that speaks MLLP."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final


def line(name: str, fields: Mapping[int, str]) -> str:
    """Return a segment whose fields are written already, by their numbers."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


EPIC: Final = (
    r"MSH|^~\&|EPIC|NORTH|CXR|CXR|20260105083000||ORM^O01|4711|P|2.3|||AL|NE",
    "PID|1|E77^^^EPI^EPI|E77^^^EPI^EPI~0012345^^^NORTH^MR||DOE^JANE^Q^JR^DR||19700102|F||W|1 ROAD^^TOWN",
    "PV1|1|E|ED^12^A^NORTH|||||77^HOUSE^GREGORY^^^DR",
    line("ORC", {1: "NW", 2: "889^EPC", 3: "A123^RIS", 5: "SC", 7: "1^^^20260105093000^^STAT"}),
    line(
        "OBR",
        {
            1: "1",
            2: "889^EPC",
            3: "A123^RIS",
            4: "71046^XR CHEST 2 VIEWS^CPT^IMG36^CHEST PA/LAT^EAP",
            13: "cough & fever, r/o pneumonia",
            18: "A123",
            19: "RP1",
            20: "SPS1",
            24: "CR",
            27: "1^^^20260105093000^^STAT",
            31: "^SOB",
        },
    ),
    "DG1|1|I10|R05.9^Cough, unspecified^I10",
    "NTE|1||Please call the ward.",
    "ZDS|1.2.840.113619.2.1^EPIC^Application^DICOM",
)
"""ORM^O01 of version 2.3, with IHE's OBR-18 to 20 and ZDS."""
IHE: Final = (
    r"MSH|^~\&|RIS|SOUTH|CXR|CXR|20260105083000.123+0100||OMI^O23^OMI_O23|77|P|2.5.1||||||UNICODE UTF-8",
    "PID|||P-9^^^SOUTH&1.2.3&ISO^PI||Núñez^Ana^^^^^L||19881224|F",
    "PV1||O|||||",
    line("ORC", {1: "NW", 2: "P100", 3: "F100", 7: "1^^^20260201", 12: "55^Müller^Jörg^^^Dr."}),
    line("TQ1", {1: "1", 7: "20260106140500", 9: "A"}),
    line(
        "OBR",
        {1: "1", 2: "P100", 3: "F100", 4: "36643-5^XR Chest 2V^LN", 18: "no number", 31: "^Dolor torácico"},
    ),
    "IPC|A200|RP200|1.2.3.4.200|SPS200|DX|CHEST^^99X|ROOM1||DX_ROOM1",
)
JAPANESE: Final = (
    r"MSH|^~\&|HIS|TOKYO|CXR|CXR|20260105||OMG^O19^OMG_O19|9|P|2.5||||||~ISO IR87",
    "PID|||J1^^^^PI||ヤマダ^タロウ^^^^^L^P~山田^太郎^^^^^L^I~YAMADA^TARO^^^^^L^A||19500101|M",
    "ORC|NW|J100",
    line("OBR", {2: "J100", 4: "XC^胸部正面^L", 13: "咳嗽"}),
)


def message(*segments: str, codec: str = "utf-8", **fields: str) -> bytes:
    """Write segments as a message; `MSH_10="2"` replaces a field in the first segment of that name."""
    lines = list(segments)
    for name, value in fields.items():
        segment, number = name.split("_")
        at = next(index for index, line in enumerate(lines) if line.startswith(segment))
        parts = lines[at].split("|")
        place = int(number) - (segment == "MSH")
        parts += [""] * (place + 1 - len(parts))
        parts[place] = value
        lines[at] = "|".join(parts)
    return "".join(f"{line}\r" for line in lines).encode(codec)


class Engine:
    """An interface engine's connection: it sends a message and waits for its answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def send(self, content: bytes) -> str:
        """Send a message in its frame; return the answer, or nothing where the connection was closed."""
        self.socket.sendall(b"\x0b" + content + b"\x1c\r")
        return self.answer()

    def flood(self, content: bytes) -> None:
        """Send the same again and again, until the connection is closed."""
        with suppress(OSError):
            while True:
                self.socket.sendall(content)

    def answer(self) -> str:
        """Return the next answer."""
        received = b""
        while not received.endswith(b"\x1c\r"):
            piece = self.socket.recv(4096)
            if not piece:
                return ""
            received += piece
        assert received.startswith(b"\x0b")
        return received[1:-2].decode("utf-8")


def code(answer: str) -> str:
    """Return MSA-1."""
    return next((line.split("|")[1] for line in answer.split("\r") if line.startswith("MSA")), "")
