"""Destinations: an administrator makes, tests, pauses and removes them.

Whoever makes one has reports leave the house, all of a tenant's: no tenant's own key may.
"""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from api.auth import MayAdminister
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.destination import (
    Destination,
    DestinationList,
    FreshDestination,
    NewDestination,
    Retried,
    destination_body,
    parts_of,
)
from api.problems import Noun, not_found
from shared.domain.deliveries import DestinationKind
from shared.domain.studies import DEFAULT_TENANT
from shared.records import deliveries, destinations, tenants
from shared.records.destinations import DestinationRecord

_Id = Annotated[UUID, Path(description="A destination's id.")]

router = APIRouter(prefix="/v1/destinations", tags=["destinations"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(400, 409, 413, 415, 422),
    summary="Make a destination",
)
def post_destination(backend: BackendDep, _caller: MayAdminister, wanted: NewDestination) -> FreshDestination:
    """Have results sent somewhere: those of what happens from now on. Its secret is not shown again."""
    address, rules, made = parts_of(wanted)
    with backend.database.session() as session:
        owner = tenants.find_or_make(session, wanted.tenant) if wanted.tenant else DEFAULT_TENANT
        kind = DestinationKind(wanted.kind)
        record = destinations.create(session, owner, wanted.name, kind, address, rules)
    return FreshDestination(**destination_body(record).model_dump(), secret=made)


@router.get("", responses=problems(), summary="List the destinations")
def list_destinations(backend: BackendDep, _caller: MayAdminister) -> DestinationList:
    """Return all destinations, oldest first."""
    with backend.database.session() as session:
        return DestinationList(items=[destination_body(one) for one in destinations.live(session)])


@router.get("/{destination_id}", responses=problems(404, 422), summary="Show a destination")
def get_destination(destination_id: _Id, backend: BackendDep, _caller: MayAdminister) -> Destination:
    """Return a destination, and what its last test found."""
    with backend.database.session() as session:
        return _body(destinations.find(session, destination_id))


@router.delete(
    "/{destination_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(404, 422),
    summary="Remove a destination",
)
def delete_destination(destination_id: _Id, backend: BackendDep, _caller: MayAdminister) -> None:
    """Send nothing there any more, not what it is still owed either; what was delivered stays listed."""
    with backend.database.session() as session:
        if not destinations.remove(session, destination_id):
            raise not_found(Noun.DESTINATION)


@router.post(
    "/{destination_id}/test",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(404, 422),
    summary="Test a destination",
)
def probe_destination(destination_id: _Id, backend: BackendDep, _caller: MayAdminister) -> Destination:
    """Have a gateway see whether it answers; `test.done_at` is set once that is known, seconds later.

    A PACS is sent a C-ECHO, a DICOMweb server a search, a FHIR server is asked for its capabilities, an HL7
    listener is connected to, and a webhook is sent a signed notice of the type `test`.
    """
    with backend.database.session() as session:
        return _body(destinations.ask_for_test(session, destination_id))


@router.post("/{destination_id}/pause", responses=problems(404, 422), summary="Pause a destination")
def pause_destination(destination_id: _Id, backend: BackendDep, _caller: MayAdminister) -> Destination:
    """Send nothing there for now: what it is owed waits, for as long as it is paused."""
    with backend.database.session() as session:
        return _body(destinations.pause(session, destination_id))


@router.post("/{destination_id}/resume", responses=problems(404, 422), summary="Resume a destination")
def resume_destination(destination_id: _Id, backend: BackendDep, _caller: MayAdminister) -> Destination:
    """Send there again, and try at once what waits; also of one that could not be reached."""
    with backend.database.session() as session:
        return _body(destinations.resume(session, destination_id))


@router.post(
    "/{destination_id}/retry", responses=problems(404, 422), summary="Send all again that was given up"
)
def retry_destination(destination_id: _Id, backend: BackendDep, _caller: MayAdminister) -> Retried:
    """Send again, for another three days, whatever was given up there."""
    with backend.database.session() as session:
        _body(destinations.find(session, destination_id))
        return Retried(retried=deliveries.retry_all(session, destination_id))


def _body(record: DestinationRecord | None) -> Destination:
    if record is None:
        raise not_found(Noun.DESTINATION)
    return destination_body(record)
