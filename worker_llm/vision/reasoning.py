"""Models that think before they answer: NV-Reason-CXR and CheXOne, both of the family of Qwen2.5-VL.

They answer <think>...</think><answer>...</answer>. What they think is cut off before anything else reads the
text, and is never shown as report: a thought weighs what is not there, too.

Map: `Reasoning` -> `CheXone` · `without_thinking`.
"""

import re
from dataclasses import replace
from typing import Final

from typing_extensions import override

from shared.reporting.request import ReportRequest, Sight
from worker_llm.vision.asking import Answer, Question
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.frames import frontal_and_lateral, whole
from worker_llm.vision.slots import objections_in_words

_LONGEST: Final = 2048
_ASKED: Final = "Write an example findings section for the CXR."
_THINK: Final = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_ANSWER: Final = re.compile(r"<answer>", re.IGNORECASE)
_ENDED: Final = re.compile(r"</answer>.*", re.IGNORECASE | re.DOTALL)


class Reasoning(ChatModel):
    """How NV-Reason-CXR is asked, of one radiograph, and how any model that thinks first is read."""

    @override
    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        alone = replace(sight, pictures=(frontal_and_lateral(sight)[0],), earlier=None)
        return replace(super().ask(request, alone), longest=_LONGEST)

    @override
    def read(self, text: str, question: Question) -> Answer:
        answer, thinking = without_thinking(text)
        return replace(super().read(answer, question), thinking=thinking or None)


class CheXone(Reasoning):
    """How CheXOne is asked: the radiographs, and the sentence that it was trained on."""

    @override
    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        shown = [whole(picture) for picture in frontal_and_lateral(sight) if picture is not None]
        text = " ".join(filter(None, (_ASKED, objections_in_words(request))))
        content = [*({"type": "image"} for _ in shown), {"type": "text", "text": text}]
        images, frames = zip(*shown, strict=True)
        return Question([{"role": "user", "content": content}], images, frames, _LONGEST)


def without_thinking(text: str) -> tuple[str, str]:
    """Return what a model answered, and what it thought; thoughts that never end are no answer."""
    begun = list(_ANSWER.finditer(text))
    if begun:
        answer = _ENDED.sub("", text[begun[-1].end() :])
        return _without_tags(answer), _THINK.sub(" ", text[: begun[-1].start()]).strip()
    tags = list(_THINK.finditer(text))
    if not tags:
        return text, ""
    last = tags[-1]
    thought = _THINK.sub(" ", text[: last.start()]).strip()
    if not last.group().startswith("</"):
        return "", _THINK.sub(" ", text).strip()
    return text[last.end() :], thought


def _without_tags(answer: str) -> str:
    """Return an answer; where it thinks anew within it, only what follows the thoughts."""
    tags = list(_THINK.finditer(answer))
    if not tags:
        return answer
    return answer[tags[-1].end() :] if tags[-1].group().startswith("</") else ""
