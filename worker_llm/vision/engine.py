"""A model in this process, by transformers: questions in, the words of its answers out.

One question at a time: a study's pictures fill a batch by themselves. The first answer is the likeliest, so
that a study gets the same text whatever was written before it; a later one is drawn, by a seed of its own.
What goes wrong with one study is that study's: it gets no report of this writer, and the worker goes on.

Map: `TransformersEngine` -> `inputs` · `pretrained` · `dtype_of`, `version_of`.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from shared.domain.reports import WriterVersion
from shared.operations import telemetry
from shared.settings import ReportSettings
from worker_llm.vision.asking import Question, whole_sentences
from worker_llm.vision.published import WeightsError
from worker_llm.writers.base import NoReport

CONVERSION: Final = "conversion.json"
"""In a folder that `convert.py` made: of what, and the digest of its weights."""

_TEMPERATURE_AGAIN: Final = 0.8
_DIGITS: Final = 12
_REVISION: Final = re.compile(r"[0-9a-f]{40}")


class TransformersEngine:
    """Answers with a network of transformers and its processor."""

    def __init__(
        self,
        network: Any,  # noqa: ANN401 - transformers ships no types
        processor: Any,  # noqa: ANN401 - as above
        version: WriterVersion,
        *,
        special_tokens: bool = False,
    ) -> None:
        """Take a loaded network.

        Args:
            special_tokens: whether an answer keeps them, for a model whose boxes are made of them; where it
                was broken off is then seen by them.
        """
        self.network, self.processor, self.version = network, processor, version
        self._special_tokens = special_tokens

    def answers(self, questions: Sequence[Question], *, attempt: int) -> list[str | NoReport]:
        """Answer each; see `Engine.answers`."""
        return [self._answer(question, attempt) for question in questions]

    def _answer(self, question: Question, attempt: int) -> str | NoReport:
        prompt: str = self.processor.apply_chat_template(
            question.chat, add_generation_prompt=True, tokenize=False
        )
        inputs = self.inputs(prompt, question)
        asked = int(inputs["input_ids"].shape[1])
        room = _room(self.network.config.get_text_config())
        if asked + question.longest > room:
            return NoReport(f"the model takes {room} tokens, and this study's question has {asked}")
        choice: dict[str, Any] = {"do_sample": False}
        if attempt > 1:
            torch.manual_seed(crc32(f"{attempt}:{prompt}".encode()))
            choice = {"do_sample": True, "temperature": _TEMPERATURE_AGAIN}
        try:
            with torch.inference_mode():
                output = self.network.generate(**inputs, **choice, max_new_tokens=question.longest)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            return NoReport("the GPU's memory does not hold this study's pictures and answer")
        tokens = output[0, asked:]
        telemetry.TOKENS.inc(len(tokens))
        words: str = self.processor.tokenizer.decode(tokens, skip_special_tokens=not self._special_tokens)
        broken_off = len(tokens) == question.longest and not self._special_tokens
        return whole_sentences(words) if broken_off else words.strip()

    def inputs(self, prompt: str, question: Question) -> Any:  # noqa: ANN401 - as above
        """Return what the network takes: the prompt in tokens, begun once, and the pictures."""
        begun = self.processor.tokenizer.bos_token
        inputs = self.processor(
            text=[prompt],
            images=[[image.convert("RGB") for image in question.images]],
            return_tensors="pt",
            add_special_tokens=not (begun and prompt.startswith(begun)),
        )
        return inputs.to(self.network.device, dtype=self.network.dtype)


def _room(config: Any) -> int:  # noqa: ANN401 - as above
    """Return the tokens that a language model takes, question and answer together."""
    turned = getattr(config, "rope_parameters", None) or {}
    factor = turned.get("factor", 1.0) if turned.get("rope_type") == "linear" else 1.0
    return int(config.max_position_embeddings * factor)


def pretrained(name: str, folder: Path, settings: ReportSettings, kind: str) -> TransformersEngine:
    """Load a model by transformers' own classes, from its folder alone and without any code in it.

    Args:
        kind: the model's type, as its configuration says it.

    Raises:
        WeightsError: it is another model, or some of its weights are not there; transformers would make
            them up.
        OSError, ValueError: the folder holds no model of a class of transformers.
    """
    held = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if held != kind:
        message = f"{folder} holds another model: its model_type is {held!r}, not {kind!r}"
        raise WeightsError(message)
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    network, said = AutoModelForImageTextToText.from_pretrained(
        folder,
        dtype=dtype_of(settings.device),
        local_files_only=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    if said["missing_keys"]:
        message = f"{folder} lacks weights: {', '.join(sorted(said['missing_keys'])[:4])}; fetch it again"
        raise WeightsError(message)
    network.to(settings.device).eval()
    return TransformersEngine(network, processor, version_of(name, folder))


def dtype_of(device: str) -> torch.dtype:
    """Return the precision that a network is loaded in."""
    return torch.float32 if device == "cpu" else torch.bfloat16


def version_of(name: str, folder: Path) -> WriterVersion:
    """Return which weights a folder holds: a digest, the revision that was fetched, or "unknown"."""
    converted = folder / CONVERSION
    if converted.is_file():
        said = str(json.loads(converted.read_text(encoding="utf-8"))["digest"])
        return WriterVersion(name, said[:_DIGITS])
    revision = _REVISION.fullmatch(folder.resolve().name)
    return WriterVersion(name, revision.group()[:_DIGITS] if revision else "unknown")
