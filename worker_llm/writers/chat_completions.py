"""Chat completions of any OpenAI-compatible server: vLLM, llama.cpp, Ollama, Azure, `transformers serve`.

Map: `ChatCompletions` -> `complete` -> `Completion`, or why there is none: `TOO_LONG`, `TOO_MANY_IMAGES`,
`NOT_ANSWERED`.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import TryAgainError
from shared.operations import telemetry
from shared.remote import RefusedError, Remote
from shared.settings import ReportSettings
from worker_llm.writers.base import NoReport

_TEMPERATURE: Final = 0.0
_TEMPERATURE_AGAIN: Final = 0.8
_LENGTH: Final = re.compile(r"context.?length|maximum.{0,20}length|too (?:large|long)", re.IGNORECASE)
"""What the text of a 400 says when a prompt is longer than the model can read: vLLM, OpenAI, Ollama."""
_IMAGES: Final = re.compile(r"at most \d+ image", re.IGNORECASE)
"""And when it has more images than vLLM was told to take."""
_FILTER: Final = re.compile(r"content.?(?:filter|management)", re.IGNORECASE)
"""And when what guards the model does not like this prompt: OpenAI, Azure."""

TOO_LONG: Final = NoReport("the server takes no prompt of this length")
TOO_MANY_IMAGES: Final = NoReport(
    "the server takes fewer images of a study than there are (vLLM: --limit-mm-per-prompt)"
)
NOT_ANSWERED: Final = NoReport("no text came back")


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote; `whole` unless it was stopped at the most tokens that it may write."""

    text: str
    whole: bool


class ChatCompletions:
    """One server and one of its models, from many threads."""

    def __init__(self, settings: ReportSettings) -> None:
        """Prepare the connections; nothing is sent yet."""
        self._model = settings.model
        self._remote = Remote(
            settings.server_url,
            key=settings.server_key,
            timeout=settings.server_timeout,
            at_once=settings.batch_size,
            settings="CXR_REPORT_SERVER",
        )

    def complete(
        self, messages: list[dict[str, Any]], *, attempt: int, longest: int
    ) -> Completion | NoReport:
        """Ask for one completion.

        Args:
            messages: as the wire has them.
            attempt: the first is the likeliest text; a later one is freer.
            longest: tokens that it may have.

        Raises:
            TryAgainError: the server is away, busy or slow.
            RefusedError: it will never answer this request.
        """
        body = {
            "model": self._model,
            "messages": messages,
            "temperature": _TEMPERATURE if attempt == 1 else _TEMPERATURE_AGAIN,
            "max_tokens": longest,
        }
        try:
            answer = self._remote.post_json("/chat/completions", body)
        except RefusedError as error:
            if (refusal := _of_this_prompt(error)) is not None:
                return refusal
            raise
        return _read(answer)

    def close(self) -> None:
        """Let go of the connections."""
        self._remote.close()


def _of_this_prompt(error: RefusedError) -> NoReport | None:
    """Return what is wrong with one prompt; None where every prompt would be refused."""
    if error.status == 413:
        return TOO_LONG
    if error.status != 400:
        return None
    said = {_IMAGES: TOO_MANY_IMAGES, _LENGTH: TOO_LONG, _FILTER: NOT_ANSWERED}
    return next((refusal for words, refusal in said.items() if words.search(error.said)), None)


def _read(answer: object) -> Completion | NoReport:
    """Read a completion.

    Raises:
        TryAgainError: it is none; something else answers at this address for now.
    """
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(choices, list):
        message = "the report server's answer is no chat completion"
        raise TryAgainError(message)
    with suppress(TypeError, ValueError, LookupError):  # a server need not count
        telemetry.TOKENS.inc(int(answer["usage"]["completion_tokens"]))
    try:
        text, whole = choices[0]["message"]["content"], choices[0].get("finish_reason") != "length"
    except (TypeError, LookupError, AttributeError):
        return NOT_ANSWERED
    return Completion(text, whole) if isinstance(text, str) else NOT_ANSWERED
