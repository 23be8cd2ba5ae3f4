"""RadVLM (arXiv 2502.03333): a report of one frontal radiograph, which may say where in brackets.

It was trained on reports without any mention of an earlier study, and on one sentence that asks for them. A
box stands in its sentence as [x, y, x, y], fractions of the picture; several are joined by commas and "and".

Map: `RadVlm` (`ask`, `read`) -> `_told`.
"""

import re
from typing import Final

from typing_extensions import override

from shared.domain.reports import Region
from shared.reporting.request import Passage, ReportRequest, Sight
from worker_llm.vision.asking import Answer, Question
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.frames import Frame, frontal_and_lateral, whole
from worker_llm.vision.slots import objections_in_words

_LONGEST: Final = 1500
_ASKED: Final = "Provide a radiology report for this Chest X-Ray."
_BOX: Final = re.compile(
    r"(?:\s*,)?\s*(?:\b(?:and|at|in|within|located at|with bounding box(?:es)?)\b)?\s*\[([-\d.,\s]*)\]?"
    r"(?=[\s,.;:)]|and\b|\[|$)"
)
_HEADED: Final = re.compile(r"\bfindings?\b[*_ ]*:", re.IGNORECASE)
_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+")


class RadVlm(ChatModel):
    """How RadVLM is asked and read."""

    @override
    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        image, frame = whole(frontal_and_lateral(sight)[0])
        text = " ".join(filter(None, (_ASKED, objections_in_words(request))))
        content = [{"type": "text", "text": text}, {"type": "image"}]
        return Question([{"role": "user", "content": content}], (image,), (frame,), _LONGEST)

    @override
    def read(self, text: str, question: Question) -> Answer:
        # Its reports have no headings, or an impression's alone.
        read = super().read(text if _HEADED.search(text) else f"FINDINGS:\n{text}", question)
        frame = question.frames[0]
        passages: list[Passage] = []
        dropped = 0
        for passage in read.findings:
            for sentence in _SENTENCES.split(passage.text):
                said, regions, broken = _told(sentence, frame)
                dropped += broken
                if said:
                    passages.append(Passage(said, regions))
        impression, _, broken = _told(read.impression or "", None)
        return Answer(tuple(passages), impression or None, dropped + broken)


def _told(sentence: str, frame: Frame | None) -> tuple[str, tuple[Region, ...], int]:
    """Return a sentence without its boxes, where they are, and how many cannot be read."""
    regions: list[Region] = []
    boxes = list(_BOX.finditer(sentence))
    for box in boxes:
        region = _region(box.group(1), frame) if frame else None
        if region is not None:
            regions.append(region)
    said = re.sub(r"\s+(?=[.,;:!?])", "", _BOX.sub("", sentence)).strip()
    broken = len(boxes) - len(regions) if frame else 0
    return said if re.search(r"\w", said) else "", tuple(dict.fromkeys(regions)), broken


def _region(numbers: str, frame: Frame) -> Region | None:
    try:
        corners = [float(number) for number in numbers.split(",")]
    except ValueError:
        return None
    return frame.region(corners) if all(-1 < corner < 2 for corner in corners) else None  # else pixels
