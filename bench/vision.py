"""How fast models that see write, and what memory they take: networks of made-up weights, on a GPU.

Ours: the worker's own engine, transformers, one study after another. Beside it, where it is installed, vLLM
with the same network and the same questions. Two shapes: Qwen2's smallest and LLaVA-Med's Mistral, each with
the eyes of LLaVA-Med. What such a network says is noise, and takes as long as a report. Each engine lives in
a process of its own.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from PIL import Image
from rich.progress import Progress
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForImageTextToText,
    CLIPVisionConfig,
    LlavaConfig,
    LlavaProcessor,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from bench.measure import Options, core_count
from bench.results import Breakdown, Result
from shared.domain.reports import WriterVersion
from worker_llm.vision.asking import Question
from worker_llm.vision.engine import TransformersEngine, dtype_of
from worker_llm.writers.base import NoReport

NAME: Final = "vision"
_AT_ONCE: Final = 8
_WORDS: Final = 80
"""Words of a question, about as many as MAIRA-2's."""
_IMAGE: Final = "<image>"
_EYES: Final = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a network is made like.

    Attributes:
        eyes: of CLIP.
        words: of the language model, whose class is `kind`.
    """

    name: str
    eyes: dict[str, int]
    kind: type[MistralConfig | Qwen2Config]
    words: dict[str, int]


SHAPES: Final = (
    Shape(
        "0.5 B",
        _EYES,
        Qwen2Config,
        {
            "vocab_size": 151_936,
            "hidden_size": 896,
            "intermediate_size": 4864,
            "num_hidden_layers": 24,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": True,
        },
    ),
    Shape(
        "7 B",
        _EYES,
        MistralConfig,
        {
            "vocab_size": 32_000,
            "hidden_size": 4096,
            "intermediate_size": 14_336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "max_position_embeddings": 4096,
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one engine did with one shape.

    Attributes:
        alone: tokens a second of one study.
        together: of eight that wait at once, all together.
        gigabytes: of the GPU, at most; 0 on a CPU.
    """

    alone: float
    together: float
    gigabytes: float


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    if not torch.cuda.is_available():
        return Result(NAME, (), conditions=("There is no GPU here: nothing was measured.",))
    engines: dict[str, Callable[[Shape, int, str], Measured]] = {"transformers": by_transformers}
    where = f"{torch.cuda.get_device_name()}, bfloat16, {core_count()} cores, torch {torch.__version__}"
    conditions = [f"one image of 576 tokens and {_WORDS} words a study; {where}"]
    if find_spec("vllm"):
        engines["vLLM"] = by_vllm
        conditions.append("vLLM sets memory aside for its cache beforehand: nine tenths of the GPU's")
    else:
        conditions.append("vLLM is not installed: not measured")
    tokens = options.choose(32, 256)
    rows: list[tuple[str, tuple[float, ...]]] = []
    task = progress.add_task("vision", total=len(SHAPES) * len(engines))
    for shape in SHAPES:
        for engine, measure in engines.items():
            progress.update(task, description=f"vision: {shape.name}, {engine}")
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                found = process.submit(measure, shape, tokens, "cuda").result()
            rows.append((f"{shape.name}, {engine}", (found.alone, found.together, found.gigabytes)))
            progress.advance(task)
    columns = ("tokens/s, one study", f"tokens/s, {_AT_ONCE} at once", "GB at most")
    return Result(NAME, (), (Breakdown(f"{tokens} tokens a study", columns, tuple(rows)),), tuple(conditions))


def by_transformers(shape: Shape, tokens: int, device: str) -> Measured:
    """Measure the worker's engine."""
    network = made_up(shape, device).eval()
    network.generation_config.eos_token_id = None  # noise may end at any token; a report must not
    engine = TransformersEngine(network, _processor(shape), WriterVersion("noise", "1"))

    def answer(count: int) -> None:
        questions = [_question(number, shape, tokens) for number in range(count)]
        reasons = [said.reason for said in engine.answers(questions, attempt=1) if isinstance(said, NoReport)]
        if reasons:
            raise RuntimeError(reasons[0])

    rates = _rates(answer, tokens)
    return Measured(*rates, torch.cuda.max_memory_allocated() / 1e9 if device != "cpu" else 0.0)


