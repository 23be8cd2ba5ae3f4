"""RaDialog v2: one frontal picture, and our classifier's findings where its own would stand in the prompt.

Map: `load` -> `RaDialog` -> `question_of` -> `predicted`.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image

from docker.side_cars.adapter import as_said, frontal
from docker.side_cars.llava import Llava, Package
from worker_llm.vision.protocol import Asked, Said
from worker_llm.vision.slots import objections_in_words

NAMES: Final = {
    "Enlarged_Cardiomediastinum": "enlarged cardiomediastinum",
    "Cardiomegaly": "cardiomegaly",
    "Lung_Opacity": "lung opacity",
    "Lung_Lesion": "lung lesion",
    "Edema": "edema",
    "Consolidation": "consolidation",
    "Pneumonia": "pneumonia",
    "Atelectasis": "atelectasis",
    "Pneumothorax": "pneumothorax",
    "Effusion": "pleural effusion",
    "Pleural_Other": "pleural other",
    "Fracture": "fracture",
    "Support_Devices": "support devices",
}
"""Our label -> CheXpert's column, in small letters as in its training; other labels it does not know."""
_TASK: Final = (
    "You are to act as a radiologist and write the finding section of a chest x-ray radiology report for this"
    " X-ray image and the given predicted findings. Write in the style of a radiologist, write one fluent"
    " text without enumeration, be concise and don't provide explanations or reasons."
)
_ADAPTER: Final = (
    "llava-v1.5-7b-task-lora_radialog_instruct_llava_biovil_unfrozen_2e-5_5epochs_v5_checkpoint-21000"
)
"""The package learns from this name that there is a LoRA."""


class RaDialog:
    """Writes the findings with RaDialog."""

    def __init__(self, llava: Llava, prepare: Callable[[Image.Image], Any]) -> None:
        """Keep the model.

        Args:
            llava: the model, and how it is asked.
            prepare: makes of a gray picture what the model takes.
        """
        self._llava, self._prepare = llava, prepare

    def report(self, asked: Asked, pictures: Sequence[Path]) -> Said:
        """Write the findings; see `Adapter.report`."""
        with Image.open(frontal(asked, pictures) or pictures[0]) as image:
            picture = self._prepare(image.convert("L"))
        return as_said(self._llava.answer(question_of(asked), picture, asked.attempt))


def question_of(asked: Asked) -> str:
    """Return the question that it was trained on; no word of a client is in it."""
    return f"<image>. Predicted Findings: {predicted(asked)}. {_TASK} {objections_in_words(asked)}".rstrip()


def predicted(asked: Asked) -> str:
    """Return what the classifier found, as far as the model knows it."""
    return ", ".join(NAMES[label] for label in asked.positive() if label in NAMES) or "No Findings"


def load(weights: Path, base: Path | None) -> RaDialog:
    """Load the LoRA of a folder, whose code lies in it, onto the LLaVA of another one."""
    import torch  # noqa: PLC0415 - the server answers before this has been read

    sys.path.insert(0, str(weights))
    from LLAVA_Biovil.llava.constants import IMAGE_TOKEN_INDEX  # noqa: PLC0415
    from LLAVA_Biovil.llava.conversation import conv_vicuna_v1  # noqa: PLC0415
    from LLAVA_Biovil.llava.mm_utils import KeywordsStoppingCriteria, tokenizer_image_token  # noqa: PLC0415
    from LLAVA_Biovil.llava.model.builder import load_pretrained_model  # noqa: PLC0415
    from src.utils import create_chest_xray_transform_for_inference  # noqa: PLC0415

    tokenizer, model, _, _ = load_pretrained_model(
        weights, base and str(base), _ADAPTER, load_8bit=False, load_4bit=False
    )
    model.config.tokenizer_padding_side = "left"
    package = Package(conv_vicuna_v1, tokenizer_image_token, IMAGE_TOKEN_INDEX, KeywordsStoppingCriteria)
    transform = create_chest_xray_transform_for_inference(512, center_crop_size=448)

    def prepare(image: Image.Image) -> Any:  # noqa: ANN401 - a tensor
        return transform(image).unsqueeze(0).to(model.device, dtype=torch.bfloat16)

    return RaDialog(Llava(model, tokenizer, package), prepare)
