"""The writer behind an endpoint of Azure AI Foundry: CXRReportGen.

An endpoint takes few requests at once and says 429 to more, or 503 while it starts: the study is released,
and written when its turn comes again. No more are sent at once than CXR_REPORT_BATCH_SIZE says.

Map: `load` -> `Endpoint` -> `_output`.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from shared.azure import table
from shared.catalogue import Entry
from shared.domain.reports import WriterVersion
from shared.remote import RefusedError, Remote
from shared.settings import ReportSettings
from worker_llm.vision.asking import Question, VisionWriter
from worker_llm.vision.cxrreportgen import CxrReportGen, row_of
from worker_llm.writers.base import NoReport, Writer, WriterRefusedError

_NOT_THIS_STUDY: Final = {
    413: "the endpoint takes no request of this length",
    424: "the endpoint's model failed on this study",
}
"""What is wrong with one study alone, by Azure's statuses."""


def load(entry: Entry, settings: ReportSettings) -> Writer:
    """Prepare the connection to the endpoint; nothing is sent yet.

    Raises:
        WriterRefusedError: no endpoint is named.
    """
    if settings.server_url.rstrip("/").endswith("/v1"):
        # The default, or what an OpenAI-compatible server was reached by.
        message = (
            f"CXR_REPORT_WRITER={entry.name}: no endpoint is named; set CXR_REPORT_SERVER_URL to its scoring"
            " address, which ends in /score, and CXR_REPORT_SERVER_KEY to its key"
        )
        raise WriterRefusedError(message)
    return VisionWriter(CxrReportGen(), Endpoint(WriterVersion(entry.name, "unknown"), settings))


class Endpoint:
    """Asks the endpoint; see `Engine`."""

    def __init__(self, version: WriterVersion, settings: ReportSettings) -> None:
        self.version = version
        self._remote = Remote(
            settings.server_url,
            key=settings.server_key,
            timeout=settings.server_timeout,
            at_once=settings.batch_size,
            settings="CXR_REPORT_SERVER",
        )
        self._pool = ThreadPoolExecutor(max_workers=settings.batch_size, thread_name_prefix="azure")

    def answers(self, questions: Sequence[Question], *, attempt: int) -> list[str | NoReport]:  # noqa: ARG002 - it has no sampling
        """Ask for each by itself, since more than one row is not documented; see `Engine.answers`."""
        return list(self._pool.map(self._answer, questions))

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.shutdown()
        self._remote.close()

    def _answer(self, question: Question) -> str | NoReport:
        row = row_of(question)
        try:
            return _output(self._remote.post_json("", table(tuple(row), (tuple(row.values()),))))
        except RefusedError as error:
            if error.status not in _NOT_THIS_STUDY:
                raise
            return NoReport(_NOT_THIS_STUDY[error.status])


def _output(answer: object) -> str | NoReport:
    rows = answer if isinstance(answer, list) else []
    output = rows[0].get("output") if len(rows) == 1 and isinstance(rows[0], dict) else None
    if output is None:
        return NoReport("the endpoint's answer is not one row with an output")
    return output if isinstance(output, str) else json.dumps(output)
