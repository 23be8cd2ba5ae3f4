"""Folders of weights as their makers publish them: names and files are theirs, the weights tiny."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2Model,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaTokenizer,
    MistralConfig,
    MistralForCausalLM,
)
from typing_extensions import override

_BOXES = [
    "<obj>",
    "</obj>",
    "<box>",
    "</box>",
    *(f"<{axis}{place}>" for axis in "xy" for place in range(100)),
]
_WORDS = 16
_SEEN = 12


class Maira2Parts(nn.Module):
    """What MAIRA-2 is made of, and what it says, put together by hand."""

    def __init__(self, vocabulary: int, image_token: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.image_token = image_token
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
                vocab_size=vocabulary,
                rope_parameters={"rope_type": "linear", "factor": 1.5, "rope_theta": 10000.0},
            )
        )
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3)
        self.eval()

    @torch.no_grad()
    def say(self, answer: Sequence[int]) -> None:
        """Have it say these words, each after the one before, and the first after any other."""
        for layer in self.words.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        self.words.model.norm.weight.fill_(1)
        before, after = self.words.get_input_embeddings().weight, self.words.lm_head.weight
        for place, weight in enumerate((before, after)):
            weight.zero_()
            weight[list(answer), torch.arange(len(answer)) + 1 - place] = 1
        before[before.sum(-1) == 0, 0] = 1

    @torch.no_grad()
    def logits(self, ids: Tensor, pixels: Tensor) -> Tensor:
        """(1, T) with an image token a patch, (N, 3, S, S) -> (1, T, V)."""
        patches = self.eyes(pixels).last_hidden_state[:, 1:]
        embedded = self.words.get_input_embeddings()(ids).clone()
        embedded[ids == self.image_token] = self.layers(patches).flatten(0, 1)
        logits: Tensor = self.words(inputs_embeds=embedded).logits
        return logits


def save_maira2(folder: Path, *, says: Sequence[str] = ()) -> Maira2Parts:
    """Write a folder as microsoft/maira-2 is published: two files, an index, names of transformers 4.

    Args:
        says: pieces of the answer that it gives whatever it is asked; no piece twice.
    """
    tokenizer = LlamaTokenizer.from_pretrained(write_words(folder / "words"))
    tokenizer.add_tokens([*_BOXES, *(piece for piece in says if piece not in _BOXES)])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"], "pad_token": "<pad>"})
    tokenizer.save_pretrained(folder)
    shown = "{{ '<image>' if piece['type'] == 'image' else piece['text'] }}"
    turn = f"USER: {{% for piece in turn['content'] %}}{shown}{{% endfor %}} ASSISTANT: "
    chat = f"You are an expert radiology assistant. {{% for turn in messages %}}{turn}{{% endfor %}}"
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": chat}))
    _write_preprocessor(folder, "BitImageProcessor", mean=0.5307, deviation=0.2583)
    parts = Maira2Parts(len(tokenizer), tokenizer.convert_tokens_to_ids("<image>"))
    if says:
        parts.say([*tokenizer.convert_tokens_to_ids(list(says)), tokenizer.eos_token_id])
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
        "image_token_index": parts.image_token,
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
    return parts


class LlavaMedParts(nn.Module):
    """What LLaVA-Med is made of, and what it says, put together by hand."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.eyes = CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=_SEEN,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                image_size=28,
                patch_size=14,
            )
        )
        self.layers = nn.Sequential(nn.Linear(_SEEN, _WORDS), nn.GELU(), nn.Linear(_WORDS, _WORDS))
        self.words = MistralForCausalLM(
            MistralConfig(
                hidden_size=_WORDS,
                intermediate_size=24,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                vocab_size=vocabulary,
                rope_parameters={"rope_type": "default", "rope_theta": 1e6},
                sliding_window=None,
            )
        )
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3)
        self.eval()

    @torch.no_grad()
    def logits(self, before: Tensor, after: Tensor, pixels: Tensor) -> Tensor:
        """(1, A), (1, B), (1, 3, S, S) -> (1, A + P + B, V): the picture is between two pieces of text."""
        patches = self.eyes(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
        words = self.words.get_input_embeddings()
        embedded = torch.cat([words(before), self.layers(patches), words(after)], 1)
        logits: Tensor = self.words(inputs_embeds=embedded).logits
        return logits


def save_llava_med(folder: Path, *, with_eyes: bool = True, pickled: bool = False) -> LlavaMedParts:
    """Write a folder as microsoft/llava-med-v1.5-mistral-7b is published, and CLIP's beside it in `clip`."""
    tokenizer = LlamaTokenizer.from_pretrained(write_words(folder))
    parts = LlavaMedParts(len(tokenizer))
    clip = folder / "clip"
    parts.eyes.save_pretrained(clip)
    seen = {
        name if name.startswith("vision_model.") else f"vision_model.{name}": value
        for name, value in load_file(clip / "model.safetensors").items()
    }
    save_file(
        seen | {"logit_scale": torch.zeros(1), "text_model.final_layer_norm.bias": torch.zeros(2)},
        clip / "model.safetensors",
    )
    _write_preprocessor(clip, "CLIPImageProcessor", mean=0.48, deviation=0.27)
    held = {f"model.mm_projector.{name}": value for name, value in parts.layers.state_dict().items()}
    held |= parts.words.state_dict()
    if with_eyes:
        held |= {f"model.vision_tower.vision_tower.{name}": value for name, value in seen.items()}
    said = _config_of(parts.words)
    del said["rope_parameters"]
    said |= {
        "model_type": "llava_mistral",
        "rope_theta": 1e6,
        "torch_dtype": "float32",
        "mm_projector_type": "mlp2x_gelu",
        "mm_vision_select_layer": -2,
        "mm_vision_tower": "openai/clip-vit-large-patch14-336",
        "mm_use_im_start_end": False,
        "image_aspect_ratio": "pad",
    }
    (folder / "config.json").write_text(json.dumps(said))
    if pickled:
        torch.save(held, folder / "pytorch_model.bin")
    else:
        write_shards(folder, held)
    return parts


class Scripted(nn.Module):
    """A head whose next word is the next of a script, whatever a network thinks."""

    def __init__(self, script: Sequence[int], vocabulary: int) -> None:
        super().__init__()
        self._script, self._vocabulary = list(script), vocabulary

    @override
    def forward(self, hidden: Tensor) -> Tensor:
        logits = torch.zeros(*hidden.shape[:-1], self._vocabulary)
        logits[..., self._script.pop(0)] = 1e4
        return logits


def write_words(folder: Path) -> Path:
    """Write a tokenizer as Llama's and Mistral's are published: SentencePiece, bytes for what it lacks."""
    held = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the heart is large and the lungs are clear", "there is no effusion"] * 4),
        model_writer=held,
        vocab_size=300,
        hard_vocab_limit=False,
        model_type="bpe",
        byte_fallback=True,
        character_coverage=1.0,
        minloglevel=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(held.getvalue())
    said = {
        "tokenizer_class": "LlamaTokenizer",
        "add_bos_token": True,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    return folder


def _write_preprocessor(folder: Path, name: str, *, mean: float, deviation: float) -> None:
    said = {
        "image_processor_type": name,
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "size": {"shortest_edge": 28},
        "crop_size": {"height": 28, "width": 28},
        "image_mean": [mean] * 3,
        "image_std": [deviation] * 3,
        "resample": 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(said))


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
