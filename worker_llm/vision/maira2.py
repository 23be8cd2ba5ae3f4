"""MAIRA-2 (arXiv 2406.04449): findings with boxes, of a frontal, a lateral and an earlier frontal radiograph.

It was trained on one sentence of a request, with slots; nothing else may stand in it. Each image is stretched
to the whole range of gray and cut to the square in its middle. Its answer:

    <obj>sentence<box><x10><y20><x55><y60></box></obj><obj>sentence</obj>

where a number n of 0 to 99 is the n-th hundredth of the square. It writes no impression.

Map: `Maira2` (`ask`, `read`) -> `_shown`, `_Piece` · `load`.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from PIL import Image
from transformers import LlamaTokenizer, LlavaProcessor
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

from shared.domain.reports import Region
from shared.reporting.composition import technique_lines
from shared.reporting.request import Passage, Picture, ReportRequest, Sight
from shared.settings import ReportSettings
from worker_llm.vision import maira2_weights
from worker_llm.vision.asking import Answer, Question, study_before, whole_sentences
from worker_llm.vision.engine import TransformersEngine, dtype_of, version_of
from worker_llm.vision.frames import Frame, centre_square, frontal_and_lateral, whole
from worker_llm.vision.published import WeightsError
from worker_llm.vision.slots import LONGEST_REPORT, objections_in_words, slot

_LONGEST: Final = 450
_BINS: Final = 100

_TASK: Final = (
    " Provide a structured description of the findings in the radiology study in comparison to the prior"
    " frontal image. Each finding should be described as a self-contained plain-text sentence. If the finding"
    " is groundable, locate the finding in the current frontal chest X-ray image, with bounding boxes"
    " indicating all locations where it can be seen in the current frontal image. Otherwise, generate just"
    " the ungrounded finding without bounding boxes."
)

_PIECES: Final = re.compile(r"</?obj>")
_MARKS: Final = re.compile(r"(</?box>|<[xy]\d+>)")
_BOX: Final = re.compile(r"<x(\d+)><y(\d+)><x(\d+)><y(\d+)>")
_OTHER_TOKENS: Final = re.compile(r"</?[a-z]\w*(?:>|$)")


class Maira2:
    """How MAIRA-2 is asked and read."""

    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        """Make the request for grounded findings; see `Model.ask`."""
        frontal, lateral = frontal_and_lateral(sight)
        shown = [("Given the current frontal image", _shown(frontal))]
        if lateral is not None:
            said = " the current lateral image" if sight.earlier else " and the current lateral image"
            shown.append((said, _shown(lateral)))
        if sight.earlier is not None:
            shown.append((" and the prior frontal image", _shown(sight.earlier.picture, earlier=True)))
        if len(shown) == 1:
            shown = [("Given the current frontal image only", shown[0][1])]
        content: list[dict[str, Any]] = []
        for text, _ in shown:
            content += [_text(text), {"type": "image"}]
        if sight.earlier is not None:
            content.append(_text(f" PRIOR_REPORT: {slot(sight.earlier.report, longest=LONGEST_REPORT)}"))
        content.append(_text(f"{_TASK} {_sections(request, sight)}"))
        return Question(
            chat=[{"role": "user", "content": content}],
            images=tuple(image for _, (image, _) in shown),
            frames=tuple(frame for _, (_, frame) in shown),
            longest=_LONGEST,
        )

    def read(self, text: str, question: Question) -> Answer:
        """Read sentences and boxes; see `Model.read`."""
        parts = _PIECES.split(text)
        pieces = [_Piece(part, question.frames[0]) for part in parts]
        pieces[-1].cut(alone=not any(piece.text for piece in pieces[:-1]))
        return Answer(
            findings=tuple(Passage(piece.text, tuple(piece.regions)) for piece in pieces if piece.text),
            dropped=sum(piece.dropped if piece.text else piece.boxes for piece in pieces),
        )


def _shown(picture: Picture, *, earlier: bool = False) -> tuple[Image.Image, Frame]:
    """Return the square in the middle, in the whole range of gray; the range is all of the picture's."""
    square, frame = centre_square(picture, earlier=earlier)
    low, high = _range(whole(picture)[0])
    scale = 255 / max(high - low, 1)
    return square.point([min(max(int((gray - low) * scale), 0), 255) for gray in range(256)]), frame


def _range(image: Image.Image) -> tuple[int, int]:
    held = [gray for gray, count in enumerate(image.histogram()) if count]
    return held[0], held[-1]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _sections(request: ReportRequest, sight: Sight) -> str:
    """Return what is known of the study; of COMPARISON what names the earlier study, and no change."""
    sections = (
        f"INDICATION: {slot(sight.indication)} TECHNIQUE: {' '.join(technique_lines(request))}"
        f" COMPARISON: {study_before(request) or 'N/A'}"
    )
    objections = objections_in_words(request)
    return f"{sections} {objections}" if objections else sections


class _Piece:
    """A sentence of an answer, and its boxes; what cannot be read as a box is dropped and counted."""

    def __init__(self, part: str, frame: Frame) -> None:
        self.regions: list[Region] = []
        self.boxes = self.dropped = 0
        self._frame = frame
        words: list[str] = []
        marks: str | None = None
        for item in _MARKS.split(part):
            if item == "<box>":
                self._close(marks)
                marks = ""
            elif item == "</box>":
                self._close(marks)
                marks = None
            elif _MARKS.fullmatch(item):
                marks = (marks or "") + item
            elif item.strip():
                self._close(marks)
                marks = None
                words.append(item)
        self._close(marks)
        self.text = " ".join(_OTHER_TOKENS.sub(" ", " ".join(words)).split())

    def cut(self, *, alone: bool) -> None:
        """Leave out a last sentence that was broken off, unless there is no other."""
        ended = whole_sentences(self.text)
        if ended or not alone:
            self.text = ended

    def _close(self, marks: str | None) -> None:
        if marks is None:
            return
        self.boxes += 1
        region = self._region(marks)
        if region is None:
            self.dropped += 1
        elif region not in self.regions:
            self.regions.append(region)

    def _region(self, marks: str) -> Region | None:
        numbers = _BOX.fullmatch(marks)
        if numbers is None:
            return None
        bins = [int(number) for number in numbers.groups()]
        if max(bins) >= _BINS:
            return None
        return self._frame.region([(number + 0.5) / _BINS for number in bins])


def load(folder: Path, settings: ReportSettings) -> tuple[Maira2, TransformersEngine]:
    """Load the weights as they are published.

    Raises:
        WeightsError: the folder holds another model, or not all of this one.
    """
    network = maira2_weights.load(folder, device=settings.device, dtype=dtype_of(settings.device))
    processor = LlavaProcessor(
        image_processor=BitImageProcessorPil.from_pretrained(folder),
        tokenizer=LlamaTokenizer.from_pretrained(folder),
        patch_size=network.config.vision_config.patch_size,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_chat_of(folder),
    )
    return Maira2(), TransformersEngine(
        network, processor, version_of("maira-2", folder), special_tokens=True
    )


def _chat_of(folder: Path) -> str:
    """Read the frame of a conversation; the published one is a file of its own."""
    path = folder / "chat_template.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["chat_template"])
    except (OSError, ValueError, KeyError) as error:
        message = f"{path} does not say how a conversation is framed ({error!r}); fetch it again"
        raise WeightsError(message) from error
