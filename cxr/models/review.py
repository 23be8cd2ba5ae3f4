"""What persons did to a report."""

from datetime import datetime

from cxr.models.answer import Answer
from cxr.models.report import Author


class Version(Answer):
    """One version of a report, without its text; `act` says what made it."""

    version: int
    act: str
    status: str
    author: Author
    made_from: int | None = None
    created_at: datetime
    reason: str | None = None


class Difference(Answer):
    """One sentence of two versions; `op` is same, changed, removed or added."""

    section: str
    op: str
    before: str | None = None
    after: str | None = None
