"""What a message of orders says: ORM^O01, OMI^O23 and OMG^O19, each order from its ORC to the next. Pure.

The numbers: IPC-1 (OMI) or OBR-18 (as IHE's Scheduled Workflow has it in ORM) is the accession number; ORC-3
and OBR-3 the filler's, ORC-2 and OBR-2 the placer's. The Study Instance UID is IPC-3 or ZDS-1.
Sources: HL7 v2.5.1, chapter 4; IHE Radiology TF-2, RAD-2 to RAD-4.

Map: `orders_of` -> `_groups`, `_order` (`_reason`, `_priority`, `_scheduled`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, time
from typing import Final

from pydicom.uid import UID

from gateway.hl7.messages import Message, Segment
from gateway.hl7.patients import patient_of
from gateway.hl7.values import moment_of, physician_of
from shared.domain.expected_orders import ExpectedOrder, OrderStatus
from shared.domain.studies import Priority
from shared.errors import BadInputError

_BEGUN: Final = frozenset(("NW", "XO", "XX", "XR", "SC", "SN", "SS", "SR", "RP", "RU", "RO", "RQ", "RF"))
_BEGUN_TOO: Final = frozenset(("OK", "NA", "PA", "CH", "HD", "RL", "OE", "OH", "OR", "RE"))
_CANCELLED: Final = frozenset(("CA", "OC", "CR", "DC", "OD", "DR"))
"""ORC-1 (HL7 table 0119): what stands, and what does no more. A change and a new order are written alike."""
_STATUS: Final = {"CA": OrderStatus.CANCELLED, "DC": OrderStatus.CANCELLED, "CM": OrderStatus.COMPLETED}
"""ORC-5 (table 0038), where it says more than ORC-1."""
_URGENT: Final = frozenset(("S", "A", "STAT", "ASAP", "URGENT"))
"""HL7 table 0485, and the words that are written instead."""
_ROUTINE: Final = frozenset(("R", "ROUTINE"))
_ACCESSION: Final = re.compile(r"[^\s\\]{1,16}")
"""DICOM's SH. OBR-18 is a field for whatever the placer likes: what cannot be one is none."""
_LONGEST_REASON: Final = 4000

_Group = dict[str, list[Segment]]


class BadOrderError(BadInputError):
    """An order lacks what it cannot be kept without."""


def orders_of(message: Message) -> Sequence[ExpectedOrder]:
    """Return the orders of a message.

    Raises:
        BadOrderError: there is none, or one lacks its number or its patient, or asks for what is not known.
    """
    patient = patient_of(message)
    uid = _uid(message.first("ZDS"), 1)
    orders = [_order(group, message, patient) for group in _groups(message.segments)]
    if not orders:
        text = "the message holds no order: neither an ORC nor an OBR segment"
        raise BadOrderError(text)
    if len(orders) == 1 and orders[0].study_instance_uid is None:
        return [replace(orders[0], study_instance_uid=uid)]
    return orders


def _groups(segments: Sequence[Segment]) -> Iterator[_Group]:
    """Yield the segments of each order by their names; one that begins without an ORC has that before it."""
    group: _Group = {}
    for segment in segments:
        begins = segment.name == "ORC" or (segment.name == "OBR" and "OBR" in group)
        if begins and group:
            yield group
        if begins:
            group = {"ORC": group["ORC"]} if segment.name == "OBR" and "ORC" in group else {}
        elif not group and segment.name != "OBR":
            continue
        group.setdefault(segment.name, []).append(segment)
    if group:
        yield group


