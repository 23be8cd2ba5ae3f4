"""Convert LLaVA-Med's weights: `python -m worker_llm.vision.convert llava-med FROM TO --vision CLIP`.

They were published for code of their own. TO gets the same numbers under the names that transformers' own
Llava reads, with its configuration, tokenizer, image processor and chat template. A file is read and written
at a time; TO appears whole or not at all.

    FROM   what `hf download microsoft/llava-med-v1.5-mistral-7b` fetches
    CLIP   what `hf download openai/clip-vit-large-patch14-336` fetches; config.json and
           preprocessor_config.json are enough where FROM has eyes of its own, which are taken

Map: `main` -> `convert` -> `_plan` (`own_name`, `_vision_name`) -> `_write_weights`.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from accelerate import init_empty_weights
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    CLIPVisionConfig,
    GenerationConfig,
    LlamaTokenizer,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    MistralConfig,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from worker_llm.vision.engine import CONVERSION
from worker_llm.vision.published import Shapes, WeightsError, check, files_of, shapes_of, tensors_of

IMAGE: Final = "<image>"
CHAT: Final = (
    "{{ bos_token }}{% for turn in messages %}{% if turn['role'] == 'user' %}[INST] {% for piece in"
    " turn['content'] %}{{ '<image>\\n' if piece['type'] == 'image' else piece['text'] }}{% endfor %} [/INST]"
    "{% else %} {{ turn['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
"""Mistral's frame; the picture comes before the question, on a line of its own."""

_RENAMED: Final = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"^model\.mm_projector\.0\.", "model.multi_modal_projector.linear_1."),
        (r"^model\.mm_projector\.2\.", "model.multi_modal_projector.linear_2."),
        (r"^model\.vision_tower\.vision_tower\.vision_model\.", "model.vision_tower."),
        (r"^model\.(layers|embed_tokens|norm)\.", r"model.language_model.\1."),
    )
)
_COMPUTED: Final = re.compile(r"\.(position_ids|rotary_emb\.inv_freq)$")
_EYES: Final = "model.vision_tower."
_WORDS: Final = ("model.language_model.embed_tokens.weight", "lm_head.weight")
"""They have a row a word; the picture's token is one more."""
_MISTRAL: Final = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_theta",
    "sliding_window",
    "bos_token_id",
    "eos_token_id",
)
_PUBLISHED: Final[dict[str, tuple[Any, ...]]] = {
    "model_type": ("llava_mistral",),
    "mm_projector_type": ("mlp2x_gelu",),
    "mm_vision_select_layer": (-2,),
    "mm_vision_select_feature": ("patch", None),
    "mm_use_im_start_end": (False, None),
    "tie_word_embeddings": (False, None),
}

