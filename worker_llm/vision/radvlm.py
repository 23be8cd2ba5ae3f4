"""RadVLM (arXiv 2502.03333): LLaVA-OneVision, tuned on reports of one frontal radiograph and on places.

It learnt from reports without mentions of earlier studies, in the words of one question. A box stands in the
sentence that it is of, as fractions of the picture: "[0.12, 0.40, 0.45, 0.81]".

Map: `RadVlm` (`ask`, `read`).
"""

import re
from dataclasses import replace
from typing import Final

from typing_extensions import override

from shared.reporting.request import ReportRequest, Sight
from worker_llm.vision.asking import Answer, Question
from worker_llm.vision.boxes import LIST, NUMBER, Found, placed, put_aside, unmarked
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.frames import Frame, frontal_and_lateral, whole
from worker_llm.vision.slots import objections_in_words

_LONGEST: Final = 700
_QUESTION: Final = "Provide a radiology report for this Chest X-Ray."
_SLACK: Final = 0.05
"""How far outside of the picture a corner may be by rounding; farther out it is no fraction."""

_PAIR: Final = r"\(\s*\d?\.\d+(?:\s*,\s*\d?\.\d+)+\s*\)"
_HELD: Final = r"\[[^\[\]\n]{0,80}?(?:\d|nan|inf)[^\[\]\n]{0,80}\]|\[\s*\]"
_BOXES: Final = re.compile(rf"{_HELD}|{LIST}|{_PAIR}(?:\s*,\s*{_PAIR})*")
"""What stands for a box, whether it is one or not."""
_HEADED: Final = re.compile(r"^\W*findings?\b", re.IGNORECASE | re.MULTILINE)
_CONCLUDES: Final = re.compile(r"^\W*impression\W*:", re.IGNORECASE | re.MULTILINE)
_BOX: Final = re.compile(rf"\[\s*{NUMBER}(?:\s*,\s*{NUMBER}){{3}}\s*\]")


class RadVlm(ChatModel):
    """How RadVLM is asked and read."""

    @override
    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        """Ask for a report of the frontal radiograph; see `Model.ask`."""
        image, frame = whole(frontal_and_lateral(sight)[0])
        text = " ".join(filter(None, (_QUESTION, objections_in_words(request))))
        content = [{"type": "text", "text": text}, {"type": "image"}]
        return Question([{"role": "user", "content": content}], (image,), (frame,), _LONGEST)

    @override
    def read(self, text: str, question: Question) -> Answer:
        """Read the report, and the boxes in its sentences; see `Model.read`."""
        marked, found = put_aside(text, _BOXES, lambda box: _found(box, question.frames[0]))
        if _CONCLUDES.search(marked) and not _HEADED.search(marked):
            marked = f"FINDINGS: {marked}"  # its reports may have a heading for the second section alone
        answer = super().read(marked, question)
        findings, dropped = placed(answer.findings, found)
        return replace(
            answer, findings=findings, impression=unmarked(answer.impression or "") or None, dropped=dropped
        )


def _found(box: str, frame: Frame) -> Found:
    if _BOX.fullmatch(box) is None:
        return Found(None)
    corners = [float(number) for number in re.findall(NUMBER, box)]
    inside = all(-_SLACK <= corner <= 1 + _SLACK for corner in corners)
    return Found(frame.region(corners) if inside else None)
