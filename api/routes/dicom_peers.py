"""DICOM peers: an administrator says which systems may call the gateway, and whose studies they send."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from api.auth import MayAdminister
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.dicom_peer import DicomPeer, DicomPeerList, NewDicomPeer, peer_body
from api.problems import Noun, not_found
from shared.records import peers

router = APIRouter(prefix="/v1/dicom-peers", tags=["DICOM peers"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(400, 409, 413, 415, 422),
    summary="Let a DICOM peer be known",
)
def post_peer(backend: BackendDep, _caller: MayAdminister, wanted: NewDicomPeer) -> DicomPeer:
    """Let a DICOM application entity be known: from its next association on the gateway lets it in.

    Once one peer is known, only those that are may call.
    """
    with backend.database.session() as session:
        return peer_body(peers.add(session, **wanted.model_dump()))


@router.get("", responses=problems(), summary="List the DICOM peers")
def list_peers(backend: BackendDep, _caller: MayAdminister) -> DicomPeerList:
    """Return all peers, as they were made known."""
    with backend.database.session() as session:
        return DicomPeerList(items=[peer_body(peer) for peer in peers.everybody(session)])


@router.delete(
    "/{peer_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(404, 422),
    summary="Remove a DICOM peer",
)
def delete_peer(
    peer_id: Annotated[UUID, Path(description="A peer's id.")], backend: BackendDep, _caller: MayAdminister
) -> None:
    """Let a peer be known no more: its next association is rejected."""
    with backend.database.session() as session:
        if not peers.remove(session, peer_id):
            raise not_found(Noun.PEER)
