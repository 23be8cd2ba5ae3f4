"""LLaVA-Med 1.5 (arXiv 2306.00890): a medical assistant that is asked for a report of one frontal radiograph.

It has no slots: nothing of a client's words reaches it. The picture is padded to a square with the mean color
of its eyes' training. Its weights are converted once (`convert.py`).

Map: `LlavaMed` (`ask`) · `load`.
"""

import json
from pathlib import Path
from typing import Final

from PIL import Image
from transformers import LlamaTokenizer, LlavaForConditionalGeneration, LlavaProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from typing_extensions import override

from shared.reporting.request import ReportRequest, Sight
from shared.settings import ReportSettings
from worker_llm.vision.asking import Question
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.engine import TransformersEngine, dtype_of, version_of
from worker_llm.vision.frames import frontal_and_lateral, whole
from worker_llm.vision.published import WeightsError
from worker_llm.vision.slots import objections_in_words

_LONGEST: Final = 512
_QUESTION: Final = (
    "You are shown a frontal chest X-ray. Write its radiology report: a section FINDINGS, which describes"
    " what is seen and what is not, then a section IMPRESSION with the conclusions."
)
_PADDING: Final = (122, 116, 104)
"""The mean color of the pictures that CLIP was trained on."""


class LlavaMed(ChatModel):
    """How LLaVA-Med is asked; it is read as any model that chats."""

    @override
    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        """Ask for a report; see `Model.ask`."""
        image, frame = whole(frontal_and_lateral(sight)[0])
        text = " ".join(filter(None, (_QUESTION, objections_in_words(request))))
        content = [{"type": "image"}, {"type": "text", "text": text}]
        return Question([{"role": "user", "content": content}], (_padded(image),), (frame,), _LONGEST)


def _padded(image: Image.Image) -> Image.Image:
    side = max(image.size)
    padded = Image.new("RGB", (side, side), _PADDING)
    padded.paste(image.convert("RGB"), ((side - image.width) // 2, (side - image.height) // 2))
    return padded


def load(folder: Path, settings: ReportSettings) -> tuple[LlavaMed, TransformersEngine]:
    """Load the converted weights.

    Raises:
        WeightsError: they are as published; the message has the command that converts them.
    """
    said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if said.get("model_type") != "llava":
        message = (
            f"{folder} holds weights for code of their own; convert them once, with python -m"
            f" worker_llm.vision.convert llava-med {folder} TO --vision CLIP, and set CXR_REPORT_MODEL=TO"
        )
        raise WeightsError(message)
    network = LlavaForConditionalGeneration.from_pretrained(
        folder, dtype=dtype_of(settings.device), local_files_only=True
    )
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil.from_pretrained(folder),
        tokenizer=LlamaTokenizer.from_pretrained(folder),
        patch_size=network.config.vision_config.patch_size,
        vision_feature_select_strategy=network.config.vision_feature_select_strategy,
        num_additional_image_tokens=1,
        chat_template=(folder / "chat_template.jinja").read_text(encoding="utf-8"),
    )
    network.to(settings.device).eval()
    return LlavaMed(), TransformersEngine(network, processor, version_of("llava-med", folder))
