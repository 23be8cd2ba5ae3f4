"""A writer behind any OpenAI-compatible server: vLLM, llama.cpp, Ollama, Azure, `transformers serve`.

One chat completion a report, several at once. What fails in passing is tried again here for a while, then
becomes a TryAgainError, so that the study waits instead of failing. The server sees labels and statuses,
never an identifier or the client's own words.

Map: `OpenAiWriter.write` -> `_complete` -> `_refused`.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, cast

import openai
from openai.types.chat import ChatCompletion

from shared.domain.reports import Policy, WriterVersion
from shared.errors import TryAgainError
from shared.operations import telemetry
from shared.reporting.request import ReportRequest
from shared.settings import ReportSettings
from worker_llm.prompts import longest_answer, messages_for, parse_answer
from worker_llm.writers.base import Draft, NoReport

_TEMPERATURE: Final = 0.0
_TEMPERATURE_AGAIN: Final = 0.8
_PASSING: Final = frozenset({408, 409, 425, 429})
"""HTTP statuses beside 5xx that may be gone in a moment."""
_TOO_LONG: Final = 413
_PROMPT_REFUSED: Final = re.compile("context.?length|content.?(filter|management)", re.IGNORECASE)
"""What the text of a 400 says when the server does not like this one prompt: vLLM, OpenAI, Azure."""


class ServerRefusedError(RuntimeError):
    """The server says that the request itself is wrong: another model name, a missing key."""


class OpenAiWriter:
    """Writes through an OpenAI-compatible server."""

    policy = Policy.STRICT
    sees = False

    def __init__(self, settings: ReportSettings) -> None:
        """Prepare the connection; nothing is sent yet."""
        key = settings.server_key
        self._client = openai.OpenAI(
            base_url=settings.server_url,
            api_key=key.get_secret_value() if key else "none",
            timeout=settings.server_timeout.total_seconds(),
            max_retries=2,
        )
        # The library wants a key; a server without keys is sent none.
        self._headers = {} if key else {"Authorization": openai.Omit()}
        self._model = settings.model
        self._pool = ThreadPoolExecutor(max_workers=settings.batch_size, thread_name_prefix="openai")
        self.version = WriterVersion(id=f"openai:{settings.model}", version="unknown")

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Ask for all reports at once; see `Writer.write`."""
        return list(self._pool.map(lambda request: self._complete(request, attempt), requests))

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.shutdown()
        self._client.close()

    def _complete(self, request: ReportRequest, attempt: int) -> Draft:
        """Ask for one report.

        Raises:
            TryAgainError: the server is away, busy, slow, or answers with something else than a completion.
            ServerRefusedError: it will never answer this request.
        """
        try:
            answer: object = self._client.chat.completions.create(
                model=self._model,
                messages=cast("Any", messages_for(request, self.version, attempt=attempt, brief=False)),
                temperature=_TEMPERATURE if attempt == 1 else _TEMPERATURE_AGAIN,
                max_tokens=longest_answer(request),
                extra_headers=self._headers,
            )
        except openai.APIStatusError as error:
            return _refused(error)
        except openai.OpenAIError as error:
            message = f"the report server cannot be reached: {type(error).__name__}"
            raise TryAgainError(message) from error
        # What is no completion comes back as it is: an error page as text, any other object without choices.
        if not isinstance(answer, ChatCompletion) or answer.choices is None:
            message = "the report server's answer is no chat completion"
            raise TryAgainError(message)
        if answer.usage is not None:
            telemetry.TOKENS.inc(answer.usage.completion_tokens)
        text = answer.choices[0].message.content if answer.choices else None
        return NoReport("no text came back") if text is None else parse_answer(text, request)


def _refused(error: openai.APIStatusError) -> NoReport:
    if error.status_code in _PASSING or error.status_code >= 500:
        message = f"the report server answers {error.status_code}"
        raise TryAgainError(message) from error
    if error.status_code == _TOO_LONG or _PROMPT_REFUSED.search(error.response.text):
        return NoReport("no text came back")
    message = f"the report server refuses the request: HTTP {error.status_code}; check model and key"
    raise ServerRefusedError(message) from error
