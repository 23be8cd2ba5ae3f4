"""What a model that sees is asked, and what it answers, whichever it is.

Map: `Question` -> `Answer` -> `draft_of` · `Model` makes the one and reads the other ·
`VisionWriter` · `unanswerable` · `study_before`.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from PIL import Image

from shared.domain.reports import Language, Policy, WriterVersion
from shared.reporting.request import Passage, Prose, ReportRequest, Sight
from worker_llm.vision.frames import Frame
from worker_llm.writers.base import Draft, NoReport

log = structlog.get_logger()

_SENTENCES: Final = re.compile(r".*[.!?](?=\s|$)", re.DOTALL)
ENGLISH_ALONE: Final = frozenset({Language.ENGLISH})
NO_PICTURES = "the study's pictures cannot be read"


@dataclass(frozen=True, slots=True)
class Question:
    """One request as a model takes it.

    Attributes:
        chat: messages as transformers' chat templates take them; an image stands where the model wants it.
        images: in the order in which the chat names them.
        frames: of each image, which part of which radiograph it is.
        longest: tokens that an answer may have.
    """

    chat: list[dict[str, Any]]
    images: tuple[Image.Image, ...]
    frames: tuple[Frame, ...]
    longest: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said of a study.

    Attributes:
        findings: a passage for each piece of the text, those without regions too.
        impression: None of a model that writes none.
        dropped: boxes that nobody could read; their sentences stay.
        thinking: what a model says before it answers; never shown as report.
    """

    findings: tuple[Passage, ...]
    impression: str | None = None
    dropped: int = 0
    thinking: str | None = None


def draft_of(answer: Answer) -> Draft:
    """Make a draft of an answer; one that says nothing is no report."""
    pieces = [" ".join(passage.text.split()) for passage in answer.findings]
    findings = " ".join(closed(piece) for piece in pieces if piece)
    if not findings:
        return NoReport("the answer says nothing of the findings")
    passages = tuple(
        Passage(closed(piece), passage.regions)
        for piece, passage in zip(pieces, answer.findings, strict=True)
        if piece and passage.regions
    )
    impression = " ".join((answer.impression or "").split())
    if not impression:
        return Prose(findings, "", passages, concludes=False)
    return Prose(findings, closed(impression), passages)


def study_before(request: ReportRequest) -> str:
    """Return the sentence that names the study before, and no change since; empty where nobody knows one."""
    return " ".join(statement.text for statement in request.compared() if not statement.labels)


def whole_sentences(text: str) -> str:
    """Return an answer that was broken off up to its last sentence that ends; empty where none does."""
    ended = _SENTENCES.match(text)
    return ended.group().strip() if ended else ""


def closed(text: str) -> str:
    """Return a sentence with its full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


class Model(Protocol):
    """One model: how it is asked and how its answer is read; and, where it runs here, how it is loaded."""

    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        """Make what the model is asked of a study."""
        ...

    def read(self, text: str, question: Question) -> Answer:
        """Read what it answered; whatever is broken in it is dropped, and nothing raises."""
        ...


class Engine(Protocol):
    """What makes an answer of a question: a model in memory, or a server."""

    @property
    def version(self) -> WriterVersion:
        """Who writes."""
        ...

    def answers(self, questions: Sequence[Question], *, attempt: int) -> list[str | NoReport]:
        """Answer each; a later attempt may be less sure of itself.

        Raises:
            TryAgainError: it is away for a while.
        """
        ...


class VisionWriter:
    """Writes with a model that sees; its texts may go beyond the findings, and are marked where they do."""

    policy = Policy.GROUNDED
    sees = True

    def __init__(
        self, model: Model, engine: Engine, *, languages: Container[Language] = ENGLISH_ALONE
    ) -> None:
        """Let a model write what it says through an engine.

        Args:
            languages: that it writes; a study in another one is not asked about.
        """
        self._model, self._engine, self._languages = model, engine, languages
        self.version = engine.version

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Write every request's report; see `Writer.write`."""
        drafts: list[Draft | None] = [unanswerable(request, self._languages) for request in requests]
        asked = [
            (number, self._model.ask(request, request.sight))
            for number, request in enumerate(requests)
            if drafts[number] is None and request.sight is not None
        ]
        answers = self._engine.answers([question for _, question in asked], attempt=attempt)
        for (number, question), answer in zip(asked, answers, strict=True):
            drafts[number] = answer if isinstance(answer, NoReport) else self._draft(answer, question)
        return [draft or NoReport(NO_PICTURES) for draft in drafts]

    def _draft(self, text: str, question: Question) -> Draft:
        answer = self._model.read(text, question)
        if answer.dropped:
            log.warning("writer.boxes_dropped", writer=self.version.id, dropped=answer.dropped)
        return draft_of(answer)


def unanswerable(request: ReportRequest, languages: Container[Language] = ENGLISH_ALONE) -> NoReport | None:
    """Return why no model that sees can be asked of a study, or None where one can."""
    if request.language not in languages:
        return NoReport("this model does not write the report's language")
    return None if request.sight and request.sight.pictures else NoReport(NO_PICTURES)
