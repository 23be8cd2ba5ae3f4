"""That where an image comes from is neither learnt nor drawn more often than told."""

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from training.metrics import auroc
from training.policies import Targets
from training.sources import adjusted, evenness, log_odds

COUNT = 400


@pytest.fixture
def taught() -> Targets:
    """Two data sets: of 300 images a tenth show the label, of 100 seven tenths do."""
    sources = np.array(["large"] * 300 + ["small"] * 100)
    targets = np.zeros((COUNT, 2), np.float32)
    targets[:30, 0] = targets[300:370, 0] = 1.0
    known = np.ones_like(targets)
    known[:, 1] = sources == "small"
    return Targets(targets, known, known * 0, known[:, 0], sources, targets * 0)


def test_with_exponent_1_each_data_set_is_drawn_as_often():
    sources = np.array(["large"] * 300 + ["small"] * 100)
    weights = evenness(sources, exponent=1.0)
    assert weights[:300].sum() == pytest.approx(weights[300:].sum()) == pytest.approx(COUNT / 2)
    np.testing.assert_array_equal(evenness(sources, exponent=0.0), np.ones(COUNT))
    half = evenness(sources, exponent=0.5)
    assert half[-1] / half[0] == pytest.approx(3**0.5)


def test_log_odds_are_those_of_each_data_set_where_it_says_anything(taught):
    odds = log_odds(taught, np.ones(COUNT))
    np.testing.assert_allclose(odds["large"], np.log([31 / 271, 1.0]), rtol=1e-5)
    np.testing.assert_allclose(odds["small"], np.log([71 / 31, 1 / 101]), rtol=1e-5)


def test_log_odds_are_of_what_is_drawn(taught):
    twice = np.where(taught.targets[:, 0] > 0, 2.0, 1.0)
    assert log_odds(taught, twice)["small"][0] == pytest.approx(np.log(141 / 31), rel=1e-5)


def test_each_image_gets_those_of_its_data_set_and_a_strange_one_none(taught):
    odds = log_odds(taught, np.ones(COUNT))
    del odds["small"]
    offsets = adjusted(taught, odds).offsets
    np.testing.assert_allclose(offsets[:300], np.tile(odds["large"], (300, 1)))
    assert not offsets[300:].any()


def test_what_is_adjusted_learns_from_the_pixels_and_not_from_the_data_set(taught):
    """A linear model on two values: one says the data set, the other a little of the label."""
    random = np.random.default_rng(0)
    truth, is_small = taught.targets[:, 0], (taught.sources == "small").astype(np.float32)
    seen = torch.from_numpy(
        np.stack([is_small, truth + random.normal(0.0, 1.0, COUNT).astype(np.float32)], 1)
    ).float()
    weights = {}
    for name, one in {
        "plain": taught,
        "adjusted": adjusted(taught, log_odds(taught, np.ones(COUNT))),
    }.items():
        linear = torch.nn.Linear(2, 1)
        optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=100)

        def loss(linear=linear, one=one, optimizer=optimizer):
            optimizer.zero_grad()
            logits = linear(seen)[:, 0] + torch.from_numpy(one.offsets[:, 0])
            value = binary_cross_entropy_with_logits(logits, torch.from_numpy(truth))
            value.backward()
            return value

        optimizer.step(loss)
        weights[name] = linear.weight.detach()[0]
    assert weights["plain"][0] > 2.0
    assert abs(weights["adjusted"][0]) < 0.3
    assert weights["adjusted"][1] > 0.7
    answers = (seen @ weights["adjusted"]).numpy()
    assert auroc(answers, truth > 0) < auroc((seen @ weights["plain"]).numpy(), truth > 0)