def _order(group: _Group, message: Message, patient: ExpectedOrder) -> ExpectedOrder:
    common, request, imaging = _one(group, "ORC"), _one(group, "OBR"), _one(group, "IPC")
    day, clock = _scheduled(group)
    order = replace(
        patient,
        accession_number=_text(imaging, 1) or _accession(_text(request, 18)),
        placer_number=_text(request, 2) or _text(common, 2),
        filler_number=_text(request, 3) or _text(common, 3),
        study_instance_uid=_uid(imaging, 3) or _uid(_one(group, "ZDS"), 1),
        indication=_reason(group),
        referring_physician=_physician(request, 16)
        or _physician(common, 12)
        or _physician(message.first("PV1"), 8),
        priority=_priority(group),
        procedure_code=_text(request, 4) or _text(request, 4, 4),
        procedure=_text(request, 4, 2) or _text(request, 4, 5),
        requested_procedure_id=_text(imaging, 2) or _text(request, 19),
        procedure_step_id=_text(imaging, 4) or _text(request, 20),
        modality=(_text(imaging, 5) or _text(request, 24) or "").upper() or None,
        station_ae_title=_text(imaging, 9),
        scheduled_date=day,
        scheduled_time=clock,
        status=_status(common),
    )
    if order.number is None:
        text = "an order has no number: neither IPC-1, OBR-18, ORC-3, OBR-3, ORC-2 nor OBR-2"
        raise BadOrderError(text)
    if order.patient_id is None and order.status is not OrderStatus.CANCELLED:
        text = "the order has no patient: PID-3 holds no id"
        raise BadOrderError(text)
    return order


def _status(common: Segment | None) -> OrderStatus:
    control = (_text(common, 1) or "NW").upper()
    if control in _CANCELLED:
        return OrderStatus.CANCELLED
    if control not in _BEGUN | _BEGUN_TOO:
        text = "ORC-1 asks for what is not done here: orders are taken, changed and cancelled"
        raise BadOrderError(text)
    return _STATUS.get((_text(common, 5) or "").upper(), OrderStatus.SCHEDULED)


def _reason(group: _Group) -> str | None:
    """Return why it was ordered: the reasons, what is known clinically and the diagnoses; else the notes."""
    common, request = _one(group, "ORC"), _one(group, "OBR")
    said = [
        *(_coded(segment, field) for segment, field in ((request, 31), (common, 16)) if segment),
        request.words(13) if request else None,
        *(one.words(4) or one.words(3, 2) or one.text(3) for one in group.get("DG1", ())),
    ]
    known = dict.fromkeys(filter(None, said))
    notes = dict.fromkeys(filter(None, (one.words(3) for one in group.get("NTE", ()))))
    return ("; ".join(known) or "\n".join(notes))[:_LONGEST_REASON] or None


def _coded(segment: Segment, field: int) -> str | None:
    """Return the words of a CE or CWE, or its code where it has none."""
    return segment.words(field, 2) or segment.words(field, 9) or segment.words(field, 1)


def _priority(group: _Group) -> Priority | None:
    common, request, timing = _one(group, "ORC"), _one(group, "OBR"), _one(group, "TQ1")
    for said in (_text(timing, 9), _text(request, 27, 6), _text(common, 7, 6), _text(request, 5)):
        if said is not None and said.upper() in _URGENT:
            return Priority.URGENT
        if said is not None and said.upper() in _ROUTINE:
            return Priority.ROUTINE
    return None


def _scheduled(group: _Group) -> tuple[date | None, time | None]:
    common, request, timing = _one(group, "ORC"), _one(group, "OBR"), _one(group, "TQ1")
    for said in (_text(timing, 7), _text(request, 36), _text(request, 27, 4), _text(common, 7, 4)):
        day, clock = moment_of(said)
        if day is not None:
            return day, clock
    return None, None


def _one(group: _Group, name: str) -> Segment | None:
    return group[name][0] if name in group else None


def _text(segment: Segment | None, field: int, component: int = 1) -> str | None:
    return segment.text(field, component) if segment is not None else None


def _physician(segment: Segment | None, field: int) -> str | None:
    return physician_of(segment, field) if segment is not None else None


def _uid(segment: Segment | None, field: int) -> str | None:
    uid = _text(segment, field)
    return uid if uid and UID(uid).is_valid else None


def _accession(text: str | None) -> str | None:
    return text if text and _ACCESSION.fullmatch(text) else None
