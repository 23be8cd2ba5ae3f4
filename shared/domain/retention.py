"""How long studies are kept, and which are to go."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RetentionKind(StrEnum):
    """What a study is to a retention rule; each has a period of its own."""

    COMPLETED = "completed"
    """Its report is there, and nobody signed it."""
    UNFINISHED = "unfinished"
    """Rejected, failed or cancelled, without a report that somebody signed."""
    SIGNED = "signed"
    """Somebody signed its report, whatever came after."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """The days that a tenant's studies are kept after their last event; None is for ever."""

    completed_days: int | None = None
    unfinished_days: int | None = None
    signed_days: int | None = None

    def days_of(self, kind: RetentionKind) -> int | None:
        """Return a kind's period."""
        return {
            RetentionKind.COMPLETED: self.completed_days,
            RetentionKind.UNFINISHED: self.unfinished_days,
            RetentionKind.SIGNED: self.signed_days,
        }[kind]


@dataclass(frozen=True, slots=True)
class Due:
    """What a rule would erase of one kind.

    Attributes:
        oldest: when the last thing happened to the oldest of them; None where there is none.
    """

    studies: int
    oldest: datetime | None
