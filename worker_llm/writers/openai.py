"""A writer behind any OpenAI-compatible server that is shown the findings alone.

One chat completion a report, several at once. The server sees labels and statuses, never an identifier or the
client's own words. One that is shown the radiographs is `worker_llm.vision.server`'s.

Map: `OpenAiWriter.write` -> `_complete`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from shared.domain.reports import Policy, WriterVersion
from shared.reporting.request import ReportRequest
from shared.settings import ReportSettings
from worker_llm.prompts import longest_answer, messages_for, parse_answer
from worker_llm.writers.base import Draft, NoReport
from worker_llm.writers.chat_completions import ChatCompletions


class OpenAiWriter:
    """Writes through an OpenAI-compatible server."""

    policy = Policy.STRICT
    sees = False

    def __init__(self, settings: ReportSettings) -> None:
        """Prepare the connection; nothing is sent yet."""
        self._chat = ChatCompletions(settings)
        self._pool = ThreadPoolExecutor(max_workers=settings.batch_size, thread_name_prefix="openai")
        self.version = WriterVersion(id=f"openai:{settings.model}", version="unknown")

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Ask for all reports at once; see `Writer.write`."""
        return list(self._pool.map(lambda request: self._complete(request, attempt), requests))

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.shutdown()
        self._chat.close()

    def _complete(self, request: ReportRequest, attempt: int) -> Draft:
        messages = messages_for(request, self.version, attempt=attempt, brief=False)
        answer = self._chat.complete(messages, attempt=attempt, longest=longest_answer(request))
        return answer if isinstance(answer, NoReport) else parse_answer(answer.text, request)
