"""MedGemma 1.5 (arXiv 2604.05081): Gemma 3 tuned on medicine, asked as any model that chats, and for places.

Each radiograph is padded to a square, as its makers do before they ask for a place. A box is an object with
names, `{"box_2d": [y0, x0, y1, x1], "label": "..."}`, in thousandths of the first picture's square; a list
without a name might be in any order, and is none.

Map: `MedGemma` (`ask`, `read`).
"""

import json
import re
from dataclasses import replace
from typing import Any, Final

from PIL import Image
from typing_extensions import override

from shared.domain.reports import Region
from shared.reporting.request import Picture, ReportRequest, Sight
from worker_llm.vision.asking import Answer, Question
from worker_llm.vision.boxes import LIST, NUMBER, Found, placed, put_aside, unmarked
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.frames import Frame, padded_square

_SYSTEM: Final = "You are an expert radiologist."
_PLACES: Final = (
    "\nBOXES: for each finding that can be pointed at in image 1, a JSON object in a list, its coordinates"
    ' from 0 to 1000: [{"box_2d": [y0, x0, y1, x1], "label": "the finding\'s own words"}]'
)
_WHOLE: Final = 1000

_BROKEN: Final = rf'\{{(?:\s*(?:"[^"\n]*"|{LIST}|{NUMBER}|[,:]))*+'
_BOXES: Final = re.compile(rf"\{{[^{{}}]*\}}|{_BROKEN}|{LIST}")
_ORDERS: Final = {"box_2d": (1, 0, 3, 2), "bbox": (0, 1, 2, 3), "bbox_2d": (0, 1, 2, 3)}
"""Where x, y, x and y stand in the list of each name."""
_CORNERS: Final = ("x0", "y0", "x1", "y1")


class MedGemma(ChatModel):
    """How MedGemma is asked and read."""

    @override
    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        """Ask an expert for a report and for places; see `Model.ask`."""
        question = super().ask(request, sight)
        (turn,) = question.chat
        *shown, task = turn["content"]
        content = [*shown, task | {"text": task["text"] + _PLACES}]
        system = {"role": "system", "content": [{"type": "text", "text": _SYSTEM}]}
        return replace(question, chat=[system, turn | {"content": content}])

    @override
    def shown(self, picture: Picture, *, earlier: bool = False) -> tuple[Image.Image, Frame]:
        """Return a radiograph in a square."""
        return padded_square(picture, earlier=earlier)

    @override
    def read(self, text: str, question: Question) -> Answer:
        """Read the sections, and the boxes wherever they stand; see `Model.read`."""
        marked, found = put_aside(text, _BOXES, lambda box: _found(box, question.frames[0]))
        answer = super().read(marked, question)
        findings, dropped = placed(answer.findings, found)
        return replace(
            answer, findings=findings, impression=unmarked(answer.impression or "") or None, dropped=dropped
        )


def _found(box: str, frame: Frame) -> Found:
    try:
        said = json.loads(box)
    except (ValueError, RecursionError):
        return Found(None)
    if not isinstance(said, dict):
        return Found(None)
    label = said.get("label")
    return Found(_region(said, frame), label if isinstance(label, str) else "")


def _region(said: dict[str, Any], frame: Frame) -> Region | None:
    corners: list[Any] = [said.get(name) for name in _CORNERS]
    for name, order in _ORDERS.items():
        listed = said.get(name)
        if isinstance(listed, list) and len(listed) == len(order):
            corners = [listed[place] for place in order]
            break
    numbers = [corner for corner in corners if _is_thousandth(corner)]
    if len(numbers) < len(corners):
        return None
    return frame.region([number / _WHOLE for number in numbers])


def _is_thousandth(corner: object) -> bool:
    return isinstance(corner, int | float) and not isinstance(corner, bool) and 0 <= corner <= _WHOLE
