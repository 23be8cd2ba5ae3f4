"""What a sender is told of its message: MSH, MSA and, where something is wrong, ERR. Pure.

AA: it is in, committed. AE: its content is wrong, sent again it would be so still. AR: it is of a kind, a
version or a sender that is not taken here. Who asks for no more than an accept acknowledgement (MSH-15,
MSH-16) gets CA, CE and CR for these. Where a server of ours is away nothing is answered at all: engines send
again what nobody answered, and set aside what was refused.
Source: HL7 v2.5.1, chapter 2, 2.9.2, 2.9.3 and tables 0008, 0155, 0357.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.hl7.messages import Message, Segment
from shared.rendering.hl7_encoding import SEPARATORS, components, escaped, moment, segment

_TEXT_MEANS_ERR: Final = ("2.5", "2.6", "2.7", "2.8", "2.9")
"""Versions in which an ERR segment says what is wrong; before, MSA-3 does."""
_RETURNED: Final = {3: 5, 4: 6, 5: 3, 6: 4}
"""Whose names stand in which field: who sent it is who is answered."""


class Verdict(StrEnum):
    """The second letter of an acknowledgement's code."""

    ACCEPTED = "A"
    ERROR = "E"
    REJECTED = "R"


class Fault(StrEnum):
    """What is wrong, of HL7 table 0357."""

    MISSING = "101^Required field missing"
    DATA = "102^Data type error"
    TYPE = "200^Unsupported message type"
    PROCESSING = "202^Unsupported processing id"
    VERSION = "203^Unsupported version id"
    SENDER = "204^Unknown key identifier"
    OURS = "207^Application internal error"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a message; `text` says it to the sender, and holds nothing of the message."""

    verdict: Verdict
    fault: Fault | None = None
    text: str = ""


ACCEPTED: Final = Answer(Verdict.ACCEPTED)


def acknowledge(message: Message, answer: Answer, *, control_id: str, at: datetime) -> bytes:
    """Write the acknowledgement of a message, in its character set and its version."""
    header = message.header
    trigger, version = header.text(9, 2), header.text(12)
    kind = components("ACK", trigger, "ACK" if trigger and _has_err(version) else None)
    fields = {
        2: SEPARATORS,
        **{place: _same(header, theirs) for place, theirs in _RETURNED.items()},
        7: moment(at),
        9: kind,
        10: control_id,
        11: _same(header, 11),
        12: _same(header, 12),
        18: _same(header, 18),
    }
    segments = [segment("MSH", {place: text for place, text in fields.items() if text or place < 13})]
    code = f"{_mode(header)}{answer.verdict}"
    segments.append(segment("MSA", {1: code, 2: escaped(header.text(10)), 3: escaped(answer.text)}))
    if answer.fault is not None and _has_err(version):
        error = {3: f"{answer.fault}^HL70357", 4: "E", 8: escaped(answer.text)}
        segments.append(segment("ERR", error))
    return "".join(f"{line}\r" for line in segments).encode(message.codec, "replace")


def unreadable(text: str, *, control_id: str, at: datetime) -> bytes:
    """Write the acknowledgement of what could not be read: nobody knows which message it was."""
    header = segment("MSH", {2: SEPARATORS, 7: moment(at), 9: "ACK", 10: control_id, 11: "P", 12: "2.5.1"})
    return f"{header}\r{segment('MSA', {1: 'AR', 2: '', 3: escaped(text)})}\r".encode()


def _mode(header: Segment) -> str:
    """Return the code's first letter: C where the sender wants an accept acknowledgement and no other."""
    accept, application = header.text(15), header.text(16)
    return "C" if accept not in {None, "NE"} and application in {None, "NE"} else "A"


def _has_err(version: str | None) -> bool:
    return (version or "").startswith(_TEXT_MEANS_ERR)


def _same(header: Segment, field: int) -> str:
    """Return a field of the header as it stands, its components with it."""
    parts = [header.text(field, place) for place in range(1, 4)]
    repeated = [header.text(field, repetition=one) for one in range(1, header.repetitions(field) + 1)]
    return components(*parts) if len(repeated) < 2 else "~".join(escaped(one) for one in repeated)
