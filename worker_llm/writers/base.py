"""What every report writer is: something that turns requests into drafts, many at once.

Map: `Draft` = Prose | `NoReport` -> `Writer` · `WriterRefusedError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.reports import Policy, WriterVersion
from shared.reporting.request import Prose, ReportRequest


class WriterRefusedError(RuntimeError):
    """No writer can be loaded as the settings say; the message says what to change, in one sentence."""


@dataclass(frozen=True, slots=True)
class NoReport:
    """A text that is not a report, and why."""

    reason: str


Draft = Prose | NoReport
"""What a writer gives back for one request; nothing in it has been verified."""


class Writer(Protocol):
    """A report writer. Implementations: `template`, `llama`, `local`, `openai`; `worker_llm.vision`."""

    @property
    def version(self) -> WriterVersion:
        """Who writes, stored with every report."""
        ...

    @property
    def policy(self) -> Policy:
        """What its texts are held to; grounded for a model that sees the image."""
        ...

    @property
    def sees(self) -> bool:
        """Whether it is shown the images: only then are they fetched, and a request has a sight."""
        ...

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Write one draft a request, in their order.

        Args:
            requests: studies that wait; a writer that can writes them in one batch.
            attempt: 1 for the first text; later ones should differ from what was refused.

        Raises:
            TryAgainError: what the writer needs is away for a while.
        """
        ...
