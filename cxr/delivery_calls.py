"""The requests about destinations and deliveries, as values; see calls.py."""

from collections.abc import Mapping
from typing import Literal

from cxr import models
from cxr.call import Call, id_in_address, read_as, read_items, read_nothing

Verb = Literal["test", "pause", "resume"]


def add(fields: Mapping[str, object]) -> Call[models.Destination]:
    """Make a destination; what is None is left to the server."""
    wanted = {name: value for name, value in fields.items() if value is not None}
    return Call("POST", "/v1/destinations", read_as(models.Destination), json=wanted)


def destinations() -> Call[list[models.Destination]]:
    """List the destinations."""
    return Call("GET", "/v1/destinations", read_items(models.Destination))


def destination(destination_id: str) -> Call[models.Destination]:
    """Ask how a destination stands."""
    return Call("GET", _destination(destination_id), read_as(models.Destination))


def change(destination_id: str, verb: Verb) -> Call[models.Destination]:
    """Have a destination tested, paused or resumed."""
    return Call("POST", f"{_destination(destination_id)}/{verb}", read_as(models.Destination))


def retry_all(destination_id: str) -> Call[models.Retried]:
    """Send again what was given up at a destination."""
    return Call("POST", f"{_destination(destination_id)}/retry", read_as(models.Retried))


def remove(destination_id: str) -> Call[None]:
    """Remove a destination."""
    return Call("DELETE", _destination(destination_id), read_nothing)


def of_study(study_id: str) -> Call[list[models.Delivery]]:
    """List a study's deliveries."""
    return Call("GET", f"/v1/studies/{id_in_address(study_id)}/deliveries", read_items(models.Delivery))


def page(
    cursor: str | None, *, limit: int, state: str | None, destination_id: str | None
) -> Call[models.DeliveryPage]:
    """Ask for a page of deliveries."""
    asked = {"cursor": cursor, "limit": str(limit), "state": state, "destination_id": destination_id}
    params = {name: value for name, value in asked.items() if value is not None}
    return Call("GET", "/v1/deliveries", read_as(models.DeliveryPage), params=params)


def retry(delivery_id: str) -> Call[models.Delivery]:
    """Send a delivery again."""
    return Call("POST", f"/v1/deliveries/{id_in_address(delivery_id)}/retry", read_as(models.Delivery))


def _destination(destination_id: str) -> str:
    return f"/v1/destinations/{id_in_address(destination_id)}"
