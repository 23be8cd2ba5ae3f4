"""A batch and its items."""

from datetime import date, datetime

from pydantic import Field

from cxr.models.answer import Answer
from cxr.models.report import Addendum
from cxr.models.study import FINAL_STATUSES, Patient, StudyError


class Batch(Answer):
    """How far a batch is."""

    id: str
    name: str | None = None
    status: str
    total: int
    counts: dict[str, int]
    done: bool
    created_at: datetime

    @property
    def finished(self) -> int:
        """How many of its items are final."""
        return sum(number for status, number in self.counts.items() if status in FINAL_STATUSES)


class BatchPage(Answer):
    """A page of batches, newest first."""

    items: list[Batch]
    next_cursor: str | None = None


class ItemReport(Answer):
    """What the line of an item says of its report."""

    version: int
    status: str = "preliminary"
    language: str
    findings: str
    impression: str
    addenda: list[Addendum] = Field(default=[])


class BatchResult(Answer):
    """One item of a batch."""

    item: str
    path: str | None = None
    study_id: str
    files: list[str] = Field(default=[])
    sha256: list[str] = Field(default=[])
    patient: Patient = Patient()
    study_date: date | None = None
    accession_number: str | None = None
    study_instance_uid: str | None = None
    status: str
    error: StudyError | None = None
    critical: list[str] = Field(default=[])
    warnings: list[str] = Field(default=[])
    report: ItemReport | None = None
