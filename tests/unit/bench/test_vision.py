"""Models that see, measured: a tiny network on the CPU, and a machine without a GPU."""

from dataclasses import replace

import pytest
import torch
from prometheus_client import REGISTRY
from rich.progress import Progress

from bench.measure import Options
from bench.vision import SHAPES, Shape, by_transformers, made_up, main

TINY_EYES = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
TINY_WORDS = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 256,
}


def written() -> float:
    return REGISTRY.get_sample_value("cxr_report_tokens_total") or 0.0


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_writes_as_many_tokens_as_it_is_asked_for(shape: Shape):
    torch.set_num_threads(1)
    tiny = replace(shape, eyes=TINY_EYES, words=TINY_WORDS)
    before = written()
    measured = by_transformers(tiny, 3, "cpu")
    # One study that nobody times, one alone, and eight.
    assert written() - before == 10 * 3
    assert measured.alone > 0
    assert measured.together > 0


def test_a_study_that_is_not_answered_is_not_measured():
    short = replace(SHAPES[0], eyes=TINY_EYES, words={**TINY_WORDS, "max_position_embeddings": 80})
    with pytest.raises(RuntimeError, match="the model takes 80 tokens"):
        by_transformers(short, 3, "cpu")


@pytest.mark.parametrize(("shape", "billions"), [(SHAPES[0], 0.8), (SHAPES[1], 7.6)])
def test_a_shape_is_as_large_as_the_model_that_it_stands_for(shape: Shape, billions: float):
    numbers = sum(weights.numel() for weights in made_up(shape, "meta").parameters())
    assert round(numbers / 1e9, 1) == billions


def test_without_a_gpu_it_says_that_nothing_was_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = main(Options(), Progress())
    assert result.conditions == ("There is no GPU here: nothing was measured.",)
    assert (result.comparisons, result.breakdowns) == ((), ())
