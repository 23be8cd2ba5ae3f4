"""What tells a mirrored radiograph: a network whose answer changes its sign with the picture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shared.bundles import load_bundle
from shared.gates import MIRROR, load_gate
from tests.support.bundles import GATE, SIZE, write_tiny_bundle, write_tiny_gate
from training.bundled.heads import to_batch
from training.bundled.mirror import Mirror, Squares, add_mirror, fit_mirror, logits_of
from worker_cnn.gate import MIRRORED, load_models
from worker_cnn.runtime import open_graph


def hearts(count: int, *, seed: int = 0) -> Squares:
    """Draw squares of gray grain with a bright spot low on their right, as a heart lies on a radiograph."""
    random = np.random.default_rng(seed)
    squares = random.integers(0, 120, (count, SIZE, SIZE), np.uint8)
    for square in squares:
        top, left = random.integers(16, 22), random.integers(18, 24)
        square[top : top + 8, left : left + 8] = 230
    return squares


@pytest.fixture(scope="module")
def mirror() -> Mirror:
    torch.set_num_threads(1)
    return fit_mirror(hearts(128), seed=0, epochs=6)


def test_a_mirrored_picture_has_the_opposite_logit_to_the_last_digit(mirror):
    images = to_batch(hearts(8, seed=1))
    np.testing.assert_array_equal(logits_of(mirror, images.flip(3)), -logits_of(mirror, images))


def test_pictures_that_it_has_not_seen_are_told_from_mirrored_ones(mirror):
    assert (logits_of(mirror, to_batch(hearts(32, seed=2))) < 0.0).mean() > 0.9


def test_the_same_seed_fits_the_same_network():
    one, other = (fit_mirror(hearts(32), seed=3, epochs=1) for _ in range(2))
    images = to_batch(hearts(4))
    np.testing.assert_array_equal(logits_of(one, images), logits_of(other, images))


def test_a_gate_gets_the_graph_and_a_limit_at_which_few_are_called_mirrored(tmp_path):
    parts = {"train": hearts(64), "validation": hearts(24, seed=4), "test": hearts(24, seed=5)}
    gate = add_mirror(GATE, tmp_path, **parts, seed=0)
    assert gate.mirrored_from is not None
    graph = open_graph(tmp_path / MIRROR, device="cpu", threads=1)
    (said,) = graph.run(to_batch(parts["test"]).numpy(), [MIRRORED])
    (of_mirrored,) = graph.run(np.ascontiguousarray(to_batch(parts["test"]).numpy()[..., ::-1]), [MIRRORED])
    np.testing.assert_allclose(said, -of_mirrored, atol=1e-4)
    assert gate.mirrored_false == pytest.approx((said >= gate.mirrored_from).mean(), abs=1e-4)
    assert gate.mirrored_caught == pytest.approx((of_mirrored >= gate.mirrored_from).mean(), abs=1e-4)


def test_the_worker_asks_the_mirror_about_the_picture_itself(tmp_path: Path):
    folder = write_tiny_gate(tmp_path / "gate", mirror=True)
    bundle = load_bundle(write_tiny_bundle(tmp_path / "tiny"))
    picture = np.zeros((SIZE, SIZE), np.float32)
    picture[:, : SIZE // 2] = 1.0
    for embedding in (bundle.card.embedding, "another"):
        card = bundle.card.model_copy(update={"embedding": embedding})
        models = load_models(replace(bundle, card=card), load_gate(folder), device="cpu", threads=1)
        assert models.shares is (embedding != "another")
        left, right = models.judge(np.stack([picture, picture[:, ::-1]]))
        assert (left.verdict.mirrored, right.verdict.mirrored) == (1.0, -1.0)
    plain = load_models(bundle, load_gate(write_tiny_gate(tmp_path / "plain")), device="cpu", threads=1)
    assert plain.judge(picture[np.newaxis])[0].verdict.mirrored == 0.0
