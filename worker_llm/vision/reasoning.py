r"""The models of Qwen2.5-VL's kind that reason: CheXOne (arXiv 2604.00493), NV-Reason-CXR (arXiv 2510.23968).

Each is asked in the one sentence that its page names, the radiographs before it. What they think is cut off;
CheXOne may put its answer into LaTeX's \boxed{...}. Neither is asked for an impression.

Map: `Reasoner` (`ask`, `read`) -> `NV_REASON` · `load_chexone`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from typing_extensions import override

from shared.reporting.request import ReportRequest, Sight
from shared.settings import ReportSettings
from worker_llm.vision.asking import Answer, Question
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.engine import TransformersEngine, pretrained
from worker_llm.vision.frames import frontal_and_lateral, whole
from worker_llm.vision.slots import objections_in_words
from worker_llm.vision.thinking import apart

_BOXED: Final = "\\boxed{"
_CHEXONE_PIXELS: Final = {"shortest_edge": 256 * 28 * 28, "longest_edge": 512 * 512}
"""At least and at most of a picture, as CheXOne was trained; transformers names them so."""


class Reasoner(ChatModel):
    """How such a model is asked and read."""

    def __init__(self, sentence: str, *, lateral: bool, longest: int) -> None:
        """Take what it is asked, whether it is shown a lateral radiograph, and the tokens of an answer."""
        self._sentence, self._lateral, self._longest = sentence, lateral, longest

    @override
    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        """Show the radiographs, then say its sentence; see `Model.ask`."""
        frontal, lateral = frontal_and_lateral(sight)
        pictures = [frontal] if lateral is None or not self._lateral else [frontal, lateral]
        shown = [whole(picture) for picture in pictures]
        text = " ".join(filter(None, (self._sentence, objections_in_words(request))))
        content = [*({"type": "image"} for _ in shown), {"type": "text", "text": text}]
        return Question(
            chat=[{"role": "user", "content": content}],
            images=tuple(image for image, _ in shown),
            frames=tuple(frame for _, frame in shown),
            longest=self._longest,
        )

    @override
    def read(self, text: str, question: Question) -> Answer:
        """Read what it answers after it thought; see `Model.read`."""
        said, thinking = apart(text)
        before, found, boxed = said.rpartition(_BOXED)
        if found:
            said, thinking = _closed(boxed), " ".join(filter(None, (thinking, before.strip())))
        return replace(super().read(said, question), thinking=thinking or None)


def _closed(text: str) -> str:
    """Return a text up to the brace that closes it; empty where none does."""
    depth = 1
    for place, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return text[:place].removeprefix("\\text{").removesuffix("}")
    return ""


NV_REASON: Final = Reasoner("Find abnormalities and support devices.", lateral=False, longest=2048)
_CHEXONE: Final = Reasoner("Write an example findings section for the CXR.", lateral=True, longest=1024)


def load_chexone(folder: Path, settings: ReportSettings) -> tuple[Reasoner, TransformersEngine]:
    """Load CheXOne as it is published, and show it pictures of the size that it was trained on."""
    engine = pretrained("chexone", folder, settings, "qwen2_5_vl")
    engine.processor.image_processor.size = _CHEXONE_PIXELS
    return _CHEXONE, engine
