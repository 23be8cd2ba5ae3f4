import json
from pathlib import Path

import numpy as np
import pytest

from worker_llm.writers import merged
from worker_llm.writers.bundled import ADAPTER, base_gguf


def an_adapter(folder: Path, *, kind: str = "BF16", layer: str = "self_attn.q_proj") -> Path:
    """Write an adapter of rank 1 whose A is (1, 2) ones and whose B is (2, 1) halves."""
    names = [f"base_model.model.model.layers.3.{layer}.lora_{part}.weight" for part in "AB"]
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            names[0]: {"dtype": kind, "shape": [1, 2], "data_offsets": [0, 4]},
            names[1]: {"dtype": kind, "shape": [2, 1], "data_offsets": [4, 8]},
        }
    ).encode()
    content = np.array([0x3F80, 0x3F80, 0x3F00, 0x3F00], "<u2").tobytes()
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text('{"lora_alpha": 6, "r": 2}')
    (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + content)
    return folder


def test_an_adapter_is_read_scaled_and_by_the_names_of_gguf(tmp_path: Path):
    (update,) = merged.read_adapter(an_adapter(tmp_path)).items()
    assert update[0] == "blk.3.attn_q.weight"
    np.testing.assert_array_equal(update[1].up @ update[1].down, np.full((2, 2), 1.5, np.float32))


def test_an_adapter_of_another_type_or_layer_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="F16, not BF16"):
        merged.read_adapter(an_adapter(tmp_path, kind="F16"))
    with pytest.raises(ValueError, match="the adapter changes mlp"):
        merged.read_adapter(an_adapter(tmp_path, layer="mlp.router"))


def test_everything_that_the_file_is_made_of_changes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    adapter = an_adapter(tmp_path)
    names = {merged._name(adapter)}
    with (adapter / "adapter_model.safetensors").open("ab") as weights:
        weights.write(b"\0")
    names.add(merged._name(adapter))
    (adapter / "adapter_config.json").write_text('{"lora_alpha": 8, "r": 2}')
    names.add(merged._name(adapter))
    for what, value in (("_FORMAT", 0), ("BASE_DIGEST", "00")):
        monkeypatch.setattr(merged, what, value)
        names.add(merged._name(adapter))
    assert len(names) == 5


def test_another_base_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(merged, "BASE_DIGEST", "0" * 64)
    with pytest.raises(ValueError, match=str(base_gguf())):
        merged.merged_model(tmp_path, adapter=ADAPTER)
    assert list(tmp_path.iterdir()) == []
