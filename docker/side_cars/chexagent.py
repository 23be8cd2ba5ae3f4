"""CheXagent-2: its tokenizer opens pictures by their path and would fetch an address, so it gets ours alone.

What a client wrote reaches the tokenizer as text, in which the marks of a picture are cut out (`slot`).

Map: `load` -> `CheXagent` -> `prompts_of`, `said_of` -> `_passage` -> `_region`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from docker.side_cars.adapter import LONGEST, nearness
from worker_llm.vision.protocol import Asked, Passage, Region, Said
from worker_llm.vision.slots import objections_in_words, slot

_SECTIONS: Final = (
    "Airway",
    "Breathing",
    "Cardiac",
    "Diaphragm",
    "Everything else (e.g., mediastinal contours, bones, soft tissues, tubes, valves, and pacemakers)",
)
_BOX: Final = re.compile(r"<\|box\|>(.*?)<\|/box\|>", re.DOTALL)
_POINT: Final = re.compile(r"\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_MARKS: Final = re.compile(r"<\|[^<>|]*\|>")
_BULLET: Final = re.compile(r"^[\s*•-]+")
_SCALE: Final = 100


class CheXagent:
    """Writes with CheXagent-2, by its own tokenizer and model."""

    def __init__(self, model: Any, tokenizer: Any) -> None:  # noqa: ANN401 - their own classes
        self._model, self._tokenizer = model, tokenizer

    def report(self, asked: Asked, pictures: Sequence[Path]) -> Said:
        """Write the findings; see `Adapter.report`."""
        own = [pair for pair in zip(asked.images, pictures, strict=True) if not pair[0].earlier]
        own.sort(key=lambda pair: nearness(pair[0]))
        paths = [str(path) for _, path in own]
        answers = [self._answer(paths, prompt) for prompt in prompts_of(asked)]
        # Nothing says which of two pictures a box is on; the first is the frontal one.
        return said_of("\n".join(answers), own[0][0].index)

    def _answer(self, paths: Sequence[str], prompt: str) -> str:
        query = self._tokenizer.from_list_format([*({"image": path} for path in paths), {"text": prompt}])
        chat = [
            {"from": "system", "value": "You are a helpful assistant."},
            {"from": "human", "value": query},
        ]
        ids = self._tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
        output = self._model.generate(
            ids.to(self._model.device), do_sample=False, num_beams=1, use_cache=True, max_new_tokens=LONGEST
        )[0]
        # The last token ends the turn.
        return str(self._tokenizer.decode(output[ids.shape[1] : -1]))


def prompts_of(asked: Asked) -> tuple[str, ...]:
    """Return what is asked: for the whole section first, and part by part when that was refused."""
    again = objections_in_words(asked)
    if asked.attempt == 1:
        # The slot stands in quotation marks.
        indication = slot(asked.indication).replace('"', "'")
        prompt = f'Given the indication: "{indication}", write a structured findings section for the CXR.'
        return (f"{prompt} {again}".rstrip(),)
    parts = (f'Please provide a detailed description of "{part}" in the chest X-ray' for part in _SECTIONS)
    return tuple(f"{part}. {again}" if again else part for part in parts)


def said_of(text: str, image: int) -> Said:
    """Read an answer line by line; headings are left out, and boxes that are none."""
    return Said(tuple(filter(None, (_passage(line, image) for line in text.splitlines()))))


def _passage(line: str, image: int) -> Passage | None:
    regions = tuple(filter(None, (_region(box, image) for box in _BOX.findall(line))))
    words = " ".join(_BULLET.sub("", _MARKS.sub(" ", _BOX.sub(" ", line))).replace("**", "").split())
    if not words or words.endswith(":"):
        return None
    return Passage(words.replace(" .", "."), regions)


def _region(box: str, image: int) -> Region | None:
    points = [(int(x) / _SCALE, int(y) / _SCALE) for x, y in _POINT.findall(box)]
    if len(points) != 2 or not all(number <= 1 for point in points for number in point):
        return None
    (left, right), (top, bottom) = (sorted(axis) for axis in zip(*points, strict=True))
    return Region(image, (left, top, right, bottom)) if left < right and top < bottom else None


def load(weights: Path, base: Path | None) -> CheXagent:  # noqa: ARG001 - the others have one
    """Load the model of a folder, with the code that lies in it."""
    import torch  # noqa: PLC0415 - the server answers before this has been read
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(weights, trust_remote_code=True)
    model = AutoModelForCausalLM.from_pretrained(
        weights, torch_dtype=torch.bfloat16, device_map="auto", trust_remote_code=True
    )
    return CheXagent(model.eval(), tokenizer)