def by_vllm(shape: Shape, tokens: int, _device: str) -> Measured:
    """Measure vLLM, in this process."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # else its memory is another process's
    from vllm import LLM, SamplingParams  # noqa: PLC0415 - where it is installed

    with TemporaryDirectory() as made:
        folder, processor = Path(made), _processor(shape)
        _config(shape).save_pretrained(folder)
        processor.save_pretrained(folder)
        engine = LLM(
            model=str(folder),
            load_format="dummy",
            dtype="bfloat16",
            max_model_len=2048,
            max_num_seqs=_AT_ONCE,
        )
        chosen = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True, detokenize=False)

        def answer(count: int) -> None:
            questions = [_question(number, shape, tokens) for number in range(count)]
            prompts = [
                {
                    "prompt": processor.apply_chat_template(question.chat, tokenize=False),
                    "multi_modal_data": {"image": question.images[0]},
                }
                for question in questions
            ]
            engine.generate(prompts, chosen, use_tqdm=False)

        rates = _rates(answer, tokens)
    free, whole = torch.cuda.mem_get_info()
    return Measured(*rates, (whole - free) / 1e9)


def made_up(shape: Shape, device: str) -> Any:  # noqa: ANN401 - transformers ships no types
    """Return a network of a shape, whatever its weights."""
    with torch.device(device):
        return AutoModelForImageTextToText.from_config(_config(shape), dtype=dtype_of(device))


def _rates(answer: Callable[[int], None], tokens: int) -> tuple[float, float]:
    """Return the tokens a second of one study and of several, after one that nobody times."""
    answer(1)
    rates: list[float] = []
    for count in (1, _AT_ONCE):
        begun = time.perf_counter()
        answer(count)
        rates.append(count * tokens / (time.perf_counter() - begun))
    alone, together = rates
    return alone, together


def _config(shape: Shape) -> Any:  # noqa: ANN401 - as above
    return LlavaConfig(
        vision_config=CLIPVisionConfig(**shape.eyes),
        text_config=shape.kind(**shape.words),
        image_token_index=_vocabulary()[_IMAGE],
        tie_word_embeddings=bool(shape.words.get("tie_word_embeddings")),
        architectures=["LlavaForConditionalGeneration"],
    )


def _vocabulary() -> dict[str, int]:
    special: Sequence[str] = ("<unk>", "<s>", "</s>", "<pad>", _IMAGE)
    return {word: place for place, word in enumerate((*special, *(f"w{number}" for number in range(50))))}


def _processor(shape: Shape) -> Any:  # noqa: ANN401 - as above
    """Make a processor of fifty words, whose pictures are of the shape's size."""
    words = Tokenizer(models.WordLevel(_vocabulary(), unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=[_IMAGE],
    )
    side = shape.eyes["image_size"]
    piece = f"{{{{ '{_IMAGE}' if piece['type'] == 'image' else piece['text'] }}}} "
    return LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        ),
        tokenizer=tokenizer,
        patch_size=shape.eyes["patch_size"],
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=f"{{% for turn in messages %}}{{% for piece in turn['content'] %}}{piece}"
        "{% endfor %}{% endfor %}",
    )


def _question(number: int, shape: Shape, tokens: int) -> Question:
    """Return a study's question; another number, other words, so that no cache answers it."""
    text = " ".join(f"w{(number + place) % 50}" for place in range(_WORDS))
    side = shape.eyes["image_size"]
    image = Image.effect_noise((side, side), 40 + number).convert("RGB")
    content = [{"type": "image"}, {"type": "text", "text": text}]
    return Question([{"role": "user", "content": content}], (image,), (), tokens)
