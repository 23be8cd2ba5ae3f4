"""API keys as administrators see them, and what one is asked for with."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from api.bodies.base import Body
from api.bodies.tenant import TenantName
from api.plain_text import Line
from shared.records.keys import ApiKey, Scope


class NewKey(BaseModel):
    """What a key is asked for with."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[
        Line,
        Field(
            min_length=1,
            max_length=200,
            description="For whom or what it is; with the scope review, a person's name, which reports show.",
        ),
    ]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] = [Scope.READ, Scope.WRITE]
    tenant: Annotated[
        TenantName | None,
        Field(
            description="Whose studies it sends and sees; a new name makes a new tenant. Without: the "
            "default tenant, and none for an administrator's."
        ),
    ] = None

    @field_validator("tenant")
    @classmethod
    def _is_for_no_administrator(cls, tenant: str | None, known: ValidationInfo) -> str | None:
        if tenant is not None and Scope.ADMIN in known.data.get("scopes", ()):
            message = "a key with the scope admin sees every tenant's studies: leave out its tenant"
            raise ValueError(message)
        return tenant


class Key(Body):
    """A key, without its secret."""

    id: str
    name: str
    tenant: str | None = Field(description="Null for an administrator's, which belongs to the installation.")
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")


class FreshKey(Key):
    """A key with its secret, which is shown this once."""

    key: str = Field(examples=["cxr_…"])


class KeyList(Body):
    """All live keys."""

    items: list[Key]


def key_body(key: ApiKey) -> Key:
    """Return a key's body: all but its secret."""
    return Key(
        id=str(key.id),
        name=key.name,
        tenant=key.tenant,
        scopes=sorted(key.scopes),
        created_at=key.created_at,
        last_used_at=key.last_used_at,
    )
