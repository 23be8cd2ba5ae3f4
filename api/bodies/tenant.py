"""Tenants as administrators see them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.bodies.base import Body
from api.plain_text import Line
from shared.records.tenants import TenantRecord

TenantName = Annotated[Line, Field(min_length=1, max_length=200)]


class NewName(BaseModel):
    """What a tenant is to be called."""

    model_config = ConfigDict(extra="forbid")

    name: TenantName


class Tenant(Body):
    """Whom studies, batches and keys belong to: a hospital, a department."""

    id: str
    name: str
    created_at: datetime


class TenantList(Body):
    """All tenants."""

    items: list[Tenant]


def tenant_body(tenant: TenantRecord) -> Tenant:
    """Write a tenant down."""
    return Tenant(id=str(tenant.id), name=tenant.name, created_at=tenant.created_at)
