"""The writer behind docs/reference/writer-protocol.md: a model in an environment of its own, asked by HTTP.

A side-car has one model and answers one request at a time, so its studies are sent one after another. What it
answers is a stranger's: a box that nobody can read is dropped and counted, and its sentence stays.

Map: `load` -> `SideCarWriter` (`meet`, `write`) -> `_asked`, `answer_of` -> `_passage` -> `_region`.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from shared.catalogue import CATALOGUE, Entry
from shared.domain.reports import Policy, Region, WriterVersion
from shared.errors import TryAgainError
from shared.remote import RefusedError, Remote
from shared.reporting.certainty import certainty_of
from shared.reporting.composition import technique_lines
from shared.reporting.request import Passage, ReportRequest, Sight
from shared.settings import ReportSettings
from worker_llm.vision import protocol
from worker_llm.vision.asking import NO_PICTURES, Answer, draft_of, unanswerable
from worker_llm.vision.frames import Frame
from worker_llm.vision.slots import LONGEST_REPORT, MISSING, slot
from worker_llm.writers.base import Draft, NoReport, WriterRefusedError

log = structlog.get_logger()

_NOT_THIS_STUDY: Final = {
    413: "the side-car takes no request that large",
    422: "the side-car's model failed at this study",
}
_NEARLY: Final = 0.01
"""How far beyond its picture a box may end and still be one; it is cut off there."""


def load(entry: Entry, settings: ReportSettings) -> "SideCarWriter":
    """Prepare the connection to the model's side-car; one that is not there yet is waited for study by study.

    Raises:
        WriterRefusedError: what answers there is another model, or no side-car.
    """
    writer = SideCarWriter(entry.name, settings)
    try:
        writer.meet()
    except TryAgainError as error:
        log.warning("side_car.away", reason=str(error))
    except WriterRefusedError:
        writer.close()
        raise
    return writer


class SideCarWriter:
    """Writes with a model behind the writer protocol."""

    policy = Policy.GROUNDED
    sees = True

    def __init__(self, name: str, settings: ReportSettings) -> None:
        """Prepare the connection; nothing is sent yet.

        Args:
            name: the model's in the catalogue; no other one is listened to.
            settings: where its side-car is.
        """
        self._name, self._version = name, ""
        self._remote = Remote(
            settings.server_url,
            key=settings.server_key,
            timeout=settings.server_timeout,
            at_once=1,
            settings="CXR_REPORT_SERVER",
            most_bytes=protocol.MOST_ANSWERED_BYTES,
        )

    @property
    def version(self) -> WriterVersion:
        """Who writes, as it says itself; unknown until it has answered."""
        return WriterVersion(self._name, self._version or "unknown")

    def meet(self) -> None:
        """Ask the side-car who it is.

        Raises:
            TryAgainError: it is away, or still loads its model.
            WriterRefusedError: it is another model's, or no side-car.
        """
        try:
            health = protocol.health_of(self._remote.get_json("/health"))
        except (protocol.MalformedError, RefusedError) as error:
            message = (
                f"CXR_REPORT_SERVER_URL: no side-car of protocol {protocol.VERSION} answers there ({error});"
                f" start {self._name}'s as docs/how-to/run-a-vision-language-model.md says"
            )
            raise WriterRefusedError(message) from error
        self._listen_to(health.model)
        if not health.ready:
            self._version = ""
            message = "CXR_REPORT_SERVER_URL: the side-car is still loading its model"
            raise TryAgainError(message)

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Have one report after another written; see `Writer.write`."""
        return [unanswerable(request) or self._draft(request, attempt) for request in requests]

    def close(self) -> None:
        """Let go of the connection."""
        self._remote.close()

    def _draft(self, request: ReportRequest, attempt: int) -> Draft:
        if request.sight is None:
            return NoReport(NO_PICTURES)
        if not self._version:
            self.meet()
        frames, asked = _asked(request, request.sight, attempt)
        try:
            body = self._remote.post_json("/v1/report", asked.as_json())
        except RefusedError as error:
            if error.status not in _NOT_THIS_STUDY:
                raise
            return NoReport(_NOT_THIS_STUDY[error.status])
        try:
            said = protocol.object_of(body, "the answer")
            self._listen_to(protocol.model_of(said.get("model")))
        except protocol.MalformedError as error:
            return NoReport(f"the side-car's answer is no report: {error}")
        answer = answer_of(said, frames)
        if answer.dropped:
            log.warning("writer.boxes_dropped", writer=self._name, dropped=answer.dropped)
        return draft_of(answer)

    def _listen_to(self, model: protocol.ModelVersion) -> None:
        """Take the version of whoever answers.

        Raises:
            WriterRefusedError: it is another model.
        """
        if model.id != self._name:
            who = model.id if model.id in CATALOGUE else "another model"
            message = (
                f"CXR_REPORT_WRITER={self._name}: the side-car at CXR_REPORT_SERVER_URL is {who};"
                f" name it, or start {self._name}'s"
            )
            raise WriterRefusedError(message)
        self._version = model.version[:64]


