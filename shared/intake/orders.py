"""What a hospital's order says of a study: it fills in what is not known, whichever of them comes first.

    said_of    while a study is written down: what its order says, if there is one
    settle     after an order was written down: the studies that came before it

An order is a study's by the accession number, or by the Study Instance UID that it announces. What the files
or their sender say is never overwritten, and an order of another patient is not applied, but noted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from shared.dicom import patients
from shared.domain.expected_orders import ExpectedOrder
from shared.domain.orders import Order
from shared.domain.studies import Actor, Priority, Stage, StudyEvent, StudyId, StudyStatus, TenantId
from shared.records import events, expected, open_studies
from shared.records.database import Database, Session
from shared.records.moves import Hint

log = structlog.get_logger()

_FILLED: Final = {
    "accession_number": "accession number",
    "study_instance_uid": "study UID",
    "patient_name": "patient name",
    "patient_birth_date": "birth date",
    "patient_sex": "sex",
    "referring_physician": "referring physician",
    "indication": "indication",
}
"""What an order fills in, and what the timeline calls it; the patient's id goes with its issuer."""
_NO_MORE: Final = frozenset({StudyStatus.COMPLETED, StudyStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Said:
    """A study's order and priority, with what the hospital's order says.

    Attributes:
        event: that something was filled in, or that the order is another patient's; None where there is
            nothing to tell.
    """

    order: Order
    priority: Priority
    event: StudyEvent | None = None
    detail: str | None = None

    def note(
        self, session: Session, study_id: StudyId, *, actor: Actor, told: Collection[StudyEvent] = ()
    ) -> None:
        """Write it into the study's timeline, and the priority with it; a mismatch is told once."""
        if self.event is None or (self.event is StudyEvent.ORDER_MISMATCH and self.event in told):
            return
        values = {"priority": self.priority}
        events.add(session, study_id, self.event, actor=actor, detail=self.detail, values=values)


def said_of(session: Session, tenant_id: TenantId, order: Order, priority: Priority) -> Said:
    """Return what is known of a study with its order; until the transaction ends no order comes between."""
    return filled(order, priority, expected.of_study(session, tenant_id, order))


def settle(database: Database, tenant_id: TenantId, order: ExpectedOrder, *, actor: Actor) -> list[Hint]:
    """Fill in the studies that came before their order and have no report yet; return the hints owed.

    Raises:
        TryAgainError: the database is away.
    """
    with database.session() as session:
        ids = expected.studies_of(session, tenant_id, order)
    hints = []
    for study_id in ids:
        with database.session() as session:
            view = open_studies.hold(session, study_id)
            if view is None or view.study.erased_at is not None or view.study.status in _NO_MORE:
                continue
            said = said_of(session, tenant_id, view.order, view.study.priority)
            if said.order != view.order:
                expected.fill_in(session, study_id, said.order)
            said.note(session, study_id, actor=actor, told={event.event for event in view.events})
            if said.priority is not view.study.priority:
                stages = [stage for stage in Stage if stage.waiting is view.study.status]
                hints += [Hint(stage, said.priority) for stage in stages]
    return hints


def filled(order: Order, priority: Priority, candidates: Sequence[ExpectedOrder]) -> Said:
    """Return a study's order, filled in by the first of its candidates that is of the same patient."""
    found = next((one for one in candidates if _is_of_the_patient(order, one)), None)
    if found is None:
        event = StudyEvent.ORDER_MISMATCH if candidates else None
        return Said(order, priority, event)
    known = found.as_known
    new: dict[str, Any] = {
        name: value
        for name in _FILLED
        if getattr(order, name) is None and (value := getattr(known, name)) is not None
    }
    words = [_FILLED[name] for name in new]
    if order.patient_id is None and known.patient_id is not None:
        new |= {"patient_id": known.patient_id, "patient_id_issuer": known.patient_id_issuer}
        words.insert(0, "patient id")
    # What somebody sent as archive work was taken long ago.
    if found.priority is Priority.URGENT and priority is Priority.ROUTINE:
        priority = Priority.URGENT
        words.append("urgent")
    event = StudyEvent.ORDERED if words else None
    return Said(replace(order, **new), priority, event, ", ".join(words) or None)


def _is_of_the_patient(order: Order, candidate: ExpectedOrder) -> bool:
    """Tell whether an order may be of a study's patient: ids and birth dates agree where both have them.

    Issuers are not compared: HL7 and DICOM write one differently.
    """
    known = candidate.as_known
    ids = [one for one in (candidate.patient_id, *candidate.other_patient_ids) if one]
    if order.patient_id and ids and not any(patients.same(order.patient_id, one) for one in ids):
        return False
    born = (order.patient_birth_date, known.patient_birth_date)
    if None not in born and born[0] != born[1]:
        return False
    sexes = (order.patient_sex, known.patient_sex)
    has_an_id = bool(order.patient_id and ids)
    return has_an_id or None in sexes or sexes[0] == sexes[1]
