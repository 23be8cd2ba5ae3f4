"""DICOM peers as administrators see them, and what one is made known with."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from api.bodies.base import Body
from api.bodies.tenant import TenantName
from shared.records.peers import Peer


class NewDicomPeer(BaseModel):
    """What a peer is made known with."""

    model_config = ConfigDict(extra="forbid")

    ae_title: Annotated[
        str,
        Field(
            pattern=r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$",
            description="What it calls itself, letter for letter: at most 16 ASCII characters, no backslash.",
            examples=["PACS"],
        ),
    ]
    host: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9.:_-]{1,255}$",
            description="Its name or address. Without: it may call from anywhere, and is never called.",
            examples=["pacs.example.org"],
        ),
    ] = None
    port: Annotated[
        StrictInt | None, Field(ge=1, le=65535, description="Where it takes DICOM; without: never called.")
    ] = None
    tls: Annotated[StrictBool, Field(description="Whether it is called over TLS.")] = False
    may_store: Annotated[StrictBool, Field(description="Whether it may send instances.")] = True
    tenant: Annotated[
        TenantName | None,
        Field(
            description="Whose studies it sends; a new name makes a new tenant. Without: the default tenant."
        ),
    ] = None


class DicomPeer(Body):
    """A DICOM application entity that may call the gateway, or that the gateway calls."""

    id: str
    ae_title: str
    host: str | None
    port: int | None
    tls: bool
    may_store: bool
    tenant: str
    created_at: datetime


class DicomPeerList(Body):
    """All peers."""

    items: list[DicomPeer]


def peer_body(peer: Peer) -> DicomPeer:
    """Write a peer down."""
    return DicomPeer(
        id=str(peer.id),
        ae_title=peer.ae_title,
        host=peer.host,
        port=peer.port,
        tls=peer.tls,
        may_store=peer.may_store,
        tenant=peer.tenant,
        created_at=peer.created_at,
    )
