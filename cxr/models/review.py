"""What persons did to a report."""

from datetime import datetime

from cxr.models.answer import Answer
from cxr.models.report import Author, WriterId


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


class ClassifierId(Answer):
    """A version of a classifier."""

    id: str
    version: str


class ReviewSummary(Answer):
    """What persons made of one writer's reports on one classifier's findings."""

    classifier: ClassifierId
    writer: WriterId
    signed: int
    timed: int
    median_seconds: float | None = None
    lines: int
    accepted_share: float | None = None
    changed_words: float
    changed_labels: float


class ErrorCount(Answer):
    """How often one kind of error was made at labels of one significance."""

    kind: str
    significance: str
    count: int


class Account(Answer):
    """How one of two accounts, which `comparison` names, stands to the other, which is taken as right."""

    comparison: str
    stated: int
    agreed: int
    unread: int
    errors: list[ErrorCount]
    weight: float


class WriterPair(Answer):
    """Two writers who wrote of the same studies, the second as a shadow of the first."""

    primary: WriterId
    shadow: WriterId
    compared: int
    fallbacks: int
    accounts: list[Account]
