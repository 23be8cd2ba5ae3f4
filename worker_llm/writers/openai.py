"""A writer behind any OpenAI-compatible server: vLLM, llama.cpp, Ollama, Azure, `transformers serve`.

One chat completion a report, several at once. What fails in passing is tried again here for a while, then
becomes a TryAgainError, so that the study waits instead of failing. The server sees labels and statuses,
never an identifier or the client's own words.

Map: `OpenAiWriter.write` -> `_complete` -> `_post`.
"""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx
from pydantic import BaseModel, ValidationError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from shared.domain import Policy, WriterVersion
from shared.errors import TryAgainError
from shared.operations import telemetry
from shared.reporting.request import ReportRequest
from shared.settings import ReportSettings
from worker_llm.prompts import longest_answer, messages_for, parse_answer
from worker_llm.writers.base import Draft, NoReport

_TEMPERATURE: Final = 0.0
_TEMPERATURE_AGAIN: Final = 0.8
_TRIES: Final = 3
"""Requests for one answer when the server stumbles; after that the study goes back to the queue."""
_PASSING: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that may be gone in a moment."""
_TOO_LONG: Final = 413
_PROMPT_REFUSED: Final = re.compile("context.?length|content.?(filter|management)", re.IGNORECASE)
"""What the text of a 400 says when the server does not like this one prompt: vLLM, OpenAI, Azure."""


class _Message(BaseModel):
    content: str | None


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    completion_tokens: int = 0


class _Completion(BaseModel):
    """The part of a chat completion that is read."""

    choices: list[_Choice]
    usage: _Usage | None = None


class ServerRefusedError(RuntimeError):
    """The server says that the request itself is wrong: another model name, a missing key."""


class OpenAiWriter:
    """Writes through an OpenAI-compatible server."""

    policy = Policy.STRICT

    def __init__(self, settings: ReportSettings) -> None:
        """Prepare the connection; nothing is sent yet."""
        key = settings.openai_key
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        self._client = httpx.Client(
            base_url=settings.openai_url.rstrip("/") + "/",
            headers=headers,
            timeout=settings.openai_timeout.total_seconds(),
        )
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
        body = {
            "model": self._model,
            "messages": messages_for(request, self.version, attempt=attempt, brief=False),
            "temperature": _TEMPERATURE if attempt == 1 else _TEMPERATURE_AGAIN,
            "max_tokens": longest_answer(request),
        }
        retrying = Retrying(
            retry=retry_if_exception_type(TryAgainError),
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(multiplier=0.2, max=5.0) + wait_random(0.0, 0.2),
            reraise=True,
        )
        for turn in retrying:
            with turn:
                answer = self._post(body)
                return NoReport("no text came back") if answer is None else parse_answer(answer, request)
        message = "tenacity gives back an answer or an error"
        raise AssertionError(message)

    def _post(self, body: Mapping[str, object]) -> str | None:
        """Ask once; None for an answer without a text.

        Raises:
            TryAgainError: the server is away, busy, slow, or answers with something else than a completion.
            ServerRefusedError: it will never answer this request.
        """
        try:
            response = self._client.post("chat/completions", json=body)
        except httpx.TransportError as error:
            message = f"the report server cannot be reached: {type(error).__name__}"
            raise TryAgainError(message) from error
        if response.status_code in _PASSING:
            message = f"the report server answers {response.status_code}"
            raise TryAgainError(message)
        if response.status_code == _TOO_LONG or (response.is_error and _PROMPT_REFUSED.search(response.text)):
            return None
        if response.is_error:
            message = (
                f"the report server refuses the request: HTTP {response.status_code}; check model and key"
            )
            raise ServerRefusedError(message)
        try:
            completion = _Completion.model_validate_json(response.content)
        except ValidationError as error:
            message = "the report server's answer is no chat completion"
            raise TryAgainError(message) from error
        if completion.usage is not None:
            telemetry.TOKENS.inc(completion.usage.completion_tokens)
        return completion.choices[0].message.content if completion.choices else None
