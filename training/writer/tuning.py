"""Tune the bundled base model on pairs of a chat and an answer, whatever these are of.

LoRA (Hu 2021, arXiv 2106.09685) on every linear layer of SmolLM2-135M-Instruct. Made for a CPU: bf16, batches
of equal length, loss on the answer only, and the output layer computed only there. Deterministic by seed; a
run that was killed goes on where its last checkpoint stands.

Map: `Recipe` -> `tune` -> `_batches`, `_loss` -> `_publish`.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.writer.examples import Example
from worker_llm.writers.unpacked import unpacked_base


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what comes out."""

    seed: int = 7
    steps: int = 380
    batch: int = 4
    learning_rate: float = 1e-3
    warmup: int = 20
    rank: int = 32
    alpha: int = 64
    weight_decay: float = 0.0
    clip: float = 1.0
    bucket: int = 32
    """Batches whose examples are sorted by length together."""


Examples = Callable[[Random], Iterator[Example]]
"""Yields examples without end, the same ones for the same seed."""


def tune(recipe: Recipe, draw: Examples, *, out: Path, work: Path, save_every: int) -> None:
    """Tune the adapter and save it to `out`; checkpoints go to `work`, and are gone on from.

    Args:
        draw: what is learnt.
        save_every: steps between checkpoints.
    """
    torch.manual_seed(recipe.seed)
    base = unpacked_base(None)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = _with_adapter(base, recipe, work)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    done = 0
    if (work / "optimizer.pt").is_file():
        state = torch.load(work / "optimizer.pt", weights_only=True)
        optimizer.load_state_dict(state["optimizer"])
        done = state["step"]
    started, tokens, mean = time.monotonic(), 0, math.nan
    for step, batch in islice(enumerate(_batches(recipe, draw, tokenizer), start=1), done, recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step, recipe)
        loss = _loss(model, *batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(weights, recipe.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens += batch[0].numel()
        mean = loss.item() if math.isnan(mean) else 0.95 * mean + 0.05 * loss.item()
        if step % 10 == 0:
            seconds = time.monotonic() - started
            left = seconds / (step - done) * (recipe.steps - step) / 60.0
            rate = tokens / seconds
            print(
                f"step {step}/{recipe.steps} loss {mean:.4f} {rate:.0f} tokens/s, {left:.0f} min left",
                flush=True,
            )
        if step % save_every == 0 or step == recipe.steps:
            _save(model, optimizer, step, work)
    _publish(model, out)


def _with_adapter(base: Path, recipe: Recipe, work: Path) -> Any:  # noqa: ANN401 - peft ships no types
    """Load the frozen base in bf16 and put the adapter on it in float32, new or from the checkpoint."""
    # On a CPU the fused bf16 attention takes a fifth of the time of a step; the plain one a tenth of that.
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16, attn_implementation="eager")
    with warnings.catch_warnings():
        # peft asks transformers for a property by the name that is to go.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        if (work / "optimizer.pt").is_file():
            return PeftModel.from_pretrained(model, work, is_trainable=True)
        return get_peft_model(model, _lora(recipe))


def _lora(recipe: Recipe) -> LoraConfig:
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        task_type="CAUSAL_LM",
    )


def _schedule(step: int, recipe: Recipe) -> float:
    """Rise over the warm-up, then fall linearly to a twentieth."""
    if step <= recipe.warmup:
        return step / recipe.warmup
    return 1.0 - 0.95 * (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)


Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Token ids (B, T), attention mask (B, T), and targets (B, T) with -100 where nothing is to be learnt."""


def _batches(recipe: Recipe, draw: Examples, tokenizer: Any) -> Iterator[Batch]:  # noqa: ANN401 - as above
    """Yield batches of nearly equal length, the same ones for the same seed."""
    random = Random(recipe.seed)
    examples = draw(random)
    while True:
        drawn = [_tokens(example, tokenizer) for example in islice(examples, recipe.bucket * recipe.batch)]
        drawn.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
        starts = list(range(0, len(drawn), recipe.batch))
        random.shuffle(starts)
        for start in starts:
            yield _pad(drawn[start : start + recipe.batch], tokenizer.pad_token_id)


def _tokens(example: Example, tokenizer: Any) -> tuple[list[int], list[int]]:  # noqa: ANN401 - as above
    prompt = tokenizer.apply_chat_template(example.messages, add_generation_prompt=True, tokenize=False)
    answer = example.answer + tokenizer.eos_token
    return (
        tokenizer(prompt, add_special_tokens=False)["input_ids"],
        tokenizer(answer, add_special_tokens=False)["input_ids"],
    )


def _pad(pairs: list[tuple[list[int], list[int]]], pad: int) -> Batch:
    longest = max(len(prompt) + len(answer) for prompt, answer in pairs)
    ids, mask, targets = [], [], []
    for prompt, answer in pairs:
        fill = longest - len(prompt) - len(answer)
        ids.append(prompt + answer + [pad] * fill)
        mask.append([1] * (longest - fill) + [0] * fill)
        # The target of a position is the token after it.
        targets.append([-100] * (len(prompt) - 1) + answer + [-100] * (fill + 1))
    return torch.tensor(ids), torch.tensor(mask), torch.tensor(targets)


def _loss(model: Any, ids: torch.Tensor, mask: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - as above
    causal = model.base_model.model
    with torch.autocast("cpu", torch.bfloat16):
        hidden = causal.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        learnt = targets != -100
        logits = causal.lm_head(hidden[learnt])  # (answer tokens of the batch, vocabulary)
    return torch.nn.functional.cross_entropy(logits.float(), targets[learnt])


def _save(model: Any, optimizer: torch.optim.Optimizer, step: int, work: Path) -> None:  # noqa: ANN401 - as above
    work.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(work)
    torch.save({"optimizer": optimizer.state_dict(), "step": step}, work / "optimizer.tmp")
    (work / "optimizer.tmp").replace(work / "optimizer.pt")


def _publish(model: Any, out: Path) -> None:  # noqa: ANN401 - as above
    """Save the adapter in bf16, half the bytes, with no path of this machine in its configuration."""
    out.mkdir(parents=True, exist_ok=True)
    for config in model.peft_config.values():
        config.target_modules = sorted(config.target_modules)
        config.base_model_name_or_path = "HuggingFaceTB/SmolLM2-135M-Instruct"
    readme = out / "README.md"
    ours = readme.read_text(encoding="utf-8") if readme.is_file() else None
    # Asked whether to save embeddings, it would look the base up on a hub.
    model.to(torch.bfloat16).save_pretrained(out, save_embedding_layers=False)
    readme.unlink(missing_ok=True)  # peft writes a form to be filled in
    if ours is not None:
        readme.write_text(ours, encoding="utf-8")
