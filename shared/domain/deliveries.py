"""What is sent out: where to, of which events, and how a delivery stands."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.domain.studies import StudyEvent


class DestinationKind(StrEnum):
    """How a destination is reached."""

    DICOM = "dicom"
    """C-STORE to a PACS."""
    DICOMWEB = "dicomweb"
    """STOW-RS to a PACS."""
    HL7 = "hl7"
    """An ORU message over MLLP."""
    FHIR = "fhir"
    """A Bundle, posted to the base of a FHIR server."""
    WEBHOOK = "webhook"
    """A signed notice that names the event and the study, and nothing of the patient."""


class DeliveryState(StrEnum):
    """How a delivery stands; each value says who puts it there."""

    WAITING = "waiting"
    """Put here in the transaction of its event, and by a courier after an attempt that may be repeated."""
    SENDING = "sending"
    """Held by a courier's lease; once that has run out, any courier takes it again."""
    DELIVERED = "delivered"
    """The destination has acknowledged all of it. Final."""
    DEAD = "dead"
    """Given up: refused for good, or not taken for three days. A person's retry makes it WAITING."""
    SKIPPED = "skipped"
    """There was nothing to send: `error` says why. Final."""


UNFINISHED: Final = (DeliveryState.WAITING, DeliveryState.SENDING)


class AttemptOutcome(StrEnum):
    """How one attempt ended."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The destination answered, and does not take this."""
    AWAY = "away"
    """The destination cannot be reached, or takes nothing at present."""
    FAILED = "failed"
    """Something of ours was away or broke."""
    SKIPPED = "skipped"
    """There was nothing to send."""


GIVE_UP_AFTER: Final = timedelta(days=3)
"""From the event on, and from each retry by a person."""

REPORT_EVENTS: Final = (
    StudyEvent.REPORTED,
    StudyEvent.EDITED,
    StudyEvent.SIGNED,
    StudyEvent.AMENDED,
    StudyEvent.ADDENDUM,
    StudyEvent.ENTERED_IN_ERROR,
)
"""After which the report in force may be another one: what is sent then is that."""
NOTICE_EVENTS: Final = (*REPORT_EVENTS, StudyEvent.CRITICAL, StudyEvent.REJECTED, StudyEvent.GAVE_UP)
"""Of which a webhook can be told."""

FORMATS: Final[Mapping[DestinationKind, tuple[str, ...]]] = MappingProxyType(
    {
        DestinationKind.DICOM: ("dicom-sr", "basic-sr", "dicom-pdf", "dicom-sc", "gsps"),
        DestinationKind.DICOMWEB: ("dicom-sr", "basic-sr", "dicom-pdf", "dicom-sc", "gsps"),
        DestinationKind.HL7: ("hl7",),
        DestinationKind.FHIR: ("fhir",),
        DestinationKind.WEBHOOK: (),
    }
)
"""What each kind can be sent, by the names of `shared/rendering/formats.py`."""


def events_of(kind: DestinationKind) -> tuple[StudyEvent, ...]:
    """Return the events that a kind can be sent something of."""
    return NOTICE_EVENTS if kind is DestinationKind.WEBHOOK else REPORT_EVENTS
