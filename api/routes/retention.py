"""Retention: an administrator says how long a tenant's studies are kept."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from api.auth import MayAdminister
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.retention import Retention, RetentionWish, retention_body
from api.problems import Noun, not_found
from shared.domain.studies import TenantId
from shared.records import retention, tenants

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])

TenantPath = Annotated[UUID, Path(description="A tenant's id.")]


@router.get("/{tenant_id}/retention", responses=problems(404, 422), summary="Ask how long studies are kept")
def get_retention(tenant_id: TenantPath, backend: BackendDep, _caller: MayAdminister) -> Retention:
    """Return a tenant's rule, and what is due by it now; without a rule everything is kept."""
    with backend.database.session() as session:
        if not tenants.is_there(session, tenant_id):
            raise not_found(Noun.TENANT)
        rule = retention.rule_of(session, TenantId(tenant_id))
        return retention_body(rule, retention.due(session, TenantId(tenant_id), rule))


@router.put(
    "/{tenant_id}/retention",
    responses=problems(400, 404, 413, 415, 422),
    summary="Say how long studies are kept",
)
def put_retention(
    tenant_id: TenantPath,
    backend: BackendDep,
    _caller: MayAdminister,
    wanted: RetentionWish,
    *,
    dry_run: Annotated[bool, Query(description="Only count what the rule would erase now.")] = False,
) -> Retention:
    """Give a tenant a rule in place of the one it has; the sweeper begins to erase within a minute."""
    rule = wanted.rule()
    with backend.database.session() as session:
        if not tenants.is_there(session, tenant_id):
            raise not_found(Noun.TENANT)
        if not dry_run:
            retention.set_rule(session, TenantId(tenant_id), rule)
        return retention_body(rule, retention.due(session, TenantId(tenant_id), rule))