Rename = Callable[[str], str | None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, convert, say what turns it on."""
    parser = argparse.ArgumentParser(
        prog="python -m worker_llm.vision.convert",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", choices=["llava-med"], help="what FROM is")
    parser.add_argument("source", type=Path, metavar="FROM", help="folder of the published files")
    parser.add_argument("out", type=Path, metavar="TO", help="folder to make")
    parser.add_argument(
        "--vision",
        type=Path,
        required=True,
        metavar="CLIP",
        help="folder of openai/clip-vit-large-patch14-336",
    )
    options = parser.parse_args(arguments)
    if options.out.exists():
        sys.exit(f"{options.out} is there already; name a new folder")
    try:
        convert(options.source, options.out, vision=options.vision)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"next: CXR_REPORT_WRITER={options.model} CXR_REPORT_MODEL={options.out}\n")


def convert(source: Path, out: Path, *, vision: Path) -> None:
    """Write a folder of transformers' Llava.

    Raises:
        WeightsError: a folder is not what it should be.
        OSError: a file cannot be read or written.
    """
    said = _configuration(source)
    tokenizer = LlamaTokenizer.from_pretrained(source)
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE]})
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.unk_token
    picture = tokenizer.convert_tokens_to_ids(IMAGE)
    eyes = CLIPVisionConfig.from_pretrained(_with(vision, "config.json").parent)
    plan = _plan(source, vision, said, eyes, rows=picture + 1)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as work:
        made = Path(work) / "model"
        made.mkdir()
        digest = _write_weights(plan, made)
        plan.config.image_token_index = picture
        plan.config.save_pretrained(made)
        GenerationConfig(
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ).save_pretrained(made)
        LlavaProcessor(
            image_processor=CLIPImageProcessorPil.from_pretrained(
                _with(vision, "preprocessor_config.json").parent
            ),
            tokenizer=tokenizer,
            patch_size=eyes.patch_size,
            vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
            chat_template=CHAT,
        ).save_pretrained(made)
        (made / CONVERSION).write_text(json.dumps({"of": "llava-med", "digest": digest}) + "\n", "utf-8")
        made.rename(out)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is written: of which files, which tensors, under which names.

    Attributes:
        rows: words that the converted model has.
    """

    config: Any
    parts: tuple[tuple[Path, Rename], ...]
    rows: int

    def tensors(self, file: Path, rename: Rename) -> Iterator[tuple[str, Tensor]]:
        """Read a file's tensors under their new names, with a row for each word."""
        for name, tensor in tensors_of(file):
            own = rename(name)
            if own is not None:
                yield own, _with_rows(tensor, self.rows) if own in _WORDS else tensor


def _plan(source: Path, vision: Path, said: dict[str, Any], eyes: Any, *, rows: int) -> _Plan:  # noqa: ANN401 - transformers ships no types
    files = files_of(source)
    held = _renamed(shapes_of(files), own_name)
    parts: list[tuple[Path, Rename]] = [(file, own_name) for file in files]
    if not any(name.startswith(_EYES) for name in held):
        apart = files_of(vision)
        held |= _renamed(shapes_of(apart), _vision_name)
        parts += [(file, _vision_name) for file in apart]
    rows = max(rows, held.get(_WORDS[0], (0,))[0])
    text = MistralConfig(
        **{name: said[name] for name in _MISTRAL if name in said}, vocab_size=rows, tie_word_embeddings=False
    )
    config = LlavaConfig(
        vision_config=eyes,
        text_config=text,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=(eyes.image_size // eyes.patch_size) ** 2,
        dtype=said.get("torch_dtype", "bfloat16"),
    )
    with init_empty_weights():
        network = LlavaForConditionalGeneration(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    check({name: _as_converted(name, held[name], rows) for name in held}, wanted, where=source)
    return _Plan(config, tuple(parts), rows)


def own_name(published: str) -> str | None:
    """Return what a published tensor is called in transformers' Llava; None of one that it computes."""
    if _COMPUTED.search(published):
        return None
    name = published
    for theirs, ours in _RENAMED:
        name = theirs.sub(ours, name)
    return name


def _vision_name(published: str) -> str | None:
    """Return what a tensor of CLIP is called in transformers' Llava; None of one that is not its eyes'."""
    if _COMPUTED.search(published) or not published.startswith("vision_model."):
        return None
    return _EYES + published.removeprefix("vision_model.")


def _renamed(shapes: Shapes, rename: Rename) -> Shapes:
    return {own: shape for name, shape in shapes.items() if (own := rename(name)) is not None}


def _as_converted(name: str, shape: tuple[int, ...], rows: int) -> tuple[int, ...]:
    return (rows, *shape[1:]) if name in _WORDS else shape


def _with_rows(tensor: Tensor, rows: int) -> Tensor:
    """Add rows that are the mean of all: such a word is never the likeliest."""
    missing = rows - len(tensor)
    mean = tensor.float().mean(0, keepdim=True).to(tensor.dtype)
    return torch.cat([tensor, mean.expand(missing, -1)]) if missing else tensor


def _write_weights(plan: _Plan, made: Path) -> str:
    """Write a file for each that is read, and the index; return the digest of all."""
    digest = hashlib.sha256()
    places: dict[str, str] = {}
    size = 0
    for number, (file, rename) in enumerate(plan.parts, 1):
        held = {name: tensor.contiguous() for name, tensor in plan.tensors(file, rename)}
        name = f"model-{number:05d}-of-{len(plan.parts):05d}.safetensors"
        save_file(held, made / name, metadata={"format": "pt"})
        places |= dict.fromkeys(held, name)
        size += sum(tensor.nbytes for tensor in held.values())
        with (made / name).open("rb") as written:
            digest.update(hashlib.file_digest(written, "sha256").digest())
    index = {"metadata": {"total_size": size}, "weight_map": places}
    (made / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), "utf-8")
    return digest.hexdigest()


def _configuration(source: Path) -> dict[str, Any]:
    path = _with(source, "config.json")
    said: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for name, allowed in _PUBLISHED.items():
        if said.get(name) not in allowed:
            message = f"{path} is not LLaVA-Med 1.5's: {name} is {said.get(name)!r}, should be {allowed[0]!r}"
            raise WeightsError(message)
    return said


def _with(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        message = f"{folder} has no {name}; fetch it again"
        raise WeightsError(message)
    return path


if __name__ == "__main__":
    main()
