"""A writer that stands for a model that saw the image: it says what it is told to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from shared.domain.reports import Policy, WriterVersion
from shared.reporting.request import Passage, Prose, ReportRequest
from worker_llm.writers.base import Draft


@dataclass(frozen=True)
class GroundedWriter:
    """Gives the same two sections for every study."""

    findings: str
    impression: str
    version: ClassVar[WriterVersion] = WriterVersion("sighted", "1")
    policy: ClassVar[Policy] = Policy.GROUNDED
    passages: tuple[Passage, ...] = ()
    sees: ClassVar[bool] = False

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        return [Prose(self.findings, self.impression, self.passages) for _ in requests]
