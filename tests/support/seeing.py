"""Models that see as transformers saves them: the classes and processors are real, the weights tiny."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
    Gemma3TextConfig,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Config,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    SiglipVisionConfig,
)

from tests.support.published import Scripted
from worker_llm.vision.engine import TransformersEngine

_WORDS = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
_EYES = {
    "hidden_size": 12,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}

_QWEN_TURNS = (
    "{% for turn in messages %}{{ '<|im_start|>' + turn.role + '\n' }}{% for piece in turn.content %}"
    "{% if piece.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ piece.text }}"
    "{% endif %}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}"
)
_ONEVISION_TURNS = (
    "{% for turn in messages %}{{ '<|im_start|>' + turn.role + ' ' }}"
    "{% for piece in turn.content if piece.type == 'image' %}<image>{% endfor %}"
    "{% for piece in turn.content if piece.type == 'text' %}{{ '\n' + piece.text }}{% endfor %}"
    "<|im_end|>{% endfor %}{{ '<|im_start|>assistant\n' }}"
)
_GEMMA_TURNS = (
    "{{ bos_token }}{% set first = messages[0].content[0].text + '\n\n' %}{% for turn in messages[1:] %}"
    "{{ '<start_of_turn>' + turn.role + '\n' + (first if loop.first else '') }}"
    "{% for piece in turn.content %}{% if piece.type == 'image' %}<start_of_image>"
    "{% else %}{{ piece.text | trim }}{% endif %}{% endfor %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{{ '<start_of_turn>model\n' }}"
)


def save_llava_onevision(folder: Path) -> Path:
    """Write a folder as llava-hf's LLaVA-OneVision and RadVLM are published."""
    tokenizer = _tokenizer("<image>", "<video>", "<|im_start|>", "<|im_end|>")
    torch.manual_seed(0)
    grid = [[28, 28], [28, 56], [56, 28], [56, 56]]
    LlavaOnevisionForConditionalGeneration(
        LlavaOnevisionConfig(
            vision_config=SiglipVisionConfig(**_EYES, vision_use_head=False),
            text_config=Qwen2Config(
                **_WORDS, **_ends(tokenizer), vocab_size=len(tokenizer), max_position_embeddings=8192
            ),
            image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
            video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
            image_grid_pinpoints=grid,
        )
    ).save_pretrained(folder)
    size = {"height": 28, "width": 28}
    LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=grid),
        tokenizer=tokenizer,
        video_processor=LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=_ONEVISION_TURNS,
    ).save_pretrained(folder)
    return folder


def save_qwen2_5_vl(folder: Path) -> Path:
    """Write a folder as Qwen2.5-VL and what was tuned from it are published."""
    tokenizer = _tokenizer(
        "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_start|>", "<|im_end|>"
    )
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            vision_config={
                "depth": 2,
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_heads": 2,
                "out_hidden_size": 16,
                "fullatt_block_indexes": [1],
            },
            text_config={
                **_WORDS,
                **_ends(tokenizer),
                "vocab_size": len(tokenizer),
                "max_position_embeddings": 8192,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
            },
            image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
            video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
            vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        )
    ).save_pretrained(folder)
    Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 12845056}),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=_QWEN_TURNS,
    ).save_pretrained(folder)
    return folder


def save_gemma3(folder: Path) -> Path:
    """Write a folder as Gemma 3 and MedGemma are published."""
    named = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    tokenizer = _tokenizer(*named.values(), "<start_of_turn>", "<end_of_turn>", begin="<bos>", named=named)
    torch.manual_seed(0)
    Gemma3ForConditionalGeneration(
        Gemma3Config(
            vision_config=SiglipVisionConfig(**_EYES, vision_use_head=False),
            text_config=Gemma3TextConfig(
                **_WORDS,
                **_ends(tokenizer),
                head_dim=8,
                vocab_size=len(tokenizer),
                max_position_embeddings=8192,
                sliding_window=64,
            ),
            mm_tokens_per_image=4,
            image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
            boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
            eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        )
    ).save_pretrained(folder)
    Gemma3Processor(
        image_processor=Gemma3ImageProcessor(size={"height": 28, "width": 28}),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=_GEMMA_TURNS,
    ).save_pretrained(folder)
    return folder


def script(engine: TransformersEngine, text: str) -> None:
    """Let an engine's network say a text next, whatever it thinks."""
    tokenizer = engine.processor.tokenizer
    tokens = [*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    engine.network.lm_head = Scripted(tokens, len(tokenizer))


def prompt_of(engine: TransformersEngine, chat: list[dict[str, Any]]) -> str:
    """Return a conversation in the frame that a folder has for it."""
    said: str = engine.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return said


def _ends(tokenizer: PreTrainedTokenizerFast) -> dict[str, int | None]:
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {name: getattr(tokenizer, name) for name in names}


def _tokenizer(
    *special: str, begin: str | None = None, named: dict[str, str] | None = None
) -> PreTrainedTokenizerFast:
    """Return a tokenizer whose words are bytes: whatever is said, comes back as it was."""
    letters = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(BPE(vocab=letters, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=begin,
        eos_token="<end>",
        pad_token="<pad>",
        extra_special_tokens=named or {},
    )
    tokenizer.add_special_tokens(
        {"additional_special_tokens": [token for token in special if token not in (named or {}).values()]}
    )
    return tokenizer
