"""HL7's data types as our values: names, days and times, ids with who gave them. Pure."""

import re
from dataclasses import dataclass
from datetime import date, time
from typing import Final

from gateway.hl7.messages import Segment

_MOMENT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?")
_GROUPS: Final = {"A": 0, "I": 1, "P": 2}
"""Of a name, as DICOM orders them: alphabetic, ideographic, phonetic (HL7 table 0465)."""
_LONGEST_NAME: Final = 194
"""Of DICOM's PN with its three groups."""
_LEGAL: Final = ("L", "D", "", None)
_ID_KINDS: Final = ("MR", "PI", "PT", None)
"""HL7 table 0203, the one first by which a PACS knows a patient."""
_SEXES: Final = frozenset("FMO")


@dataclass(frozen=True, slots=True)
class PatientIds:
    """A patient's ids; `issuer` is of the first, None where nobody gave it."""

    id: str
    issuer: str | None
    others: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every id, the first too."""
        return (self.id, *self.others)


def ids_of(segment: Segment, field: int) -> PatientIds | None:
    """Read a field of CX: the medical record's number first, then as they stand there."""
    found = []
    for repetition in range(1, segment.repetitions(field) + 1):
        known = segment.text(field, repetition=repetition)
        if known is not None:
            kind = segment.text(field, 5, repetition=repetition)
            rank = _ID_KINDS.index(kind) if kind in _ID_KINDS else len(_ID_KINDS)
            found.append((rank, known, segment.text(field, 4, repetition=repetition)))
    if not found:
        return None
    found.sort(key=lambda one: one[0])
    _, first, issuer = found[0]
    others = dict.fromkeys(known for _, known, _ in found if known != first)
    return PatientIds(first, issuer, tuple(others))


def name_of(segment: Segment, field: int) -> str | None:
    """Read a field of XPN as DICOM writes a name: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX, its groups with =."""
    groups: list[str] = ["", "", ""]
    for repetition in range(1, segment.repetitions(field) + 1):
        kind = segment.text(field, 7, repetition=repetition)
        place = _GROUPS.get(segment.text(field, 8, repetition=repetition) or "A", 0)
        if kind in _LEGAL and not groups[place]:
            groups[place] = _written(segment, field, 1, repetition=repetition)
    return "=".join(groups).rstrip("=")[:_LONGEST_NAME] or None


def physician_of(segment: Segment, field: int) -> str | None:
    """Read the first of a field of XCN, an id and a name, as `name_of` writes one."""
    return _written(segment, field, 2)[:_LONGEST_NAME] or None


def moment_of(text: str | None) -> tuple[date | None, time | None]:
    """Read a DTM as a day and a time on the sender's clock; what is none of either is None."""
    found = _MOMENT.match(text or "")
    if found is None:
        return None, None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        on = date(year, month, day)
    except ValueError:
        return None, None
    try:
        return on, time(hour, minute, second) if found[4] else None
    except ValueError:
        return on, None


def sex_of(segment: Segment, field: int) -> str | None:
    """Read a sex as DICOM has it; what is neither F, M nor O is not known."""
    said = (segment.text(field) or "").upper()
    return said if said in _SEXES else None


def _written(segment: Segment, field: int, first: int, *, repetition: int = 1) -> str:
    family, given, middle, suffix, prefix = (
        # What stands for another separator in DICOM would move the groups.
        re.sub(r"[\^=\\]", " ", segment.text(field, first + place, repetition=repetition) or "")
        for place in range(5)
    )
    return f"{family}^{given}^{middle}^{prefix}^{suffix}".rstrip("^")
