"""A language model in this process: the bundled one with its adapter, or any Hugging Face causal model.

The only module of the worker that imports torch, and only when it is used. Many waiting reports are one
batch: prompts are padded on the left, so that all answers start at the same step. The likeliest words are
taken, so that a study gets the same text whatever is written beside it; a text that takes the place of a
refused one is drawn, by itself and with a seed of its own.

Map: `LocalWriter` (`bundled`, `pretrained`) -> `write` -> `_generate`; `compute_type`.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self
from zlib import crc32

from shared.domain.reports import Policy, WriterVersion
from shared.operations import telemetry
from shared.reporting.request import ReportRequest, seed_of
from worker_llm.prompts import longest_answer, messages_for, parse_answer
from worker_llm.writers.base import Draft
from worker_llm.writers.bundled import ADAPTER, bundled_version
from worker_llm.writers.unpacked import unpacked_base

_TEMPERATURE_AGAIN: Final = 0.7
"""The first text is the likeliest one; a refused one is tried again with more freedom."""
_TOP_P: Final = 0.95


class LocalWriter:
    """Writes with a causal language model of Hugging Face's transformers."""

    policy = Policy.STRICT
    sees = False

    def __init__(self, model: Any, tokenizer: Any, version: WriterVersion, *, brief: bool) -> None:  # noqa: ANN401 - transformers ships no types
        """Take a loaded model; `brief` prompts are for the adapter that was tuned on them."""
        self._model = model
        self._tokenizer = tokenizer
        self._tokenizer.padding_side = "left"
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._brief = brief
        self.version = version

    @classmethod
    def bundled(
        cls, *, device: str = "cpu", threads: int = 0, cache: Path | None = None, adapter: Path = ADAPTER
    ) -> Self:
        """Load the model that ships, with its adapter merged in."""
        model, tokenizer = _load(unpacked_base(cache), dtype="float32", threads=threads)
        model = _merge(model, adapter).to(device=device, dtype=compute_type(device))
        return cls(model, tokenizer, bundled_version(), brief=True)

    @classmethod
    def pretrained(cls, name: str, *, device: str = "cpu", threads: int = 0) -> Self:
        """Load a model by its Hugging Face id or from a folder."""
        model, tokenizer = _load(name, dtype="auto", threads=threads)
        commit = getattr(model.config, "_commit_hash", None) or "unknown"
        version = WriterVersion(id=Path(name).name if Path(name).is_dir() else name, version=commit)
        return cls(model.to(device), tokenizer, version, brief=False)

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Write all requests in one batch; see `Writer.write`."""
        if not requests:
            return []
        prompts = [
            self._tokenizer.apply_chat_template(
                messages_for(request, self.version, attempt=attempt, brief=self._brief),
                add_generation_prompt=True,
                tokenize=False,
            )
            for request in requests
        ]
        most = max(map(longest_answer, requests))
        if attempt == 1:
            texts = self._generate(prompts, most=most, do_sample=False)
        else:
            texts = [
                self._draw(prompt, most=most, seed=seed_of(request, self.version, attempt))
                for prompt, request in zip(prompts, requests, strict=True)
            ]
        return [parse_answer(text, request) for text, request in zip(texts, requests, strict=True)]

    def _draw(self, prompt: str, *, most: int, seed: str) -> str:
        import torch  # noqa: PLC0415 - as above

        torch.manual_seed(crc32(seed.encode()))
        (text,) = self._generate(
            [prompt], most=most, do_sample=True, temperature=_TEMPERATURE_AGAIN, top_p=_TOP_P
        )
        return text

    def _generate(self, prompts: list[str], *, most: int, **choice: bool | float) -> list[str]:
        import torch  # noqa: PLC0415 - as above

        inputs = self._tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        inputs = inputs.to(self._model.device)  # (B, P)
        with torch.inference_mode():
            output = self._model.generate(  # (B, P + answer)
                **inputs, **choice, max_new_tokens=most, pad_token_id=self._tokenizer.pad_token_id
            )
        answers = output[:, inputs["input_ids"].shape[1] :]
        telemetry.TOKENS.inc(int((answers != self._tokenizer.pad_token_id).sum()))
        texts: list[str] = self._tokenizer.batch_decode(answers, skip_special_tokens=True)
        return texts


def compute_type(device: str) -> Any:  # noqa: ANN401 - torch is not imported before it is used
    """Return the dtype that the bundled model computes in on a device.

    bfloat16, but on a CPU without instructions for it: there eight reports at once take half the time in
    float32. One report alone takes 1.6 times as long, and the weights take 270 MB more.
    """
    import torch  # noqa: PLC0415 - the other writers start without it

    able = torch.cpu.get_capabilities()
    native = any(able.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))  # the last is ARM's
    return torch.bfloat16 if device != "cpu" or native else torch.float32


def _merge(model: Any, adapter: Path) -> Any:  # noqa: ANN401 - as above
    """Return the model with a LoRA adapter added to its weights."""
    from peft import PeftModel  # noqa: PLC0415 - as above

    with warnings.catch_warnings():
        # It asks transformers for a property by the name that is to go.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        return PeftModel.from_pretrained(model, adapter).merge_and_unload()


def _load(place: str | Path, *, dtype: str, threads: int) -> tuple[Any, Any]:
    import torch  # noqa: PLC0415 - as above
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - as above

    if threads:
        torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(place, dtype=dtype).eval()
    return model, AutoTokenizer.from_pretrained(place)
