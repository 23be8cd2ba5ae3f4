"""What is kept of patients, and for how long."""

from datetime import datetime

from cxr.models.answer import Answer


class Erasure(Answer):
    """What was erased of a patient, or would be.

    Attributes:
        studies: theirs.
        others: those that bear the same id of another issuer, or of none; they stay.
    """

    studies: int
    others: int


class DueStudies(Answer):
    """What a rule erases now, of one kind; `oldest` is when the last thing happened to the oldest."""

    studies: int
    oldest: datetime | None = None


class Retention(Answer):
    """How many days a tenant's studies are kept; None is for ever."""

    completed_days: int | None = None
    unfinished_days: int | None = None
    signed_days: int | None = None
    due: dict[str, DueStudies]
