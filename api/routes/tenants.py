"""Tenants: an administrator lists and renames them; one is made with its first key."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from api.auth import MayAdminister
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.tenant import NewName, Tenant, TenantList, tenant_body
from api.problems import Noun, not_found
from shared.records import tenants

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])


@router.get("", responses=problems(), summary="List the tenants")
def list_tenants(backend: BackendDep, _caller: MayAdminister) -> TenantList:
    """Return all tenants, the default one first, then as they were made."""
    with backend.database.session() as session:
        return TenantList(items=[tenant_body(tenant) for tenant in tenants.everybody(session)])


@router.patch("/{tenant_id}", responses=problems(400, 404, 409, 413, 415, 422), summary="Rename a tenant")
def patch_tenant(
    tenant_id: Annotated[UUID, Path(description="A tenant's id.")],
    backend: BackendDep,
    _caller: MayAdminister,
    wanted: NewName,
) -> Tenant:
    """Give a tenant another name: its studies, its batches and its keys stay its."""
    with backend.database.session() as session:
        renamed = tenants.rename(session, tenant_id, wanted.name)
    if renamed is None:
        raise not_found(Noun.TENANT)
    return tenant_body(renamed)
