"""Folders of weights as their makers publish them: names and files are theirs, the weights tiny."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model, LlamaConfig, LlamaForCausalLM

IMAGE_TOKEN = 40
_WORDS = 16
_SEEN = 12


class Maira2Parts(nn.Module):
    """What MAIRA-2 is made of, and what it says, put together by hand."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.eyes = Dinov2Model(
            Dinov2Config(
                hidden_size=_SEEN, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
            )
        )
        self.layers = nn.Sequential(
            nn.Linear(_SEEN, _WORDS),
            nn.GELU(),
            nn.Linear(_WORDS, _WORDS),
            nn.GELU(),
            nn.Linear(_WORDS, _WORDS),
            nn.GELU(),
            nn.Linear(_WORDS, _WORDS),
        )
        self.words = LlamaForCausalLM(
            LlamaConfig(
                hidden_size=_WORDS,
                intermediate_size=24,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=2,
                vocab_size=48,
                rope_parameters={"rope_type": "linear", "factor": 1.5, "rope_theta": 10000.0},
            )
        )
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3)
        self.eval()

    @torch.no_grad()
    def logits(self, ids: Tensor, pixels: Tensor) -> Tensor:
        """(1, T) with an image token a patch, (N, 3, S, S) -> (1, T, V)."""
        patches = self.eyes(pixels).last_hidden_state[:, 1:]
        embedded = self.words.get_input_embeddings()(ids).clone()
        embedded[ids == IMAGE_TOKEN] = self.layers(patches).flatten(0, 1)
        logits: Tensor = self.words(inputs_embeds=embedded).logits
        return logits


def save_maira2(folder: Path, parts: Maira2Parts) -> Path:
    """Write them as microsoft/maira-2 is published: two files, an index, names of transformers 4."""
    held = {
        f"multi_modal_projector.layers.{name}": value for name, value in parts.layers.state_dict().items()
    }
    for prefix, part in (("vision_tower", parts.eyes), ("language_model", parts.words)):
        part.save_pretrained(folder / prefix)  # under the names of before transformers 5
        held |= {
            f"{prefix}.{name}": value
            for name, value in load_file(folder / prefix / "model.safetensors").items()
        }
    text = _config_of(parts.words)
    del text["rope_parameters"]
    config = {
        "architectures": ["Maira2ForConditionalGeneration"],
        "model_type": "maira2",
        "image_token_index": IMAGE_TOKEN,
        "projector_hidden_act": "gelu",
        "projector_n_layers": 4,
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "default",
        "text_config": text | {"rope_scaling": {"factor": 1.5, "type": "linear"}, "rope_theta": 10000.0},
        "vision_config": _config_of(parts.eyes)
        | {"apply_layernorm": True, "reshape_hidden_states": False, "out_features": ["stage2"]},
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_shards(folder, held)
    return folder


def write_shards(folder: Path, held: dict[str, Tensor]) -> None:
    """Write tensors into two files with an index, as large models are."""
    names = sorted(held)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    places: dict[str, str] = {}
    for number, half in enumerate(halves, 1):
        file = f"model-{number:05d}-of-00002.safetensors"
        save_file({name: held[name].contiguous() for name in half}, folder / file)
        places |= dict.fromkeys(half, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


def _config_of(part: Any) -> dict[str, Any]:
    said: dict[str, Any] = part.config.to_dict()
    return said
