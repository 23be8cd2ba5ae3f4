"""A model that sees behind an OpenAI-compatible server: a chat with pictures in it.

A server has limits on what one request holds, in bytes and in what its model can read. What is too large for
one of them is sent once more in half the size.

Map: `load` -> `SeeingServer.answers` -> `_answer` -> `_messages`.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from shared.domain.reports import Language, WriterVersion
from shared.outgoing import bare, data_url, jpeg_of
from shared.settings import ReportSettings
from worker_llm.vision.asking import Question, VisionWriter, whole_sentences
from worker_llm.vision.chat import ChatModel
from worker_llm.writers.base import NoReport, Writer
from worker_llm.writers.chat_completions import TOO_LONG, ChatCompletions, Completion

_SIDES: Final = (1024, 512)
"""Pixels of a picture's longest side, and of one that was too large."""
MOST_BYTES: Final = 8_000_000
"""Of all pictures of a request, as they are sent; servers take 10 MB and more."""


def load(settings: ReportSettings) -> Writer:
    """Prepare the connections; nothing is sent yet."""
    return VisionWriter(ChatModel(), SeeingServer(settings), languages=frozenset(Language))


class SeeingServer:
    """Asks the server; see `Engine`."""

    def __init__(self, settings: ReportSettings) -> None:
        self._chat = ChatCompletions(settings)
        self._pool = ThreadPoolExecutor(max_workers=settings.batch_size, thread_name_prefix="openai")
        self.version = WriterVersion(id=f"openai:{settings.model}", version="unknown")

    def answers(self, questions: Sequence[Question], *, attempt: int) -> list[str | NoReport]:
        """Ask all at once; see `Engine.answers`."""
        return list(self._pool.map(lambda question: self._answer(question, attempt), questions))

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.shutdown()
        self._chat.close()

    def _answer(self, question: Question, attempt: int) -> str | NoReport:
        answer: Completion | NoReport = TOO_LONG
        for side in _SIDES:
            urls = [data_url(jpeg_of(bare(image, longest=side))) for image in question.images]
            if sum(map(len, urls)) > MOST_BYTES:
                continue
            messages = _messages(question, urls)
            answer = self._chat.complete(messages, attempt=attempt, longest=question.longest)
            if answer != TOO_LONG:
                break
        if isinstance(answer, NoReport):
            return answer
        return answer.text if answer.whole else whole_sentences(answer.text)


def _messages(question: Question, urls: Sequence[str]) -> list[dict[str, Any]]:
    """Return the chat as the wire has it: each picture where the chat names it."""
    waiting = iter(urls)
    return [
        {"role": turn["role"], "content": [_part(item, waiting) for item in turn["content"]]}
        for turn in question.chat
    ]


def _part(item: dict[str, Any], urls: Iterator[str]) -> dict[str, Any]:
    if item["type"] == "image":
        return {"type": "image_url", "image_url": {"url": next(urls), "detail": "high"}}
    return {"type": "text", "text": item["text"]}
