"""The requests by which an administrator names the hospital's systems: pure, as calls.py."""

from collections.abc import Mapping

from cxr import models
from cxr.call import Call, id_in_address, read_as, read_items, read_nothing


def add_hl7_sender(wanted: Mapping[str, object]) -> Call[models.Hl7Sender]:
    """Let a system send HL7 messages."""
    return Call("POST", "/v1/hl7-senders", read_as(models.Hl7Sender), json=dict(wanted))


def hl7_senders() -> Call[list[models.Hl7Sender]]:
    """List who may."""
    return Call("GET", "/v1/hl7-senders", read_items(models.Hl7Sender))


def remove_hl7_sender(sender_id: str) -> Call[None]:
    """Take nothing more of it."""
    return Call("DELETE", f"/v1/hl7-senders/{id_in_address(sender_id)}", read_nothing)
