import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, TensorDataset

from training.sampling import EpochSampler, rarity


@pytest.fixture
def labels():
    """Return 1,000 images: 40 of a rare label, 300 of a frequent one (10 of both), the others of none."""
    targets = np.zeros((1000, 2), np.float32)
    targets[:40, 0] = 1.0
    targets[30:330, 1] = 1.0
    return targets, np.ones_like(targets)


def test_with_exponent_0_all_images_weigh_the_same(labels):
    np.testing.assert_array_equal(rarity(*labels, exponent=0.0), np.ones(1000))


def test_with_exponent_1_an_images_weight_is_the_rarity_of_its_rarest_label(labels):
    weights = rarity(*labels, exponent=1.0)
    assert weights.mean() == pytest.approx(1.0)
    assert weights[0] / weights[-1] == pytest.approx(670 / 40)
    assert weights[35] == weights[0]  # has both labels
    assert weights[100] / weights[-1] == pytest.approx(670 / 300)


def test_the_exponent_is_in_between(labels):
    weights = rarity(*labels, exponent=0.5)
    assert weights[0] / weights[-1] == pytest.approx((670 / 40) ** 0.5)


def test_what_is_not_known_is_not_present(labels):
    targets, known = labels
    known[:, 0] = 0.0
    weights = rarity(targets, known, exponent=1.0)
    assert weights[0] == weights[-1]


def test_rare_labels_are_drawn_as_often_as_their_weights_say(labels):
    weights = rarity(*labels, exponent=1.0)
    sampler = EpochSampler(weights, seed=1)
    drawn: list[int] = []
    for epoch in range(50):
        sampler.start(epoch=epoch)
        drawn += sampler
    found = np.bincount(drawn, minlength=1000) / 50
    assert found[:40].mean() == pytest.approx(weights[:40].mean(), rel=0.05)
    assert found[330:].mean() == pytest.approx(weights[330:].mean(), rel=0.05)


def test_equal_weights_draw_each_image_once():
    assert sorted(EpochSampler(np.ones(100), seed=0)) == list(range(100))


@pytest.mark.parametrize("weights", [np.ones(100), np.linspace(0.1, 2.0, 100)])
def test_seed_and_epoch_decide_the_order(weights):
    sampler = EpochSampler(weights, seed=7)
    first = list(sampler)
    assert list(sampler) == first
    sampler.start(epoch=1)
    assert list(sampler) != first
    assert list(EpochSampler(weights, seed=8)) != first
    sampler.start(epoch=0)
    assert list(sampler) == first


@pytest.mark.parametrize("weights", [np.ones(103), np.linspace(0.1, 2.0, 103)])
@pytest.mark.parametrize("world", [1, 2, 4])
def test_processes_share_an_order_and_take_the_same_number(weights, world):
    shares = [list(EpochSampler(weights, seed=3, rank=rank, world=world)) for rank in range(world)]
    assert {len(share) for share in shares} == {103 // world}
    whole = list(EpochSampler(weights, seed=3))
    assert [one for turn in zip(*shares, strict=True) for one in turn] == whole[: 103 // world * world]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_goes_on_in_mid_epoch_sees_what_it_would_have_seen(workers):
    weights = np.linspace(0.1, 2.0, 60)
    images = TensorDataset(torch.arange(60))

    def epoch_of(sampler):
        loader = DataLoader(
            images, batch_sampler=BatchSampler(sampler, 8, drop_last=False), num_workers=workers
        )
        return [batch.tolist() for (batch,) in loader]

    unbroken = EpochSampler(weights, seed=5)
    unbroken.start(epoch=2)
    expected = epoch_of(unbroken)
    state = unbroken.state_dict(taken=3 * 8)
    resumed = EpochSampler(weights, seed=5)
    resumed.load_state_dict(state)
    assert len(resumed) == 60 - 24
    assert epoch_of(resumed) == expected[3:]


def test_a_state_of_another_run_is_an_error_that_says_so():
    state = EpochSampler(np.ones(60), seed=5).state_dict(taken=8)
    with pytest.raises(ValueError, match="seed 5 and 60 images, this run has seed 6 and 60"):
        EpochSampler(np.ones(60), seed=6).load_state_dict(state)
    with pytest.raises(ValueError, match="seed 5 and 61"):
        EpochSampler(np.ones(61), seed=5).load_state_dict(state)


@pytest.mark.parametrize("weights", [[], [1.0, 0.0], [1.0, -1.0], [1.0, np.nan], [1.0, np.inf]])
def test_weights_that_cannot_be_drawn_by_are_an_error(weights):
    with pytest.raises(ValueError, match="above 0"):
        EpochSampler(np.array(weights), seed=0)


def test_a_place_that_an_epoch_does_not_have_is_an_error():
    with pytest.raises(ValueError, match="image 61 of epoch 0"):
        EpochSampler(np.ones(60), seed=0).start(epoch=0, taken=61)


def test_more_processes_than_images_are_an_error():
    with pytest.raises(ValueError, match="3 processes cannot share 2 images"):
        EpochSampler(np.ones(2), seed=0, world=3)
