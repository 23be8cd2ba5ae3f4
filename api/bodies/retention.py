"""How long a tenant's studies are kept, and what that erases."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.bodies.base import Body
from shared.domain.retention import Due, RetentionKind, RetentionRule

_Days = Annotated[int, Field(ge=1, le=36_500, strict=True)] | None


class RetentionWish(BaseModel):
    """For how many days studies are to be kept after the last thing that happened to them; null: for ever."""

    model_config = ConfigDict(extra="forbid")

    completed_days: Annotated[_Days, Field(description="Those whose report nobody signed.")] = None
    unfinished_days: Annotated[
        _Days, Field(description="Those that were rejected or cancelled, or failed.")
    ] = None
    signed_days: Annotated[_Days, Field(description="Those whose report somebody signed.")] = None

    def rule(self) -> RetentionRule:
        """Return it as a value."""
        return RetentionRule(self.completed_days, self.unfinished_days, self.signed_days)


class DueStudies(Body):
    """What the rule erases now, of one kind."""

    studies: int
    oldest: Annotated[datetime | None, Field(description="When the last thing happened to the oldest.")]


class Retention(Body):
    """A tenant's rule and what is due by it."""

    completed_days: int | None
    unfinished_days: int | None
    signed_days: int | None
    due: Annotated[
        dict[RetentionKind, DueStudies], Field(description="What it erases, a few hundred a minute.")
    ]


def retention_body(rule: RetentionRule, due: dict[RetentionKind, Due]) -> Retention:
    """Write a rule down."""
    return Retention(
        completed_days=rule.completed_days,
        unfinished_days=rule.unfinished_days,
        signed_days=rule.signed_days,
        due={kind: DueStudies(studies=one.studies, oldest=one.oldest) for kind, one in due.items()},
    )
