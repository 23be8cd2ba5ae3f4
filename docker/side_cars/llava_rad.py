"""LLaVA-Rad: one frontal picture and the reason for the examination.

Map: `load` -> `LlavaRad` -> `question_of`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from docker.side_cars.adapter import as_said, frontal, given
from docker.side_cars.llava import Llava, Package
from worker_llm.vision.protocol import Asked, Said
from worker_llm.vision.slots import objections_in_words


class LlavaRad:
    """Writes the findings with LLaVA-Rad."""

    def __init__(self, llava: Llava, prepare: Callable[[Image.Image], Any]) -> None:
        """Keep the model.

        Args:
            llava: the model, and how it is asked.
            prepare: makes of a picture in colours what the model takes.
        """
        self._llava, self._prepare = llava, prepare

    def report(self, asked: Asked, pictures: Sequence[Path]) -> Said:
        """Write the findings; see `Adapter.report`."""
        with Image.open(frontal(asked, pictures) or pictures[0]) as image:
            picture = self._prepare(image.convert("RGB"))
        return as_said(self._llava.answer(question_of(asked), picture, asked.attempt))


def question_of(asked: Asked) -> str:
    """Return the question that it was trained on, with the indication or without."""
    indication = given(asked.indication)
    clause = f" given the following indication: {indication}" if indication else "."
    question = f"<image>\nProvide a description of the findings in the radiology image{clause}"
    again = objections_in_words(asked)
    return f"{question}\n{again}" if again else question


def load(weights: Path, base: Path | None) -> LlavaRad:
    """Load the LoRA of a folder onto the language model of another one."""
    from llava.constants import IMAGE_TOKEN_INDEX  # noqa: PLC0415 - the server answers before this is read
    from llava.conversation import conv_templates  # noqa: PLC0415
    from llava.mm_utils import KeywordsStoppingCriteria, tokenizer_image_token  # noqa: PLC0415
    from llava.model.builder import load_pretrained_model  # noqa: PLC0415

    tokenizer, model, processor, _ = load_pretrained_model(str(weights), base and str(base), "llavarad")
    package = Package(
        conv_templates["v1"], tokenizer_image_token, IMAGE_TOKEN_INDEX, KeywordsStoppingCriteria
    )

    def prepare(image: Image.Image) -> Any:  # noqa: ANN401 - a tensor
        pixels = processor.preprocess(image, return_tensors="pt")["pixel_values"]
        return pixels.to(model.device, dtype=model.dtype)

    return LlavaRad(Llava(model, tokenizer, package), prepare)
