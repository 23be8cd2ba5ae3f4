"""Folders as `save_pretrained` writes them, of the classes that recipes start from: tiny, untrained."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, Dinov2Config, Dinov2Model

from shared.labels import LABELS

_WIDTH = 24
_TRANSFORMER: dict[str, Any] = {
    "hidden_size": _WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 2 * _WIDTH,
}


def save_dinov2(folder: Path) -> Path:
    """Write a DINOv2, the class of RAD-DINO, with a preprocessor that divides by other deviations."""
    Dinov2Model(
        Dinov2Config(
            hidden_size=_WIDTH, num_hidden_layers=1, num_attention_heads=2, image_size=56, patch_size=14
        )
    ).save_pretrained(folder)
    said = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
    (folder / "preprocessor_config.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


def save_clip(folder: Path) -> Path:
    """Write a CLIP with a tokenizer that knows the words of the labels."""
    tokenizer = _tokenizer(folder)
    known = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 24,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    pictures = {"image_size": 64, "patch_size": 16}
    CLIPModel(
        CLIPConfig(text_config=_TRANSFORMER | known, vision_config=_TRANSFORMER | pictures, projection_dim=16)
    ).save_pretrained(folder)
    return folder


def _tokenizer(folder: Path) -> Any:
    pairs = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    pairs.normalizer = normalizers.Lowercase()
    pairs.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        show_progress=False,
    )
    pairs.train_from_iterator([label.name_en for label in LABELS.values()] + ["no"], trainer)
    folder.mkdir(parents=True, exist_ok=True)
    pairs.model.save(str(folder))
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.save_pretrained(folder)
    return tokenizer