def _asked(request: ReportRequest, sight: Sight, attempt: int) -> tuple[dict[int, Frame], protocol.Asked]:
    """Return the request, and which radiograph is meant by each index in its answer."""
    earlier = sight.earlier
    pictures = [(picture, False) for picture in sight.pictures]
    pictures += [(earlier.picture, True)] if earlier else []
    frames = {
        index: Frame(None if before else picture.image) for index, (picture, before) in enumerate(pictures)
    }
    return frames, protocol.Asked(
        tuple(
            protocol.Image(index, picture.view.position.value, picture.png, before)
            for index, (picture, before) in enumerate(pictures)
        ),
        indication=_cleaned(sight.indication),
        technique=" ".join(technique_lines(request)),
        comparison="A radiograph of an earlier day." if earlier else None,
        prior_report=_cleaned(earlier.report, LONGEST_REPORT) if earlier else None,
        findings=tuple(
            protocol.Finding(finding.label, finding.status.value, certainty_of(finding).value)
            for finding in request.findings
        ),
        language=request.language.value,
        objections=request.objections,
        attempt=attempt,
    )


def _cleaned(text: str | None, longest: int = 600) -> str | None:
    """Return a client's words as a slot of a prompt may hold them, whoever makes the prompt."""
    words = slot(text, longest)
    return None if words == MISSING else words


def answer_of(said: dict[str, object], frames: dict[int, Frame]) -> Answer:
    """Read an answer as far as it can be read.

    Args:
        said: JSON's object.
        frames: which radiograph is meant by each index.
    """
    dropped, passages = 0, []
    findings = said.get("findings")
    for item in findings if isinstance(findings, list) else []:
        passage, broken = _passage(item, frames)
        passages.append(passage)
        dropped += broken
    impression = said.get("impression")
    sentences = impression if isinstance(impression, list) else [impression]
    conclusion = " ".join(sentence for sentence in sentences if isinstance(sentence, str))
    return Answer(tuple(passages), conclusion or None, dropped)


def _passage(item: object, frames: dict[int, Frame]) -> tuple[Passage, int]:
    """Read a passage, and count the boxes in it that cannot be read."""
    if not isinstance(item, dict):
        return Passage(item if isinstance(item, str) else "", ()), 0
    text, boxes = item.get("text"), item.get("regions")
    read = [_region(box, frames) for box in boxes] if isinstance(boxes, list) else []
    regions = tuple(region for region in read if region)
    broken = len(read) - len(regions) + (boxes is not None and not isinstance(boxes, list))
    return Passage(text if isinstance(text, str) else "", regions), broken


def _region(item: object, frames: dict[int, Frame]) -> Region | None:
    if not isinstance(item, dict):
        return None
    index, box = item.get("image"), item.get("box")
    frame = frames.get(index) if isinstance(index, int) else None
    if frame is None or not isinstance(box, list):
        return None
    corners = [corner for corner in box if _within(corner)]
    return frame.region(corners) if len(corners) == len(box) else None


def _within(corner: object) -> bool:
    """Return whether it is a fraction, or nearly; what is no number, or NaN, is none."""
    return isinstance(corner, int | float) and -_NEARLY <= corner <= 1 + _NEARLY
