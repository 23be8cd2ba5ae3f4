"""Which kind of destination is sent what it is owed, and tested, by what."""

from dataclasses import dataclass

from gateway.courier import fhir, mllp, store, stow, webhook
from gateway.courier.parcels import Parcel
from shared.domain.deliveries import DestinationKind
from shared.gateway_settings import DeliverySettings
from shared.records.deliveries import Claim
from shared.records.destinations import Target


@dataclass(frozen=True, slots=True)
class Manner:
    """How everything is sent.

    Attributes:
        ae_title: what we call ourselves.
        seconds: longest that an attempt may take; of C-STORE, that one answer may.
        private_webhooks: whether notices may go to private networks and to this machine.
    """

    ae_title: str
    seconds: float
    private_webhooks: bool


def manner_of(settings: DeliverySettings, *, ae_title: str) -> Manner:
    """Return what the settings say."""
    return Manner(ae_title, settings.timeout.total_seconds(), settings.private_webhooks)


def send(target: Target, parcel: Parcel, manner: Manner) -> str:
    """Send a report to anything but a webhook; return what was answered.

    Raises:
        AwayError: the destination cannot be reached, or takes nothing at present.
        RefusedError: it does not take this.
    """
    contents, seconds = parcel.contents, manner.seconds
    match target.kind:
        case DestinationKind.DICOM:
            return store.send(target, contents, ae_title=manner.ae_title, seconds=seconds)
        case DestinationKind.DICOMWEB:
            return stow.send(target, contents, seconds=seconds)
        case DestinationKind.HL7:
            return mllp.send(target, contents["hl7"], seconds=seconds)
        case DestinationKind.FHIR:
            return fhir.send(target, contents["fhir"], seconds=seconds)
        case DestinationKind.WEBHOOK:
            message = "a webhook is sent notices"
            raise ValueError(message)


def notify(target: Target, claim: Claim, manner: Manner) -> str:
    """Send a notice to a webhook; it raises as `send` does."""
    return webhook.send(target, claim, seconds=manner.seconds, private=manner.private_webhooks)


def probe(target: Target, manner: Manner) -> str:
    """See whether a destination answers; return what it does.

    Raises:
        AwayError: it does not.
    """
    seconds = manner.seconds
    match target.kind:
        case DestinationKind.DICOM:
            return store.probe(target, ae_title=manner.ae_title, seconds=seconds)
        case DestinationKind.DICOMWEB:
            return stow.probe(target, seconds=seconds)
        case DestinationKind.HL7:
            return mllp.probe(target, seconds=seconds)
        case DestinationKind.FHIR:
            return fhir.probe(target, seconds=seconds)
        case DestinationKind.WEBHOOK:
            return webhook.probe(target, seconds=seconds, private=manner.private_webhooks)
