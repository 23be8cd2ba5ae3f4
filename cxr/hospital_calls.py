"""The requests by which an administrator names the hospital's systems: pure, as calls.py."""

from collections.abc import Mapping
from typing import Literal

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


def add_pull_rule(wanted: Mapping[str, object]) -> Call[models.PullRule]:
    """Fetch studies of an archive."""
    return Call("POST", "/v1/pull-rules", read_as(models.PullRule), json=dict(wanted))


def pull_rules() -> Call[list[models.PullRule]]:
    """List the rules."""
    return Call("GET", "/v1/pull-rules", read_items(models.PullRule))


def change_pull_rule(rule_id: str, act: Literal["pause", "resume", "run"]) -> Call[models.PullRule]:
    """Pause, resume or run a rule."""
    return Call("POST", f"/v1/pull-rules/{id_in_address(rule_id)}/{act}", read_as(models.PullRule))


def remove_pull_rule(rule_id: str) -> Call[None]:
    """Remove a rule."""
    return Call("DELETE", f"/v1/pull-rules/{id_in_address(rule_id)}", read_nothing)
