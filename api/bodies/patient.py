"""Patients, as far as there is anything to do to them: their data are erased."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from api.bodies.base import Body
from api.plain_text import Line

_Id = Annotated[Line, Field(min_length=1, max_length=255)]


class ErasurePlea(BaseModel):
    """Whose data are to be erased."""

    model_config = ConfigDict(extra="forbid")

    patient_id: _Id
    issuer: Annotated[
        _Id | None,
        Field(
            description="Who gave the id (Issuer of Patient ID); without it, the studies that name no issuer."
        ),
    ] = None
    tenant_id: Annotated[
        UUID | None, Field(description="An administrator's: whose patient; else its own.")
    ] = None
    dry_run: Annotated[StrictBool, Field(description="Only count.")] = False


class Erasure(Body):
    """What was erased; with `dry_run`, what would be."""

    studies: Annotated[int, Field(description="Of the patient: erased now.")]
    others: Annotated[
        int,
        Field(description="Studies that bear the same id of another issuer, or of none: not touched."),
    ]
