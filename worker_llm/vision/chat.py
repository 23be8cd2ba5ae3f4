"""A general model that sees, and chats: asked for a report in plain words, and read forgivingly.

It was trained on no form of its own, so it is told one: FINDINGS and IMPRESSION. Each radiograph stands
behind the words that say what it is. Every sentence that it writes needs a reader. Models that were tuned on
radiographs are asked in their own words, and read as this one is.

Map: `ChatModel` (`ask`, `read`) -> `_asked`, `_sections`.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final

from PIL import Image

from shared.domain.findings import ViewPosition
from shared.reporting.request import Passage, Picture, ReportRequest, Sight
from shared.words import in_each
from worker_llm.vision.asking import Answer, Question, closed
from worker_llm.vision.frames import Frame, whole
from worker_llm.vision.slots import LONGEST_REPORT, objections_in_words, slot
from worker_llm.vision.thinking import apart

_LONGEST: Final = 700
_MOST: Final = 4
"""Radiographs of a study that are shown, beside one of the study before."""

_VIEWS: Final = {
    ViewPosition.PA: "a frontal radiograph of the chest (PA)",
    ViewPosition.AP: "a frontal radiograph of the chest (AP)",
    ViewPosition.LATERAL: "a lateral radiograph of the chest",
    ViewPosition.UNKNOWN: "a radiograph of the chest, its view unknown",
}
_TOLD: Final = in_each("prompt", dict)

_MARKUP: Final = re.compile(r"```\w*|\*\*|__|^\s*#+\s*", re.MULTILINE)
_INLINE: Final = re.compile(r"\s+(?:(?<=\n)\d+[.)][ \t]+)?(?=(?:FINDINGS|IMPRESSION)\s*:)")
_HEADING: Final = re.compile(
    r"^[ \t]*(?:\d+[.)][ \t]*)?(findings?|hallazgos?|impressions?|impresi[oó]n|conclusions?|conclusi[oó]n"
    r"|indications?|indicaci[oó]n|techniques?|t[eé]cnica|comparisons?|comparaci[oó]n|recomendaci\w+|notas?"
    r"|history|examination|exam|recommendations?|notes?|disclaimer|clinical \w+"
    r"|(?:bounding )?box(?:es)?)[ \t]*(?::|$)",
    re.MULTILINE | re.IGNORECASE,
)
_TALK: Final = re.compile(r"\bI\b|\bAI\b|\b[Ss]orry\b|^\s*[\[{]")
"""What an answer without headings is when it is no report: a refusal, or JSON."""
_FINDINGS: Final = ("finding", "hallazgo")
_IMPRESSION: Final = ("impression", "impresi", "conclusi")
_WORD: Final = re.compile(r"\w")
_BULLET: Final = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")


class ChatModel:
    """How a general model is asked and read."""

    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        """Show the radiographs, and ask for the two sections; see `Model.ask`."""
        pictures = _first(sight.pictures)
        shown = [
            (f"Image {number} of {len(pictures)}: {_VIEWS[picture.view.position]}.", self.shown(picture))
            for number, picture in enumerate(pictures, start=1)
        ]
        if sight.earlier is not None:
            earlier = sight.earlier.picture
            said = f"For comparison, of an earlier study of this patient: {_VIEWS[earlier.view.position]}."
            shown.append((said, self.shown(earlier, earlier=True)))
        content: list[dict[str, Any]] = []
        for said, _ in shown:
            content += [_text(said), {"type": "image"}]
        return Question(
            chat=[{"role": "user", "content": [*content, _text("\n".join(_asked(request, sight)))]}],
            images=tuple(image for _, (image, _) in shown),
            frames=tuple(frame for _, (_, frame) in shown),
            longest=_LONGEST,
        )

    def shown(self, picture: Picture, *, earlier: bool = False) -> tuple[Image.Image, Frame]:
        """Return a radiograph as the model is shown it, and which part of it that is."""
        return whole(picture, earlier=earlier)

    def read(self, text: str, question: Question) -> Answer:  # noqa: ARG002 - it names no places
        """Read the two sections, whatever stands around them; see `Model.read`."""
        said, thinking = apart(text)
        findings, impression = _sections(_INLINE.sub("\n", _MARKUP.sub("", said)))
        return Answer(
            findings=tuple(Passage(line, ()) for line in _lines(findings)),
            impression=" ".join(closed(line) for line in _lines(impression)) or None,
            thinking=thinking,
        )


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _first(pictures: Sequence[Picture]) -> list[Picture]:
    """Return those that are shown: frontal ones first, and no more than a request holds."""
    return sorted(pictures, key=lambda picture: picture.view.position is ViewPosition.LATERAL)[:_MOST]


def _asked(request: ReportRequest, sight: Sight) -> Iterator[str]:
    """Yield the lines of what is asked; a client's words stand in quotes."""
    told = _TOLD[request.language]
    yield told["sees"] if sight.earlier else f"{told['sees']} {told['alone']}"
    yield f"Indication: {_quoted(slot(sight.indication))}"
    if sight.earlier is not None and sight.earlier.report:
        report = slot(sight.earlier.report, longest=LONGEST_REPORT)
        yield f"Report of the earlier study: {_quoted(report)}"
    if objections := objections_in_words(request):
        yield objections
    yield told["form"]


def _quoted(text: str) -> str:
    """Return a text between quotes that nothing in it closes."""
    return '"{}"'.format(text.replace('"', "'"))


def _sections(said: str) -> tuple[str, str]:
    """Return what stands under the two headings; without any heading all of it is findings, or none."""
    headings = list(_HEADING.finditer(said))
    if not headings:
        return "" if _TALK.search(said) else said, ""
    found: dict[str, list[str]] = {"findings": [], "impression": []}
    for heading, following in zip_longest(headings, headings[1:]):
        name = heading.group(1).lower()
        text = said[heading.end() : following.start() if following else len(said)]
        if name.startswith(_IMPRESSION):
            found["impression"].append(text)
        elif name.startswith(_FINDINGS):
            found["findings"].append(text)
    return "\n".join(found["findings"]), "\n".join(found["impression"])


def _lines(section: str) -> Iterator[str]:
    """Yield the pieces of a section that stand in lines or bullets of their own."""
    for line in section.splitlines():
        piece = _BULLET.sub("", line).strip()
        if _WORD.search(piece):
            yield piece
