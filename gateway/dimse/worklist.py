"""Modality worklist (PS3.4 annex K): which radiographs are to be taken, as orders announce them.

The patient, accession number and Study Instance UID of what a modality makes are then the order's, and
the study that comes finds it.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

import structlog
from pydicom.dataset import Dataset
from pynetdicom import evt

from gateway.backend import Backend
from gateway.dimse.door import Door
from shared.domain.expected_orders import ExpectedOrder
from shared.domain.studies import Priority, TenantId
from shared.errors import TryAgainError
from shared.records import worklist
from shared.records.worklist import WorklistQuery
from shared.rendering.dicom.objects import da, tm
from shared.rendering.dicom.texts import LONG_STRING, SHORT_STRING, identifier, line, person_name
from shared.rendering.identity import product_uid

log = structlog.get_logger()

Answers = Iterator[tuple[int, Dataset | None]]

_PENDING, _CANCELLED, _NO_ROOM, _NOT_PROCESSED, _NOT_MATCHING = 0xFF00, 0xFE00, 0xA700, 0xC001, 0xA900
_STEPS: Final = "ScheduledProcedureStepSequence"
_UTF_8: Final = "ISO_IR 192"
_RANGE: Final = re.compile(r"(\d{8})?(-?)(\d{8})?")
_HIGH: Final = frozenset({Priority.URGENT})


class Worklist:
    """Answers what is to be taken."""

    def __init__(self, backend: Backend, door: Door) -> None:
        self._backend, self._door = backend, door

    def find(self, event: evt.Event) -> Answers:
        """Yield the orders that match, each with what was asked of it (C-FIND)."""
        try:
            asked: Dataset = event.identifier
            query = _query(asked)
        except Exception:
            log.warning("worklist.refused", exc_info=True)
            yield _NOT_MATCHING, None
            return
        peer = self._door.peer(event.assoc)
        try:
            with self._backend.database.session() as session:
                orders = worklist.find_worklist(session, peer.tenant_id, query)
            for order in orders:
                if event.is_cancelled:
                    yield _CANCELLED, None
                    return
                entry = _entry(order, peer.tenant_id, station=peer.ae_title)
                yield _PENDING, _answered(asked, entry)
        except TryAgainError:
            yield _NO_ROOM, None
        except Exception:
            log.exception("worklist.failed")
            yield _NOT_PROCESSED, None


def _query(asked: Dataset) -> WorklistQuery:
    """Read the keys that are matched by; any other is only answered.

    Raises:
        ValueError: the date is neither one nor a range of them.
    """
    steps = asked.get(_STEPS)
    step = steps[0] if steps else Dataset()
    begins, ends = _days(str(step.get("ScheduledProcedureStepStartDate") or ""))
    return WorklistQuery(
        patient_name=_key(asked, "PatientName"),
        patient_id=_key(asked, "PatientID"),
        accession_number=_key(asked, "AccessionNumber"),
        requested_procedure_id=_key(asked, "RequestedProcedureID"),
        modality=_key(step, "Modality"),
        station_ae_title=_key(step, "ScheduledStationAETitle"),
        scheduled_from=begins,
        scheduled_until=ends,
    )


def _key(asked: Dataset, keyword: str) -> str | None:
    value = str(asked.get(keyword) or "").strip()
    return value if value.strip("*") else None


def _days(said: str) -> tuple[date | None, date | None]:
    """Read a day or a range of days (PS3.4 C.2.2.2.5)."""
    if not said.strip("*"):
        return None, None
    found = _RANGE.fullmatch(said.replace(" ", ""))
    if found is None:
        message = "a date is asked for that is none"
        raise ValueError(message)
    first, dash, last = found.groups()
    return _day(first), _day(last if dash else first)


def _day(digits: str | None) -> date | None:
    return datetime.strptime(digits, "%Y%m%d").date() if digits else None  # noqa: DTZ007  of no zone


def _entry(order: ExpectedOrder, tenant_id: TenantId, *, station: str) -> Dataset:
    """Write an order down as an entry of the worklist (PS3.4 table K.6-1).

    Args:
        station: the AE title of who asks, which is to take what nobody in particular is to take.
    """
    number = order.number or ""
    step = Dataset()
    step.ScheduledStationAETitle = order.station_ae_title or station
    step.ScheduledProcedureStepStartDate = da(order.scheduled_date)
    step.ScheduledProcedureStepStartTime = tm(order.scheduled_time)
    step.Modality = order.modality or ""
    step.ScheduledPerformingPhysicianName = ""
    step.ScheduledProcedureStepDescription = line(order.procedure or "")
    step.ScheduledProcedureStepID = identifier(order.procedure_step_id or number, SHORT_STRING) or ""
    entry = Dataset()
    entry.SpecificCharacterSet = _UTF_8
    entry.ScheduledProcedureStepSequence = [step]
    entry.RequestedProcedureID = identifier(order.requested_procedure_id or number, SHORT_STRING) or ""
    entry.RequestedProcedureDescription = line(order.procedure or "")
    entry.RequestedProcedurePriority = "HIGH" if order.priority in _HIGH else "ROUTINE"
    entry.ReasonForTheRequestedProcedure = line(order.indication or "")
    entry.StudyInstanceUID = order.study_instance_uid or product_uid(f"order/{tenant_id}/{number}")
    entry.AccessionNumber = identifier(number, SHORT_STRING) or ""
    entry.ReferringPhysicianName = person_name(order.referring_physician)
    entry.RequestingPhysician = person_name(order.referring_physician)
    entry.PatientName = person_name(order.patient_name)
    entry.PatientID = identifier(order.patient_id, LONG_STRING) or ""
    entry.IssuerOfPatientID = line(order.patient_id_issuer or "")
    entry.PatientBirthDate = da(order.patient_birth_date)
    entry.PatientSex = order.patient_sex or ""
    return entry


def _answered(asked: Dataset, entry: Dataset) -> Dataset:
    """Return of an entry what was asked for; what is not known of it is empty."""
    answer = Dataset()
    answer.SpecificCharacterSet = entry.SpecificCharacterSet
    for element in asked:
        if element.keyword == _STEPS:
            wanted = element.value[0] if element.value else Dataset()
            step = entry.ScheduledProcedureStepSequence[0]
            # Asked for as a whole, it is answered so.
            answer.ScheduledProcedureStepSequence = [_answered_step(wanted, step) if len(wanted) else step]
        elif element.keyword in entry:
            answer[element.keyword] = entry[element.keyword]
    return answer


def _answered_step(wanted: Dataset, step: Dataset) -> Dataset:
    answer = Dataset()
    for element in wanted:
        if element.keyword in step:
            answer[element.keyword] = step[element.keyword]
    return answer
