"""Folders of models that see, of transformers' own classes: tiny, untrained, with real processors."""

from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

_LAYERS: Final[dict[str, Any]] = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
_SIGLIP: Final[dict[str, Any]] = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
_MARKS: Final = ("<unk>", "<pad>", "<s>", "</s>", "<|turn|>", "<|answer|>")
_TILES: Final = [[28, 28], [28, 56], [56, 28]]


def save_llava_onevision(folder: Path) -> Path:
    """Write LLaVA-OneVision, which is RadVLM's class too."""
    words = _words(image_token="<image>", video_token="<video>")
    network = LlavaOnevisionForConditionalGeneration(
        LlavaOnevisionConfig(
            vision_config={"model_type": "siglip_vision_model", "vision_use_head": False, **_SIGLIP},
            text_config={"model_type": "qwen2", **_ends(words), **_LAYERS},
            image_token_index=words.convert_tokens_to_ids("<image>"),
            video_token_index=words.convert_tokens_to_ids("<video>"),
            image_grid_pinpoints=_TILES,
            vision_feature_layer=-1,
        )
    )
    size = {"height": 28, "width": 28}
    processor = LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=_TILES),
        tokenizer=words,
        video_processor=LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=_chat("<image>"),
    )
    return _save(folder, network, processor)


def save_gemma3(folder: Path) -> Path:
    """Write Gemma 3, the class of MedGemma."""
    words = _words(
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
    )
    network = Gemma3ForConditionalGeneration(
        Gemma3Config(
            vision_config={"model_type": "siglip_vision_model", "vision_use_head": False, **_SIGLIP},
            text_config={"model_type": "gemma3_text", "head_dim": 8, **_ends(words), **_LAYERS},
            mm_tokens_per_image=4,
            image_token_id=words.convert_tokens_to_ids("<image_soft_token>"),
            boi_token_index=words.convert_tokens_to_ids("<start_of_image>"),
            eoi_token_index=words.convert_tokens_to_ids("<end_of_image>"),
        )
    )
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessor(size={"height": 28, "width": 28}),
        tokenizer=words,
        image_seq_length=4,
        chat_template=_chat("<start_of_image>"),
    )
    return _save(folder, network, processor)


def save_qwen2_5_vl(folder: Path) -> Path:
    """Write Qwen2.5-VL, the class of CheXOne and of NV-Reason-CXR."""
    words = _words(
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        vision_bos_token="<|vision_start|>",
        vision_eos_token="<|vision_end|>",
    )
    turned = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    network = Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            vision_config={
                "depth": 2,
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_heads": 2,
                "out_hidden_size": 16,
                "patch_size": 14,
                "fullatt_block_indexes": [1],
                "window_size": 56,
            },
            text_config={"rope_parameters": turned, **_ends(words), **_LAYERS},
            image_token_id=words.convert_tokens_to_ids("<|image_pad|>"),
            video_token_id=words.convert_tokens_to_ids("<|video_pad|>"),
            vision_start_token_id=words.convert_tokens_to_ids("<|vision_start|>"),
            vision_end_token_id=words.convert_tokens_to_ids("<|vision_end|>"),
        )
    )
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=56 * 56),
        tokenizer=words,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=_chat("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    return _save(folder, network, processor)


def _save(folder: Path, network: Any, processor: Any) -> Path:
    network.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    network.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _words(**named: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer of letters, and of marks that stand for more than their letters."""
    letters = [*map(chr, range(32, 127)), "\n"]
    numbered = {word: number for number, word in enumerate([*_MARKS, *named.values(), *letters])}
    tokenizer = Tokenizer(models.WordLevel(numbered, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens={"turn_token": "<|turn|>", "answer_token": "<|answer|>", **named},
    )


def _ends(words: PreTrainedTokenizerFast) -> dict[str, int]:
    return {
        "vocab_size": len(words),
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def _chat(image: str) -> str:
    piece = f"{{{{ '{image}' if piece['type'] == 'image' else piece['text'] }}}}"
    turn = f"<|turn|>{{% for piece in turn['content'] %}}{piece}{{% endfor %}}"
    return f"{{% for turn in messages %}}{turn}{{% endfor %}}<|answer|>"
