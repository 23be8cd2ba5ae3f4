"""What a message says of a patient: PID of any message, and the merge of two (ADT^A40). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.hl7.messages import Message, Segment
from gateway.hl7.values import PatientIds, ids_of, moment_of, name_of, sex_of
from shared.domain.expected_orders import ExpectedOrder
from shared.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Merge:
    """That two records are one patient's: the old id is none any more."""

    old: str
    new: str
    issuer: str | None


class BadPatientError(BadInputError):
    """A message of a patient does not say of which."""


def patient_of(message: Message) -> ExpectedOrder:
    """Return an order of which no more is known than its patient; without a PID nothing is."""
    segment = message.first("PID")
    if segment is None:
        return ExpectedOrder()
    ids = _ids(segment)
    return ExpectedOrder(
        patient_id=ids.id if ids else None,
        patient_id_issuer=ids.issuer if ids else None,
        other_patient_ids=ids.others if ids else (),
        patient_name=name_of(segment, 5),
        patient_birth_date=moment_of(segment.text(7))[0],
        patient_sex=sex_of(segment, 8),
    )


def changed_patient(message: Message) -> ExpectedOrder:
    """Return what an ADT message says of its patient.

    Raises:
        BadPatientError: it names none.
    """
    patient = patient_of(message)
    if patient.patient_id is None:
        text = "the message has no patient: PID-3 holds no id"
        raise BadPatientError(text)
    return patient


def merges_of(message: Message) -> Sequence[Merge]:
    """Return the merges of a message: each MRG into the PID before it.

    Raises:
        BadPatientError: there is none, or an id is missing.
    """
    merges = []
    into: PatientIds | None = None
    for segment in message.segments:
        if segment.name == "PID":
            into = _ids(segment)
        elif segment.name == "MRG":
            old = ids_of(segment, 1)
            if into is None or old is None:
                text = "PID-3 or MRG-1 holds no id: nothing can be merged"
                raise BadPatientError(text)
            merges += [Merge(one, into.id, into.issuer) for one in old.all if one != into.id]
    if into is None or message.first("MRG") is None:
        text = "the message lacks PID or MRG: nothing can be merged"
        raise BadPatientError(text)
    return merges


def _ids(segment: Segment) -> PatientIds | None:
    # PID-2 is what versions before 2.3.1 had.
    return ids_of(segment, 3) or ids_of(segment, 2)
