"""API keys: an administrator makes, lists and revokes them."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from api.auth import MayAdminister
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.key import FreshKey, KeyList, NewKey, key_body
from api.problems import Noun, not_found
from shared.records import keys

router = APIRouter(prefix="/v1/keys", tags=["keys"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(400, 413, 415, 422),
    summary="Make a key",
)
def post_key(backend: BackendDep, _caller: MayAdminister, wanted: NewKey) -> FreshKey:
    """Make a key; its secret is in this answer and nowhere else."""
    with backend.database.session() as session:
        key, secret = keys.create(session, name=wanted.name, scopes=set(wanted.scopes), tenant=wanted.tenant)
    return FreshKey(**key_body(key).model_dump(), key=secret)


@router.get("", responses=problems(), summary="List the live keys")
def list_keys(backend: BackendDep, _caller: MayAdminister) -> KeyList:
    """Return all keys that are not revoked, oldest first."""
    with backend.database.session() as session:
        return KeyList(items=[key_body(key) for key in keys.live_keys(session)])


@router.delete(
    "/{key_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(404, 422), summary="Revoke a key"
)
def delete_key(
    key_id: Annotated[UUID, Path(description="A key's id.")], backend: BackendDep, _caller: MayAdminister
) -> None:
    """Revoke a key: from now on it opens nothing, in any process."""
    with backend.database.session() as session:
        if not keys.revoke(session, key_id):
            raise not_found(Noun.KEY)
    # Here at once; the other processes hear of it.
    backend.key_ring.forget()
